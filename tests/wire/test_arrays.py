"""numpy arrays and scalars. numpy is no dependency: without it this file is skipped."""

from __future__ import annotations

from contextlib import suppress

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmqwork.errors import DecodeError, EncodeError
from zmqwork.wire import extensions
from zmqwork.wire.values import decode_value, encode_value

np = pytest.importorskip("numpy")

KINDS = ["?", "i1", "<i2", ">i4", "<u8", "<f2", "<f8", ">f4", "<c16", "S5", "<U3", "<M8[ns]"]
KINDS += ["<m8[s]", "<M8[25s]", "<M8"]


def same(one, other):
    return (
        type(one) is type(other)
        and one.dtype == other.dtype
        and one.shape == other.shape
        and one.tobytes() == other.tobytes()
    )


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3, 4), (5, 0, 2), (1,) * 20])
def test_an_array_comes_back(dtype, shape):
    array = np.zeros(shape, dtype)
    array.reshape(-1)[:1] = np.ones(1, "i8").astype(dtype)
    back = decode_value(encode_value({"a": [array]}))["a"][0]
    assert same(back, array)
    assert not back.flags.writeable


@given(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=50), st.integers(0, 30))
def test_elements_are_aligned_and_not_copied(numbers, before):
    array = np.array(numbers, "i4")
    _, back = decode_value(encode_value([b"x" * before, array]))
    assert same(back, array)
    assert back.flags.aligned
    if numbers:
        assert not back.flags.owndata


def test_arrays_of_any_layout_in_memory_come_back():
    array = np.asfortranarray(np.arange(12.0).reshape(3, 4))
    assert same(decode_value(encode_value(array)), array)
    sliced = np.arange(20)[::-2].reshape(2, 5)
    assert same(decode_value(encode_value(sliced)), sliced)


@pytest.mark.parametrize(
    "scalar", [np.float64(1.5), np.int8(-3), np.bool_(True), np.str_("ä"), np.datetime64(0, "s")]
)
def test_a_scalar_comes_back(scalar):
    assert same(decode_value(encode_value(scalar)), scalar)


@pytest.mark.parametrize(
    "array",
    [
        np.array([object()]),
        np.zeros(2, [("a", "i4"), ("b", "f8")]),
        np.zeros(2, "V4"),
        np.zeros(1, "f16"),
    ],
    ids=["objects", "fields", "raw", "longdouble"],
)
def test_elements_that_cannot_travel_are_refused(array):
    with pytest.raises(EncodeError, match="a numpy array of dtype"):
        encode_value(array)


def test_a_subclass_is_refused():
    with pytest.raises(EncodeError, match="cannot travel"):
        encode_value(np.ma.array([1], mask=[True]))


descriptions = st.tuples(
    st.text(alphabet="<>|biufcmMSUVO0123456789[]ns", max_size=8) | st.sampled_from(KINDS),
    st.lists(st.integers(-1, 2**64 - 1) | st.integers(0, 4) | st.none(), max_size=4),
).map(list)


def payload(description, elements=b""):
    packed = msgpack.packb(description)
    head = len(packed).to_bytes(2, "big") + packed
    return head.ljust(-(-len(head) // 16) * 16, b"\0") + elements


@given(
    descriptions.map(payload) | st.binary(max_size=80),
    st.binary(max_size=64),
    st.sampled_from([extensions.ARRAY, extensions.SCALAR]),
)
def test_any_payload_is_an_array_or_a_decode_error(head, elements, code):
    with suppress(DecodeError):
        decode_value(msgpack.packb(msgpack.ExtType(code, head + elements)))


@pytest.mark.parametrize(
    ("dtype", "shape"),
    [
        ("<f8", [2**60]),
        ("<f8", [2**62, 4]),
        ("<f8", [0, -1]),
        ("<f8", [1] * 65),
        ("<U0", [2**60]),
        ("|S0", [2**60]),
        ("<f8", [0, 2**63]),
        ("<U999999999", [0, 2**40]),
        ("<M8[parsec]", [0]),
    ],
)
def test_an_impossible_array_is_refused(dtype, shape):
    with pytest.raises(DecodeError):
        decode_value(msgpack.packb(msgpack.ExtType(extensions.ARRAY, payload([dtype, shape]))))


def test_a_scalar_has_no_shape():
    data = payload(["<f8", [1]], bytes(8))
    with pytest.raises(DecodeError, match="shape"):
        decode_value(msgpack.packb(msgpack.ExtType(extensions.SCALAR, data)))
