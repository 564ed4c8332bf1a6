"""H39: arguments that cannot travel are the caller's error, before anything is written or sent."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from zmqwork import App
from zmqwork.errors import ArgumentError, EncodeError
from zmqwork.journal.inspection import Inspection
from zmqwork.wire.values import decode_call, encode_call

WAIT = 20.0

app = App("h39", validate=True)


@app.task(validate=False)
def take(value):
    return value


@app.task
def take_any(value: Any):
    return value


@app.task
def take_int(value: int):
    return value


class Hostile:
    """Whatever one may ask of it, it raises: not even an Exception."""

    def __repr__(self):
        raise SystemExit("__repr__ was called")

    __str__ = __format__ = __len__ = __iter__ = __hash__ = __eq__ = __repr__

    def __getattr__(self, name):
        raise SystemExit(f"{name} was asked for")


class HostileMeta(type):
    def __repr__(cls):
        raise SystemExit("__repr__ of the class was called")

    def __getattribute__(cls, name):
        if name in ("__module__", "__qualname__", "__name__"):
            raise RuntimeError(name)
        return super().__getattribute__(name)


class OfHostileMeta(metaclass=HostileMeta):
    def __repr__(self):
        raise SystemExit("__repr__ was called")


def recursive_list():
    value = []
    value.append(value)
    return value


def recursive_dict():
    value = {}
    value["a"] = [value]
    return value


def deep():
    value = None
    for _ in range(100_000):
        value = [value]
    return value


CANNOT_TRAVEL = {
    "a list in itself": recursive_list,
    "a dict in itself": recursive_dict,
    "nested too deeply": deep,
    "hostile": Hostile,
    "of a hostile class": OfHostileMeta,
    "hostile, inside": lambda: {"a": [Hostile()]},
    "hostile, as a key": lambda: {OfHostileMeta(): 1},
    "a function": lambda: print,
    "a class": lambda: int,
    "a generator": lambda: (number for number in ()),
    "a range": lambda: range(3),
    "a surrogate": lambda: "\ud800",
    "a memoryview with gaps": lambda: memoryview(bytes(8))[::2],
    "too large": lambda: bytes(64 * 1024 * 1024 + 1),
}


@pytest.fixture(autouse=True)
def private(tmp_path_factory, monkeypatch):
    place = tmp_path_factory.mktemp("run")
    place.chmod(0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))


@pytest.fixture
def producer(tmp_path):
    """One with a journal, in which exactly what was submitted stands at the end."""
    place = tmp_path / "journal"
    with app.producer(journal=place, allow_volatile_journal=True) as made:
        made.submitted = 0
        yield made
        made.flush()
        made.stop()  # which leaves its tasks to the next one
    (path,) = place.glob("*.db")
    with Inspection(path) as journal:
        filed = [
            seq
            for _, _, parts in journal.rows()
            for _, _, part in parts
            for filed in part.filed
            for seq in filed.seqs
        ]
    assert len(filed) == made.submitted


@pytest.mark.parametrize("what", CANNOT_TRAVEL)
def test_what_cannot_travel_is_refused(producer, what):
    for task in (take, take_any, take_int):
        for submit in (task.submit, task.using(priority=1).submit):
            with pytest.raises((EncodeError, ArgumentError)) as caught:
                submit(CANNOT_TRAVEL[what]())
            assert isinstance(caught.value, TypeError)
            assert str(caught.value).isprintable()
            assert task.name in str(caught.value)
            assert len(str(caught.value)) < 1000
    assert producer.status()["pending"] == 0
    # The journal is used: what can travel is in it.
    assert take.submit(1).confirm(WAIT)
    producer.submitted = 1


TRAVELS = [
    2**64 + 1,
    -(2**64) - 1,
    2**4096,
    {1, 2},
    frozenset({1}),
    (1, (2,)),
    dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
    dt.datetime(2024, 1, 1, tzinfo=dt.UTC).date(),
    b"\x80\x04",
    {"a": {1: (2,)}, 2**70: None},
]


@pytest.mark.parametrize("value", TRAVELS, ids=range(len(TRAVELS)))
def test_what_can_travel_arrives_as_it_was(value):
    ((arrived,), _) = decode_call(encode_call((value,), {}))
    assert arrived == value
    assert type(arrived) is type(value)


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_what_is_like_bytes_arrives_as_bytes(kind):
    ((arrived,), _) = decode_call(encode_call((kind(b"ab"),), {}))
    assert arrived == b"ab"
    assert type(arrived) is bytes


@pytest.mark.parametrize("value", [2**64 + 1, -(2**100)])
def test_large_numbers_are_numbers(producer, value):
    for task in (take, take_any, take_int):
        assert task.submit(value).confirm(WAIT)
    producer.submitted = 3
