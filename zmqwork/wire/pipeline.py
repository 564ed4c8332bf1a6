"""The messages of the classic pipeline over PUSH and PULL: one frame, one msgpack array each.

They are no messages of the protocol: no session, no ack, no answer. Each is ``[MAGIC, kind, ...]``:

======= ================================================================ ======================
kind    fields                                                           from, to
======= ================================================================ ======================
START   ventilator, name, how many items it had sent before              ventilator, each sink
END     ventilator, how many items it has sent, how many sinks it told   ventilator, each sink
ITEMS   ventilator, number of the first, items                           ventilator, a worker
RESULTS ventilator, number of the first, results, failures, worker       worker, a sink
======= ================================================================ ======================

A ventilator numbers its items from 0; a result has the number of its item. Failures are pairs of an
index into the results, whose entry is nil, and a text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from zmqwork.errors import DecodeError
from zmqwork.wire.limits import NUMBER_MAX, PAYLOAD_BYTES_MAX
from zmqwork.wire.nesting import OUTERMOST
from zmqwork.wire.values import decode_value, encode_value

# So that nothing else is taken for ours, and another version is none of ours.
MAGIC = "zmqwork/pipeline/1"
# A fixarray, whose length is in its first byte, and a fixstr.
_HEAD = bytes([0xA0 | len(MAGIC)]) + MAGIC.encode()

_pack = OUTERMOST.pack_small

_START, _END, _ITEMS, _RESULTS = 1, 2, 3, 4

# Items of one message: what a mistyped batch size can do must end somewhere.
BATCH_MAX = 65_536
# Characters of a failure; the rest of it stays in the worker's log.
FAILURE_CHARACTERS_MAX = 1_000

_ID_CHARACTERS_MAX = 64
_NAME_CHARACTERS_MAX = 256


class Start(NamedTuple):
    """A ventilator begins, or goes on and has found this sink."""

    ventilator: str
    name: str
    sent_before: int


class End(NamedTuple):
    """A ventilator has sent all that it will send, and told so many sinks."""

    ventilator: str
    total: int
    sinks: int


class Items(NamedTuple):
    """Items for a worker."""

    ventilator: str
    first: int
    items: list[Any]


class Results(NamedTuple):
    """What a worker made of successive items. `failures`: index into `results`, and why."""

    ventilator: str
    first: int
    results: list[Any]
    failures: list[tuple[int, str]]
    worker: str


Mark = Start | End | Items | Results


def encode_start(message: Start) -> bytes:
    """A START."""
    return _encode([MAGIC, _START, *message])


def encode_end(message: End) -> bytes:
    """An END."""
    return _encode([MAGIC, _END, *message])


def encode_items(ventilator: str, first: int, items: list[Any]) -> bytes:
    """ITEMS. EncodeError: one of them cannot travel, or all together are too large."""
    return _encode([MAGIC, _ITEMS, ventilator, first, items])


def encode_results(
    ventilator: str,
    first: int,
    results: list[Any],
    failures: list[tuple[int, str]],
    worker: str,
) -> bytes:
    """RESULTS. EncodeError: one of them cannot travel, or all together are too large."""
    told: list[Any] = []
    if failures:
        told = [[index, text[:FAILURE_CHARACTERS_MAX]] for index, text in failures]
    return _encode([MAGIC, _RESULTS, ventilator, first, results, told, worker])


def _encode(fields: list[Any]) -> bytes:
    # As `encode_value`, without its look for what is nested a level too deep to be opened again:
    # that costs a tenth of all that a batch costs, and such a message is counted as missing.
    try:
        data = _pack(fields)
    except Exception:  # noqa: BLE001 - codecs are the user's: they may raise anything
        return encode_value(fields)  # which raises, and says why
    return data if len(data) <= PAYLOAD_BYTES_MAX else encode_value(fields)


def decode(frame: bytes) -> Mark | None:
    """The message in this frame; None if it is none of ours. Never raises for what it holds."""
    if not frame.startswith(_HEAD, 1):
        return None
    try:
        _, kind, *fields = decode_value(frame)
        return _JUDGES[kind, len(fields)](*fields)
    except (DecodeError, ValueError, KeyError, TypeError):  # of our own unpacking, too
        return None


def _items(ventilator: Any, first: Any, items: Any) -> Items | None:
    good = _is_id(ventilator) and _is_number(first) and type(items) is list
    return Items(ventilator, first, items) if good and 0 < len(items) <= BATCH_MAX else None


def _results(ventilator: Any, first: Any, results: Any, told: Any, worker: Any) -> Results | None:
    if not (_is_id(ventilator) and _is_number(first) and _is_name(worker)):
        return None
    if not (type(results) is list and 0 < len(results) <= BATCH_MAX and type(told) is list):
        return None
    failures: list[tuple[int, str]] = []
    if told:
        failures = [found for it in told if (found := _failure(it, len(results)))]
        if len(failures) < len(told):
            return None
    return Results(ventilator, first, results, failures, worker)


def _start(ventilator: Any, name: Any, sent_before: Any) -> Start | None:
    good = _is_id(ventilator) and _is_name(name) and _is_number(sent_before)
    return Start(ventilator, name, sent_before) if good else None


def _end(ventilator: Any, total: Any, sinks: Any) -> End | None:
    good = _is_id(ventilator) and _is_number(total) and _is_number(sinks)
    return End(ventilator, total, sinks) if good else None


# What makes a message of its fields, by its kind and how many there are.
_JUDGES: dict[tuple[int, int], Callable[..., Mark | None]] = {
    (_START, 3): _start,
    (_END, 3): _end,
    (_ITEMS, 3): _items,
    (_RESULTS, 5): _results,
}


def _is_id(value: Any) -> bool:
    return type(value) is str and 0 < len(value) <= _ID_CHARACTERS_MAX and value.isprintable()


def _is_name(value: Any) -> bool:
    return type(value) is str and len(value) <= _NAME_CHARACTERS_MAX and value.isprintable()


def _is_number(value: Any) -> bool:
    # (The sum of a number and the length of a batch may be anything: Python counts on.)
    return type(value) is int and 0 <= value <= NUMBER_MAX


def _failure(value: Any, count: int) -> tuple[int, str] | None:
    if type(value) is not list or list(map(type, value)) != [int, str]:
        return None
    index, text = value
    return (index, text) if 0 <= index < count else None
