"""Arguments and results: what goes in comes out, and what cannot travel is named."""

from __future__ import annotations

import datetime as dt
import enum
import math
import resource
import struct
import subprocess
import sys
import threading
import zoneinfo
from collections import namedtuple
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zmqwork.errors import DecodeError, EncodeError
from zmqwork.wire import extensions, limits
from zmqwork.wire import values as values_module
from zmqwork.wire.values import decode_call, decode_value, encode_call, encode_value

UTC = dt.timezone.utc  # noqa: UP017  # the name that users of this class write


def same(one, other):
    """Equal in value and, all the way down, in type; a NaN is the same as a NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return struct.pack("d", one) == struct.pack("d", other) or (one != one and other != other)
    if isinstance(one, complex):
        return same(one.real, other.real) and same(one.imag, other.imag)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same(list(one), list(other)) and same(list(one.values()), list(other.values()))
    if isinstance(one, (set, frozenset)):
        return one == other and {type(item) for item in one} == {type(item) for item in other}
    if isinstance(one, Decimal):
        return str(one) == str(other)
    if isinstance(one, (dt.datetime, dt.time)):
        return repr(one) == repr(other) and one.fold == other.fold
    return one == other


offsets = st.timedeltas(
    min_value=dt.timedelta(hours=-23, minutes=-59), max_value=dt.timedelta(hours=23, minutes=59)
)
zones = (
    st.none()
    | st.just(UTC)
    | st.builds(dt.timezone, offsets)
    | st.sampled_from(["Europe/Berlin", "America/New_York"]).map(zoneinfo.ZoneInfo)
)
hashables = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(64, 200).map(lambda bits: -(2**bits)),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.binary(max_size=8),
    st.complex_numbers(allow_nan=False),
    st.decimals(allow_nan=False),
    st.uuids(),
    st.dates(),
    st.datetimes(),
    st.timedeltas(),
    st.times(),
)
keys = st.one_of(hashables, st.tuples(hashables, hashables), st.frozensets(hashables, max_size=2))
leaves = st.one_of(
    hashables,
    st.floats(),
    st.decimals(allow_nan=True),
    st.datetimes(timezones=zones),
    st.times(timezones=zones),
    st.text(alphabet="abc/. ä", min_size=1, max_size=8).map(Path),
    st.sets(keys, max_size=3),
    keys,
)


def grown(inner):
    return st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(keys, inner, max_size=3),
    )


values = st.deferred(lambda: leaves | grown(leaves) | grown(grown(leaves)))


@given(values)
@example(2**63)
@example(2**64)
@example(-(2**63))
@example(-(2**63) - 1)
@example(2**64 + 1)
@example(-0.0)
@example(Decimal("-sNaN123"))
@example(Decimal("1E+999999"))
@example(((), [()], {(): ()}))
@example({1: "a", "1": "c", None: "d", 1.5: "e", (1, 2): "f"})
def test_a_value_comes_back_exactly(value):
    assert same(decode_value(encode_value(value)), value)


@given(st.lists(values, max_size=4), st.dictionaries(st.text(), values, max_size=3))
def test_a_call_comes_back_exactly(args, kwargs):
    assert same(decode_call(encode_call(tuple(args), kwargs)), (args, kwargs))


@pytest.mark.parametrize(
    "value",
    [
        dt.datetime.max,  # noqa: DTZ901  # the edge is what is tested
        dt.datetime.min,  # noqa: DTZ901  # likewise
        dt.datetime(2026, 10, 25, 2, 30, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin"), fold=1),
        dt.timedelta.min,
        dt.timedelta.max,
        dt.timezone(dt.timedelta(microseconds=-1)).utcoffset(None),
        dt.datetime(2026, 1, 1, tzinfo=dt.timezone(dt.timedelta(seconds=-1, microseconds=-1))),
        dt.time.min,
        dt.time.max,
        dt.time(2, 30, fold=1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
        dt.time(1, tzinfo=dt.timezone(dt.timedelta(seconds=-1, microseconds=-1))),
        UUID(int=0),
        Path(),
        Path("/"),
        Path("b\udcff"),  # a file name that is no UTF-8, as os.listdir shows it
        Path("ä" * 300),
        -(2**70000),
        list(range(100_000)),
        tuple(range(5000)),
        {str(i): [i] for i in range(5000)},
        b"x" * 300_000,
        [[[[{"deep": ((((1,),),),)}]]]],
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_at_the_edges_come_back(value):
    assert same(decode_value(encode_value(value)), value)


def test_a_zone_comes_back_as_the_same_object():
    value = dt.datetime(2026, 1, 1, tzinfo=UTC)
    assert decode_value(encode_value(value)).tzinfo is UTC


@pytest.mark.parametrize("value", [bytearray(b"ab"), memoryview(b"ab")])
def test_other_buffers_arrive_as_bytes(value):
    assert same(decode_value(encode_value(value)), b"ab")


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    LOW = 1


class Mine:
    def __repr__(self):
        raise AssertionError("nobody may run this")

    __str__ = __repr__
    __eq__ = __repr__
    __hash__ = object.__hash__


class Meta(type):
    def __repr__(cls):
        raise AssertionError("nobody may run this")

    __str__ = __hash__ = __eq__ = __repr__


class WithMeta(metaclass=Meta):
    pass


@dataclass
class Tile:
    x: int


Point = namedtuple("Point", "x y")  # noqa: PYI024  # users have these


class Text(str):
    __slots__ = ()


def selfish():
    held = []
    held.append({"again": held})
    return held


def nested(depth, wrap):
    value = 1
    for _ in range(depth):
        value = wrap(value)
    return value


REFUSED = {
    "object": (Mine(), "test_values.Mine cannot travel", "register_codec"),
    "metaclass": (WithMeta(), "WithMeta cannot travel", "register_codec"),
    "function": (len, "builtin_function", "Functions stay"),
    "lambda": (lambda: 1, "function cannot travel", "Functions stay"),
    "class": (Mine, "a type cannot travel", "its name"),
    "module": (sys, "a module", "its name"),
    "generator": ((i for i in ()), "a generator", "list(...)"),
    "range": (range(3), "a range", "list(...)"),
    "file": (sys.__stdin__, "TextIOWrapper", "its path"),
    "enum": (Colour.RED, "Colour", ".value"),
    "int enum": (Level.LOW, "Level", ".value"),
    "dataclass": (Tile(1), "Tile", "register_codec"),
    "namedtuple": (Point(1, 2), "Point", "tuple(...)"),
    "str subclass": (Text("a"), "Text", "str(...)"),
    "lock": (threading.Lock(), "_thread.lock", "what it is made of"),
    "exception": (ValueError("no"), "ValueError", "str(...)"),
    "surrogate": ("\ud800", "surrogate", "fsencode"),
    "selfish": (selfish(), "contains itself", "trees"),
    "deep list": (nested(1100, lambda v: [v]), "nested more than", ""),
    "deep tuple": (nested(600, lambda v: (v,)), "nested more than", "lists and dicts may be"),
    "view": (memoryview(b"abcdef")[::2], "memoryview", "bytes(...)"),
    "zone": (
        dt.datetime(2026, 1, 1, tzinfo=type("Own", (dt.tzinfo,), {})()),
        "tzinfo of type",
        "zoneinfo",
    ),
}


@pytest.mark.parametrize(("value", "names", "advises"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_travel_is_named_with_advice(value, names, advises):
    for trial in (value, [value], {"k": (value,)}):
        with pytest.raises(EncodeError) as caught:
            encode_value(trial)
        assert str(caught.value).startswith("the value")
        assert names in str(caught.value)
        assert advises in str(caught.value)
        assert len(str(caught.value)) < 1000


def test_the_error_names_the_argument_and_the_place_in_it():
    call = ("a.jpg", {"tiles": [1, (2, Mine())]})
    with pytest.raises(EncodeError) as caught:
        encode_call(call, {}, "resize", ["path", "image"])
    place = "argument 2 ('image') of resize, at ['tiles'][1][1]: a test_values.Mine cannot travel"
    assert str(caught.value).startswith(place)
    with pytest.raises(EncodeError, match=r"^argument 1 of resize: a .*Mine cannot travel"):
        encode_call((Mine(),), {}, "resize")
    with pytest.raises(EncodeError, match=r"^argument 'width' of resize: a .*Mine cannot travel"):
        encode_call((1,), {"height": 1, "width": Mine()}, "resize", ["path"])
    with pytest.raises(EncodeError, match=r"^argument 2 \('b'\) of task, at  a key\[0\]: "):
        encode_call((1, {(Text("k"),): 1}), {}, "task", ["a", "b"])
    with pytest.raises(EncodeError, match=r"^argument 1 of task, at  an element: "):
        encode_call(({1, Mine()},), {})
    with pytest.raises(EncodeError, match=r"^the arguments of task: "):
        encode_call((), {Text("k"): 1})


def test_encoding_goes_on_after_a_refusal():
    before = encode_call((1, (2,)), {})
    for value, _, _ in REFUSED.values():
        with pytest.raises(EncodeError):
            encode_value([(1, [(2, {value} if value is REFUSED["object"][0] else value)])])
        assert encode_call((1, (2,)), {}) == before


def test_what_is_nested_up_to_the_limit_travels():
    value = nested(limits.EXTENSION_DEPTH_MAX, lambda v: (v,))
    assert decode_value(encode_value(value)) == value
    with pytest.raises(EncodeError, match="nested more than"):
        encode_value((value,))


def test_deep_values_do_not_overflow_a_small_stack():
    # Half of what a thread has on Linux.
    script = """
import threading
from zmqwork.wire import extensions, limits
from zmqwork.wire import values as values_module
from zmqwork.wire.values import decode_value, encode_value
def work():
    value = 1
    for _ in range(limits.EXTENSION_DEPTH_MAX):
        value = (value,)
    assert decode_value(encode_value(value)) == value
    done.append(1)
done = []
threading.stack_size(4 * 1024 * 1024)
thread = threading.Thread(target=work)
thread.start()
thread.join()
assert done
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_threads_do_not_share_a_packer():
    wrong = []

    def work(index):
        for count in range(300):
            value = (index, [count] * 20, {"k": (index, frozenset([count]))})
            if decode_value(encode_value(value)) != value:
                wrong.append(value)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_what_is_too_large_is_refused_at_both_ends(monkeypatch):
    fits = encode_value([b"x" * 5_000_000])
    monkeypatch.setattr(values_module, "PAYLOAD_BYTES_MAX", len(fits))
    assert decode_value(encode_value([b"x" * 5_000_000])) == [b"x" * 5_000_000]
    larger = fits[:1] + struct.pack(">BI", 0xC6, 5_000_001) + b"x" * 5_000_001
    with pytest.raises(EncodeError, match=r"the value has .* is the limit"):
        encode_value([b"x" * 5_000_001])
    with pytest.raises(EncodeError, match="the arguments of resize have"):
        encode_call((b"x" * 5_000_001,), {}, "resize")
    with pytest.raises(DecodeError):
        decode_value(larger)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_a_decode_error(data):
    for decode in (decode_value, decode_call):
        with suppress(DecodeError):
            decode(data)


@given(values, st.data())
def test_changed_bytes_are_a_value_or_a_decode_error(value, data):
    encoded = bytearray(encode_value(value))
    for _ in range(data.draw(st.integers(1, 4))):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(encoded)))
    for hostile in (bytes(encoded), bytes(encoded[:cut])):
        with suppress(DecodeError):
            decode_value(hostile)


@given(st.integers(-128, 127), st.binary(max_size=40) | values.map(encode_value))
def test_any_extension_is_a_value_or_a_decode_error(code, payload):
    # ExtType refuses the codes below 0: those are msgpack's own.
    data = struct.pack(">BBb", 0xC7, len(payload), code) + payload if len(payload) < 256 else b""
    with suppress(DecodeError):
        decode_value(data)


def extension(code, *fields):
    return msgpack.packb(msgpack.ExtType(code, msgpack.packb(list(fields))))


HOSTILE = {
    "nothing": b"",
    "two values": b"\x01\x02",
    "never used": b"\xc1",
    "cut": b"\x92\x01",
    "not UTF-8": b"\xa1\xff",
    "a list as key": b"\x81\x90\x01",
    "a list in a set": extension(extensions.SET, []),
    "a tuple of text": msgpack.packb(msgpack.ExtType(extensions.TUPLE, msgpack.packb("ab"))),
    "zone outside": extension(extensions.DATETIME, "2026-01-01T00:00:00", "../../x", 0),
    "zone that is a folder": extension(extensions.DATETIME, "2026-01-01T00:00:00", "America", 0),
    "zone with NUL": extension(extensions.DATETIME, "2026-01-01T00:00:00", "a\0b", 0),
    "time zone outside": extension(extensions.TIME, "12:00", "../../x", 0),
    "time without a fold": extension(extensions.TIME, "12:00", None),
    "no time": extension(extensions.TIME, "25:00", None, 0),
    "fold": extension(extensions.DATETIME, "2026-01-01T00:00:00", None, 2),
    "endless duration": extension(extensions.TIMEDELTA, 2**62, 0, 0),
    "no duration": extension(extensions.TIMEDELTA, math.inf, 0, 0),
    "no decimal": msgpack.packb(msgpack.ExtType(extensions.DECIMAL, b"1" * 100 + b"x")),
    "a timestamp of another form": b"\xc7\x03\xff123",
    "a timestamp of another age": b"\xc7\x0c\xff" + b"\xff" * 4 + b"\x7f" + b"\xff" * 7,
    "an own type without a name": extension(extensions.REGISTERED, 1, 2),
    "an own type of three": extension(extensions.REGISTERED, "a", 2, 3),
    "an array of objects": msgpack.packb(
        msgpack.ExtType(extensions.ARRAY, b"\0\5\x92\xa2|O\x90".ljust(16, b"\0") + bytes(8))
    ),
    "pickle": b"\x80\x04\x95\x00",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes_are_a_decode_error(data):
    with pytest.raises(DecodeError):
        decode_value(data)


def bomb_of_promises(size):
    """Nested arrays that each promise as many elements as there are bytes."""
    head = struct.pack(">BI", 0xDD, size)
    return (head * 1000).ljust(size, b"\xc0")


def bomb_of_extensions(size):
    """Extensions in extensions, each beside an array too long to be believed at once."""
    inner = b""
    tail = b"\xdc\x08\x00" + b"\xc0" * 2048
    while len(inner) < size:
        payload = b"\x92" + (inner or b"\xc0") + tail
        inner = struct.pack(">BIb", 0xC9, len(payload), 1) + payload
    return inner


@pytest.mark.parametrize("bomb", [bomb_of_promises(2_000_000), bomb_of_extensions(300_000)])
def test_bombs_go_off_without_harm(bomb):
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    # A bomb that was believed would claim 16 GB.
    limit = pages * resource.getpagesize() + 512 * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    try:
        with pytest.raises(DecodeError) as caught:
            decode_value(bomb)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert "Memory" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [1, None, [], [1], [[], {}, 1], [1, {}], [[], []], [{}, []], [[], {1: 2}], [()]],
)
def test_what_is_no_call_is_a_decode_error(value):
    with pytest.raises(DecodeError):
        decode_call(encode_value(value))
