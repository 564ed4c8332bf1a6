"""The messages of the classic pipeline over PUSH and PULL: one frame, one msgpack array each.

They are no messages of the protocol: no session, no ack, no answer. Each is ``[MAGIC, kind, ...]``:

======= ================================================================ ======================
kind    fields                                                           from, to
======= ================================================================ ======================
START   ventilator, how many items it had sent before, its name          ventilator, each sink
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
# An array of 5 or of 7, which begins with that.
_HEADS = tuple(bytes([0x90 | n, 0xA0 | len(MAGIC)]) + MAGIC.encode() for n in (5, 7))

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
    sent_before: int
    name: str


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
    if not frame.startswith(_HEADS):
        return None
    try:
        _, kind, ventilator, number, *rest = decode_value(frame)
    except DecodeError:
        return None
    # (The sum of a number and the length of a batch may be anything: Python counts on.)
    if type(kind) is not int or type(number) is not int or not 0 <= number <= NUMBER_MAX:
        return None
    if type(ventilator) is not str or not 0 < len(ventilator) <= _ID_CHARACTERS_MAX:
        return None
    judge = _JUDGES.get((kind, len(rest)))
    return judge(ventilator, number, *rest) if judge and ventilator.isprintable() else None


def _items(ventilator: str, first: int, items: Any) -> Items | None:
    if type(items) is not list or not 0 < len(items) <= BATCH_MAX:
        return None
    return Items(ventilator, first, items)


def _results(ventilator: str, first: int, results: Any, told: Any, worker: Any) -> Results | None:
    if type(results) is not list or not 0 < len(results) <= BATCH_MAX or type(told) is not list:
        return None
    if not _is_name(worker):
        return None
    failures: list[tuple[int, str]] = []
    if told:
        failures = [found for it in told if (found := _failure(it, len(results)))]
        if len(failures) < len(told):
            return None
    return Results(ventilator, first, results, failures, worker)


def _start(ventilator: str, sent_before: int, name: Any) -> Start | None:
    return Start(ventilator, sent_before, name) if _is_name(name) else None


def _end(ventilator: str, total: int, sinks: Any) -> End | None:
    good = type(sinks) is int and 0 <= sinks <= NUMBER_MAX
    return End(ventilator, total, sinks) if good else None


# What makes a message of its fields, by its kind and how many are its own.
_JUDGES: dict[tuple[int, int], Callable[..., Mark | None]] = {
    (_START, 1): _start,
    (_END, 1): _end,
    (_ITEMS, 1): _items,
    (_RESULTS, 3): _results,
}


def _is_name(value: Any) -> bool:
    return type(value) is str and len(value) <= _NAME_CHARACTERS_MAX and value.isprintable()


def _failure(value: Any, count: int) -> tuple[int, str] | None:
    if type(value) is not list or list(map(type, value)) != [int, str]:
        return None
    index, text = value
    return (index, text) if 0 <= index < count else None
