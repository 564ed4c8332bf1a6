"""The golden vectors of the protocol: these bytes, and no others, for these messages and values.

A vector that is there never changes within a protocol major: whoever speaks it must understand
it for ever. To add one, write it with an empty ``sent`` or ``bytes``: the failure shows the rest.
"""

from __future__ import annotations

import datetime as dt
import decimal
import json
import pathlib
import uuid
import zoneinfo

import pytest

from zmqwork.core import delivery, messages
from zmqwork.errors import DecodeError
from zmqwork.wire.codec import Decoder, encode
from zmqwork.wire.values import decode_call, decode_value, encode_call, encode_value
from zmqwork.wire.writing import WRITERS

GOLDEN = json.loads((pathlib.Path(__file__).parent / "golden.json").read_text("utf-8"))
KINDS = {kind.__name__: kind for kind in WRITERS}
NAMES = {module.__name__: module for module in (dt, decimal, pathlib, uuid, zoneinfo)}


def raw(text):
    """Bytes from hexadecimal digits, or from ``xx*n``."""
    digits, _, times = text.partition("*")
    return bytes.fromhex(digits) * int(times or 1)


def shown(data):
    """The reverse of `raw`."""
    data = bytes(data)
    return f"{data[:1].hex()}*{len(data)}" if len(data) > 64 and len(set(data)) == 1 else data.hex()


def built(value):
    """A field from JSON: ``{"bin": ...}`` is bytes."""
    if isinstance(value, list):
        return [built(item) for item in value]
    if isinstance(value, dict):
        if list(value) == ["bin"]:
            return raw(value["bin"])
        return {key: built(item) for key, item in value.items()}
    return value


def message_of(vector):
    fields = built(vector["fields"])
    if "protocol" in fields and vector["verb"] == "Hello":
        fields["protocol"] = tuple(fields["protocol"])
    if "runs" in fields:
        fields["runs"] = [messages.Run(**with_destination(run)) for run in fields["runs"]]
    if "parcels" in fields:
        fields["parcels"] = [delivery.Parcel(**parcel) for parcel in fields["parcels"]]
    if "neighbours" in fields:
        fields["neighbours"] = [messages.Neighbour(**it) for it in fields["neighbours"]]
    if "failures" in fields:
        fields["failures"] = [messages.Failure(**failure) for failure in fields["failures"]]
    return KINDS[vector["verb"]](**with_destination(fields))


def with_destination(fields):
    """A TASKS run's or a ROUTE's fields, where `to` is one."""
    return {**fields, "to": delivery.Destination(**fields["to"])} if "to" in fields else fields


def about(vector):
    return vector.get("about") or vector["python"]


@pytest.mark.parametrize("vector", GOLDEN["messages"], ids=about)
def test_a_message_is_these_bytes(vector):
    message = message_of(vector)
    sent = [[shown(frame) for frame in frames] for frames in encode(vector["number"], message)]
    assert sent == vector["sent"]


@pytest.mark.parametrize("vector", GOLDEN["messages"], ids=about)
def test_these_bytes_are_a_message(vector):
    decoder = Decoder()
    *ahead, last = [[raw(frame) for frame in frames] for frames in vector["sent"]]
    assert [decoder.decode(frames) for frames in ahead] == [None] * len(ahead)
    assert decoder.decode(last) == (vector["number"], message_of(vector))


def test_every_verb_has_a_vector():
    assert {vector["verb"] for vector in GOLDEN["messages"]} == set(KINDS)


@pytest.mark.parametrize("vector", GOLDEN["refused"], ids=about)
def test_these_frames_are_no_message(vector):
    with pytest.raises(DecodeError):
        Decoder().decode([raw(frame) for frame in vector["frames"]])


@pytest.mark.parametrize("vector", GOLDEN["values"], ids=about)
def test_a_value_is_these_bytes_and_back(vector):
    value = eval(vector["python"], dict(NAMES))
    assert encode_value(value).hex() == vector["bytes"]
    back = decode_value(bytes.fromhex(vector["bytes"]))
    assert (type(back), repr(back)) == (type(value), repr(value))


@pytest.mark.parametrize("vector", GOLDEN["calls"], ids=about)
def test_a_call_is_these_bytes_and_back(vector):
    args, kwargs = eval(vector["python"], dict(NAMES))
    assert encode_call(args, kwargs).hex() == vector["bytes"]
    assert decode_call(bytes.fromhex(vector["bytes"])) == (list(args), kwargs)


@pytest.mark.parametrize("vector", GOLDEN["refused_values"], ids=about)
def test_these_bytes_are_no_value(vector):
    with pytest.raises(DecodeError):
        decode_value(bytes.fromhex(vector["bytes"]))
