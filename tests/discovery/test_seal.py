"""The seal: whatever is changed in a record, it does not fit any more."""

from __future__ import annotations

import hashlib
import os
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmqwork.discovery.seal import SEAL_DIGITS, is_sealed, seal

KEY = bytes(range(32))
FIELDS = {"v": "1", "id": "a" * 32, "pk": "f" * 16}
HOSTS = ["10.0.0.7", "10.0.1.7"]


def sealed(key=KEY, label="l", port=5, hosts=HOSTS, **fields):
    return {**FIELDS, **fields, "m": seal(KEY, "l", FIELDS, 5, HOSTS)}, (key, label, port, hosts)


def fits(fields, about):
    key, label, port, hosts = about
    return is_sealed(key, label, fields, port, hosts)


def test_a_record_as_it_was_sealed():
    fields, about = sealed()
    assert fits(fields, about)
    assert len(fields["m"]) == SEAL_DIGITS
    assert fits(*sealed(hosts=HOSTS[::-1])), "the order of addresses is nobody's"
    assert fits(*sealed(hosts=[*HOSTS, HOSTS[0]]))


@pytest.mark.parametrize(
    "change",
    [
        {"key": bytes(32)},
        {"label": "L"},
        {"port": 6},
        {"hosts": HOSTS[:1]},
        {"hosts": [*HOSTS, "10.0.0.8"]},
        {"hosts": []},
        {"v": "2"},
        {"id": "b" * 32},
        {"pk": ""},
        {"later": "x"},
        {"": ""},
    ],
    ids=str,
)
def test_any_change_breaks_it(change):
    assert not fits(*sealed(**change))


def test_a_field_that_is_left_out_breaks_it():
    fields, about = sealed()
    for name in fields:
        assert not fits({key: it for key, it in fields.items() if key != name}, about)


@pytest.mark.parametrize("given", ["", "0" * 32, "ü" * 32, "0" * 31, "0" * 33])
def test_what_is_no_seal(given):
    fields, about = sealed()
    assert not fits({**fields, "m": given}, about)
    assert not fits({**fields, "m": fields["m"].upper()}, about)


texts = st.text(alphabet="a=|\x00\x01,1", max_size=4)


@given(
    *[st.tuples(texts, st.dictionaries(texts, texts, max_size=3), st.lists(texts, max_size=3))] * 2
)
def test_no_two_records_have_one_seal(one, other):
    """What is said by one part of a record is never said by the next one."""

    def what(record):
        label, fields, hosts = record
        return label, {name: it for name, it in fields.items() if name != "m"}, set(hosts)

    def seal_of(record):
        label, fields, hosts = record
        return seal(KEY, label, fields, 1, hosts)

    assert (what(one) == what(other)) == (seal_of(one) == seal_of(other))


def test_no_part_runs_into_the_next():
    assert seal(KEY, "l1", {"a": "bc"}, 1, []) != seal(KEY, "l", {"a": "bc"}, 11, [])
    assert seal(KEY, "l", {"a": "bc"}, 1, []) != seal(KEY, "l", {"ab": "c"}, 1, [])
    assert seal(KEY, "l", {"a": "b", "c": "d"}, 1, []) != seal(KEY, "l", {"a": "b"}, 1, ["c", "d"])


def test_another_key_is_another_seal():
    seals = {seal(os.urandom(32), "l", FIELDS, 5, HOSTS) for _ in range(100)}
    assert len(seals) == 100


def test_the_seal_is_what_the_protocol_says():
    """docs/protocol.md, 13; it never changes within version 1 of the TXT record."""
    node_id = "0123456789abcdef" * 2
    label = f"{node_id[:24]}-0a0b0c0d"
    fields = {"v": "1", "id": node_id, "inc": "0a0b0c0d", "r": "worker"}
    fields |= {"realm": "b880a902236b655d", "pk": "0f1e2d3c4b5a6978"}
    texts = [label, "7071", "6", "id", node_id, "inc", "0a0b0c0d", "pk", "0f1e2d3c4b5a6978"]
    texts += ["r", "worker", "realm", "b880a902236b655d", "v", "1", "2", "10.0.0.7", "10.0.1.7"]
    data = b"".join(struct.pack(">I", len(text)) + text.encode() for text in texts)
    made = hashlib.blake2b(data, digest_size=16, key=KEY, person=b"zmqwork mdns 1\0\0").hexdigest()
    assert made == "47304b72e803d15d8ddac7f349e7865d"
    assert seal(KEY, label, fields, 7071, ["10.0.1.7", "10.0.0.7"]) == made
