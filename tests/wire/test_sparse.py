"""What is known of a large document after a few steps must be true."""

from __future__ import annotations

import random

import msgpack
import pytest
from hypothesis import given

from tests.wire.test_values import values
from zmqwork.wire.packing import walk
from zmqwork.wire.sparse import is_sparse
from zmqwork.wire.values import encode_value

# One of everything that a first byte can say.
KINDS = [
    None, True, False, 5, -5, 200, 60_000, 2**31, 2**60, -100, -1_000, -100_000, -(2**60), 1.5,
    "a", "a" * 40, "a" * 300, "a" * 70_000, b"b", b"b" * 300, b"b" * 70_000,
    [], [1, [2]], {}, {"k": {"l": [1]}}, {1: 2},
    *(msgpack.ExtType(7, b"x" * n) for n in (1, 2, 4, 8, 16, 0, 3, 300, 70_000)),
]  # fmt: skip


@pytest.mark.parametrize("value", KINDS, ids=lambda value: repr(value)[:20])
def test_a_few_things_are_sparse_and_what_is_cut_or_goes_on_is_not(value):
    data = msgpack.packb([value, "behind"])
    assert is_sparse(data)
    assert is_sparse(memoryview(data))
    assert not is_sparse(data + b"\x00")
    for end in {*range(min(len(data), 400)), len(data) - 1}:
        assert not is_sparse(data[:end])


def test_arrays_and_maps_with_long_heads():
    for head in (
        b"\xdc\x00\x02",
        b"\xdd\x00\x00\x00\x02",
        b"\xde\x00\x01",
        b"\xdf\x00\x00\x00\x01",
    ):
        assert is_sparse(head + b"\x01\x02")
        assert not is_sparse(head + b"\x01")


def test_float32_and_what_msgpack_never_uses():
    assert is_sparse(msgpack.packb(1.5, use_single_float=True))
    assert not is_sparse(b"\xc1")


def test_many_things_are_not():
    assert is_sparse(msgpack.packb([1] * 63))
    assert not is_sparse(msgpack.packb([1] * 64))


def test_deep_is_many():
    assert not is_sparse(b"\x91" * 70 + b"\x01")


@given(values)
def test_whatever_is_sparse_can_be_walked_through(value):
    data = encode_value(value)
    if is_sparse(data):
        walk(data)


def test_no_lie_is_believed():
    """Random bytes that pass are documents for msgpack, too."""
    generator = random.Random(5)
    passed = 0
    for _ in range(60_000):
        data = generator.randbytes(generator.randrange(1, 12))
        if is_sparse(data):
            passed += 1
            unpacker = msgpack.Unpacker(max_buffer_size=0)
            unpacker.feed(data)
            unpacker.skip()
            assert unpacker.tell() == len(data)
    assert passed > 1_000
