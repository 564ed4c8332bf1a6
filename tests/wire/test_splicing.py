"""Large values: the same bytes as msgpack makes, with fewer copies."""

from __future__ import annotations

import array

import msgpack
import pytest

from zmqwork.errors import EncodeError
from zmqwork.wire.limits import PAYLOAD_BYTES_MAX
from zmqwork.wire.nesting import OUTERMOST
from zmqwork.wire.splicing import LARGE_BYTES, is_large
from zmqwork.wire.values import decode_call, decode_value, encode_call, encode_value

numpy = pytest.importorskip("numpy")

LARGE = bytes(range(256)) * (LARGE_BYTES // 256)
LARGER = LARGE + b"x"
BUFFERS = [LARGE, bytearray(LARGER), memoryview(LARGE), memoryview(array.array("d", [1.5]) * 9_000)]


def arrays():
    base = numpy.arange(LARGE_BYTES, dtype="<i4").reshape(4, -1)
    kinds = ["<f8", ">f4", "<c16", "|u1", "<M8[us]", "<U3", "|S7"]
    yield from (base.astype(kind) for kind in kinds)
    yield base.astype("|b1")
    yield base[:, ::2]
    yield base.T
    yield numpy.asfortranarray(base)
    readonly = base.copy()
    readonly.flags.writeable = False
    yield readonly


@pytest.mark.parametrize("value", [*BUFFERS, *arrays()], ids=lambda value: type(value).__name__)
def test_a_value_is_what_msgpack_makes_of_it(value):
    assert is_large(value)
    data = encode_value(value)
    assert data == OUTERMOST.pack_small(value)
    back = decode_value(data)
    if isinstance(value, numpy.ndarray):
        assert back.dtype == value.dtype
        assert numpy.array_equal(back, value)
    else:
        assert back == bytes(value)


@pytest.mark.parametrize("count", [0, 1, 14, 15, 16, 65_534, 65_535, 65_536])
def test_a_call_is_what_msgpack_makes_of_it(count):
    args = [LARGE, *range(count)]
    assert encode_call(args, {}) == OUTERMOST.pack_small([args])
    kwargs = {f"k{number}": number for number in range(count)} | {"large": LARGER}
    assert encode_call([1], kwargs) == OUTERMOST.pack_small([[1], kwargs])
    assert decode_call(encode_call(args, kwargs)) == (args, kwargs)


def test_small_ones_and_views_with_gaps_are_msgpacks():
    assert not is_large(LARGE[:-1])
    assert not is_large(memoryview(LARGER * 2)[::2])
    assert not is_large([LARGE])


def test_what_does_not_travel_beside_it_is_named():
    with pytest.raises(EncodeError, match="argument 2"):
        encode_call([LARGE, object()], {})
    with pytest.raises(EncodeError, match="'way'"):
        encode_call([LARGE], {"way": object()})
    with pytest.raises(EncodeError, match="dtype"):
        encode_value(numpy.array([None] * LARGE_BYTES))


def test_what_is_too_deep_for_the_other_end_is_refused_here():
    deep: list = []
    for _ in range(1_022):
        deep = [deep]
    assert decode_call(encode_call([LARGE, deep[0]], {}))[0][0] == LARGE
    with pytest.raises(EncodeError):
        encode_call([LARGE, deep], {})


def test_what_is_too_large_is_refused():
    with pytest.raises(EncodeError, match="put it into a file"):
        encode_value(bytes(PAYLOAD_BYTES_MAX))


def test_an_empty_array_and_one_of_objects_are_as_before():
    empty = numpy.zeros((0, 3))
    assert decode_value(encode_value(empty)).shape == (0, 3)
    assert not is_large(empty)
    assert msgpack.unpackb(encode_value(LARGE)) == LARGE
