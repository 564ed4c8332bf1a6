"""What each annotation accepts, how it is sent, and what its handler gets."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import inspect
import numbers
import uuid
from collections import abc
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    Optional,
    Protocol,
    TypedDict,
    TypeVar,
    Union,
    Unpack,
    runtime_checkable,
)

import msgspec
import pytest
from msgspec import Meta

from zmqwork.errors import ArgumentError
from zmqwork.validation.calls import CallChecks
from zmqwork.validation.hints import words
from zmqwork.validation.refusal import Refusal

NOW = dt.datetime(2024, 5, 6, 7, 8, 9, tzinfo=dt.UTC)
ID = uuid.UUID(int=7)


# As they were written once, and as people still write them.
MAYBE = Optional[int]  # noqa: UP045
EITHER = Union[dt.datetime, str]  # noqa: UP007
NOWHERE = list["Nowhere"]  # noqa: F821


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Mixed(enum.Enum):
    PAIR = (1, 2)


@dataclass
class Point:
    x: int
    y: float = 0.0


T = TypeVar("T")
Number = TypeVar("Number", bound=int)
Word = TypeVar("Word", str, bytes)
UserId = NewType("UserId", int)


@dataclass
class Box(Generic[T]):
    item: T


class Size(TypedDict):
    width: int


class Pair(NamedTuple):
    left: int
    right: str = "r"


class Area(msgspec.Struct):
    width: int


class Own:
    pass


class Shouts(Protocol):
    def shout(self) -> str: ...


@runtime_checkable
class Closes(Protocol):
    def close(self) -> None: ...


class Closer:
    def close(self): ...


class Float(float):
    """As numpy's: a kind of float."""


def checks_of(annotation, default=inspect.Parameter.empty):
    def handler(x): ...

    parameter = inspect.Parameter(
        "x", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=annotation, default=default
    )
    return CallChecks("task", handler, inspect.Signature([parameter]), handler)


def send(annotation, value):
    ((sent,), _) = checks_of(annotation).send((value,), {})
    return sent


def take(annotation, value):
    ((taken,), _) = checks_of(annotation).take((value,), {})
    return taken


FITS = [
    (int, [0, -(2**70)]),
    (float, [1.5, 1, float("inf"), Float(2)]),
    (complex, [1j, 1.5, 2]),
    (bool, [True]),
    (str, ["", "\ud800"]),
    (bytes, [b""]),
    (bytearray, [bytearray(b"a")]),
    (None, [None]),
    (dt.datetime, [NOW]),
    (dt.date, [NOW.date()]),
    (dt.time, [NOW.time()]),
    (dt.timedelta, [dt.timedelta(1)]),
    (uuid.UUID, [ID]),
    (decimal.Decimal, [decimal.Decimal("1.50")]),
    (Path, [Path("a")]),
    (Own, [Own()]),
    (Color, [Color.RED]),
    (Mixed, [Mixed.PAIR]),
    (Point, [Point(1), Point("the class is what counts")]),
    (Box[int], [Box(1)]),
    (Area, [Area(1)]),
    (Pair, [Pair(1)]),
    (Size, [{"width": 1}, {"width": 1, "more": 2}]),
    (MAYBE, [None, 1]),
    (int | str | Path, [1, "a", Path("b")]),
    (EITHER, [NOW, "later"]),
    (list[int] | tuple[int, ...] | None, [[1], (1,), None]),
    (Literal["a", 1] | None, ["a", 1, None]),
    (Literal[True, b"x", Color.RED], [True, b"x", Color.RED]),
    (list, [[], ["x", 1]]),
    (list[int], [[], [1, 2]]),
    (list[float], [[1, 2.5], [Float(1)]]),
    (list[str | Path], [["a", Path("b")]]),
    (list[list[float]], [[[1.0], []]]),
    (list[Any], [[1, "a"]]),
    (tuple, [(), (1, "a")]),
    (tuple[()], [()]),
    (tuple[int, str], [(1, "a")]),
    (tuple[int, ...], [(), (1, 2)]),
    (set[int], [{1}]),
    (frozenset[str], [frozenset("ab")]),
    (dict, [{}, {1: 2}]),
    (dict[str, int], [{"a": 1}]),
    (dict[tuple[int, int], str], [{(1, 2): "a"}]),
    (dict[str, list[int]], [{"a": [1]}]),
    (Sequence[int], [[1], (1,)]),
    (Sequence, [[1], (1,)]),
    (abc.Set[int], [{1}, frozenset({1})]),
    (Mapping[str, int], [{"a": 1}]),
    (Iterable[str], [["a"], ("a",), {"a"}, {"a": 1}]),
    (abc.Collection, [[1], {1: 2}, {1}]),
    (numbers.Number, [1, 2.5, 1j, decimal.Decimal(1)]),
    (Closes, [Closer()]),
    (UserId, [1]),
    (Number, [1]),
    (Word, ["a", b"a"]),
    (Annotated[int, Meta(ge=0, lt=5)], [0, 4]),
    (Annotated[int, "nothing that anybody knows"], [1]),
    (Annotated[list[Path], Meta(max_length=1)], [[], [Path("a")]]),
    (dict[str, Any] | None, [{"a": object}, None]),
]


@pytest.mark.parametrize(
    ("annotation", "value"),
    [pytest.param(a, v, id=words(a)) for a, values in FITS for v in values],
)
def test_what_is_of_the_type_passes_as_it_is(annotation, value):
    assert take(annotation, value) is value
    if not isinstance(value, Color | Mixed):
        assert send(annotation, value) is value


# What is not of the type, and what is said of it.
WRONG = [
    (int, "ten", "must be int, and is str ('ten')"),
    (int, True, "must be int, and is bool (True)"),
    (int, 1.0, "must be int, and is float (1.0)"),
    (int, None, "must be int, and is None"),
    (int, [1], "must be int, and is list"),
    (int, Own(), "must be int, and is test_checks.Own"),
    (float, "1.5", "must be float, and is str ('1.5')"),
    (float, True, "must be float, and is bool (True)"),
    (complex, "1", "must be complex, and is str ('1')"),
    (bool, 1, "must be bool, and is int (1)"),
    (str, b"a", "must be str, and is bytes (b'a')"),
    (str, 2**200, "must be str, and is int (of 201 bits)"),
    (str, 10**5000, "must be str, and is int (of 16610 bits)"),
    (int, "x" * 50, f"must be int, and is str ('{'x' * 40}'...)"),
    (int, "\x1b[31m\n\u202e", "must be int, and is str ('\\x1b[31m\\n\\u202e')"),
    (bytes, "a", "must be bytes, and is str ('a')"),
    (None, 0, "must be None, and is int (0)"),
    (dt.date, NOW, "must be date, and is datetime.datetime (2024-05-06 07:08:09+00:00)"),
    (dt.datetime, NOW.date(), "must be datetime, and is datetime.date (2024-05-06)"),
    (dt.datetime, "2024-05-06", "must be datetime, and is str ('2024-05-06')"),
    (uuid.UUID, str(ID), f"must be UUID, and is str ('{ID}')"),
    (decimal.Decimal, 1, "must be Decimal, and is int (1)"),
    (Path, "a", "must be Path, and is str ('a')"),
    (Own, 1, "must be Own, and is int (1)"),
    (Color, "green\x1b", "must be Color: Invalid enum value 'green\\x1b'"),
    (Mixed, (1, 2), "must be Mixed, and is tuple"),
    (Point, 3, "must be Point, and is int (3)"),
    (Point, {"x": "a"}, "at .x must be Point: Expected int, got str"),
    (Point, {}, "must be Point: Object missing required field x"),
    (Pair, (1, 2), "at [1] must be Pair: Expected str, got int"),
    (Size, {"width": "w"}, "at .width must be Size: Expected int, got str"),
    (Size, [], "must be Size, and is list"),
    (MAYBE, "x", "must be int | None, and is str ('x')"),
    (int | Path, 1.5, "must be int | Path, and is float (1.5)"),
    (list[int] | None, ["x"], "at [0] must be int, and is str ('x')"),
    (Literal["a", 1], "b", "must be Literal['a', 1], and is str ('b')"),
    (Literal["a", 1], True, "must be Literal['a', 1], and is bool (True)"),
    (Literal[True], 1, "must be Literal[True], and is int (1)"),
    (list, (), "must be list, and is tuple"),
    (list[int], {1}, "must be list[int], and is set"),
    (list[int], [1, "a"], "at [1] must be int, and is str ('a')"),
    (list[str | Path], ["a", 3], "at [1] must be str | Path, and is int (3)"),
    (list[list[float]], [[1.0, "x"]], "at [0][1] must be float, and is str ('x')"),
    (list[list[float]], [(1.0,)], "at [0] must be list[float], and is tuple"),
    (tuple[int, str], (1, 2), "at [1] must be str, and is int (2)"),
    (tuple[int, str], (1,), "must be tuple[int, str], and has 1 item"),
    (tuple[()], (1, 2), "must be tuple[()], and has 2 items"),
    (tuple[int, ...], (1, "x"), "at [1] must be int, and is str ('x')"),
    (tuple[int, ...], "12", "must be tuple[int, ...], and is str ('12')"),
    (set[int], {"x"}, "at an item must be int, and is str ('x')"),
    (set[int], (1,), "must be set[int], and is tuple"),
    (frozenset[int], {1}, "must be frozenset[int], and is set"),
    (dict, [], "must be dict, and is list"),
    (dict[str, int], {1: 1}, "at a key must be str, and is int (1)"),
    (dict[str, int], {"a": "x"}, "at ['a'] must be int, and is str ('x')"),
    (dict[str, int], {"\x1b": "x"}, "at ['\\x1b'] must be int, and is str ('x')"),
    (dict[str, list[int]], {"a": [1, None]}, "at ['a'][1] must be int, and is None"),
    (Sequence[int], "ab", "must be Sequence[int], and is str ('ab')"),
    (Sequence[int], {1}, "must be Sequence[int], and is set"),
    (Sequence[int], (1, "a"), "at [1] must be int, and is str ('a')"),
    (Mapping[str, int], {"a": "x"}, "at ['a'] must be int, and is str ('x')"),
    (Iterable[str], [1], "at [0] must be str, and is int (1)"),
    (Iterable[str], 5, "must be Iterable[str], and is int (5)"),
    (Closes, 1, "must be Closes, and is int (1)"),
    (UserId, "x", "must be int, and is str ('x')"),
    (Number, "x", "must be int, and is str ('x')"),
    (Word, 1, "must be str | bytes, and is int (1)"),
    (Annotated[int, Meta(ge=0)], -1, "must be int >= 0, and is int (-1)"),
    (Annotated[int, Meta(ge=0)], "x", "must be int, and is str ('x')"),
    (Annotated[str, Meta(min_length=3)], "a", "must be str of length >= 3, and is str ('a')"),
    (
        Annotated[list[Path], Meta(max_length=1)],
        [Path(), Path()],
        "must be list[Path] of length <= 1, and is list",
    ),
    (Annotated[list[Path], Meta(max_length=1)], ["a"], "at [0] must be Path, and is str ('a')"),
]


# (Values are no names for tests: they have addresses, or too many digits.)
@pytest.mark.parametrize(("annotation", "value", "said"), WRONG, ids=range(len(WRONG)))
def test_what_is_not_is_named(annotation, value, said):
    for way, kind in ((send, ArgumentError), (take, Refusal)):
        with pytest.raises(ArgumentError) as caught:
            way(annotation, value)
        assert type(caught.value) is kind
        assert str(caught.value) == f"task: argument 'x' {said}"
        assert caught.value.argument == "x"
        assert str(caught.value).isprintable()


# What JSON and other languages have instead; it is sent as it is.
MADE = [
    (tuple[int, str], [1, "a"], (1, "a")),
    (tuple[int, ...], [1, 2], (1, 2)),
    (tuple, [1], (1,)),
    (set[int], [1, 1], {1}),
    (frozenset[int], [1], frozenset({1})),
    (list[tuple[int, int]], [[1, 2], (3, 4)], [(1, 2), (3, 4)]),
    (dict[str, tuple[int, ...]], {"a": [1]}, {"a": (1,)}),
    (bytes, bytearray(b"a"), b"a"),
    (bytearray, b"a", bytearray(b"a")),
    (Color, "blue", Color.BLUE),
    (list[Color | None], ["red", None], [Color.RED, None]),
    (Point, {"x": 1}, Point(1)),
    (Box[int], {"item": 1}, Box(1)),
    (Area, {"width": 1}, Area(1)),
    (Pair, [1], Pair(1)),
    (tuple[Point, int], ({"x": 1}, 2), (Point(1), 2)),
    (Iterable[Color], ("red",), (Color.RED,)),
]


@pytest.mark.parametrize(("annotation", "sent", "taken"), MADE)
def test_what_stands_for_it_becomes_it_where_it_arrives(annotation, sent, taken):
    assert send(annotation, sent) == sent
    made = take(annotation, sent)
    assert type(made) is type(taken)
    assert made == taken


def test_bytes_are_shown_as_memory():
    assert send(memoryview, memoryview(b"ab")) == b"ab"
    view = take(memoryview, b"ab")
    assert type(view) is memoryview
    assert view.tobytes() == b"ab"


def test_a_member_of_an_enum_is_sent_as_its_value():
    assert send(Color, Color.RED) == "red"
    assert send(list[Color], [Color.RED, "blue"]) == ["red", "blue"]
    assert send(tuple[Color, int], (Color.RED, 1)) == ("red", 1)
    assert send(dict[str, Color], {"a": Color.RED}) == {"a": "red"}
    assert send(Color | None, None) is None
    assert send(Sequence[Color], (Color.RED,)) == ["red"]


UNCHECKED = [
    Unpack[Size],
    Any, object, T, Shouts, Callable[[int], int], abc.Callable, type[int], Literal, "Nowhere",
    NOWHERE, int | T, list[T] | Any,
]  # fmt: skip


@pytest.mark.parametrize("annotation", UNCHECKED)
def test_what_cannot_be_said_in_types_is_not_checked(annotation):
    value = Own()
    assert send(annotation, value) is value
    assert take(annotation, value) is value


@pytest.mark.parametrize(
    ("annotation", "why"),
    [
        ("Nowhere", "what 'Nowhere' means cannot be found out"),
        (NOWHERE, "what \"list['Nowhere']\" means cannot be found out"),
        (Annotated[Path, Meta(max_length=1)], "msgspec.Meta says nothing of Path"),
    ],
)
def test_what_was_meant_to_be_checked_and_is_not_is_told(annotation, why, caplog):
    checks = checks_of(annotation)
    for _ in range(2):
        checks.send((Path("a"),), {})
    assert [record.getMessage() for record in caplog.records] == [
        f"task 'task': argument 'x' is not checked as it is annotated: {why}"
    ]


def test_a_default_of_none_allows_for_none():
    checks = checks_of(int, default=None)
    assert checks.send((None,), {}) == ((None,), {})
    with pytest.raises(ArgumentError, match=r"must be int \| None, and is str"):
        checks.send(("x",), {})
    assert checks_of("Nowhere", default=None).send((1,), {}) == ((1,), {})


def test_user_code_may_raise_what_it_likes():
    class Broken(abc.Sized):
        @property
        def __class__(self):
            raise OSError("\x1b[31m")

        def __len__(self):
            return 0

    with pytest.raises(ArgumentError) as caught:
        send(Own, Broken())
    assert str(caught.value) == "task: argument 'x' cannot be checked: OSError: \\x1b[31m"


def test_what_a_class_says_itself():
    @dataclass
    class Even:
        number: int

        def __post_init__(self):
            if self.number % 2:
                raise ValueError(f"{self.number} is odd\n")

    assert take(Even, {"number": 2}) == Even(2)
    with pytest.raises(Refusal) as caught:
        take(Even, {"number": 3})
    assert str(caught.value) == "task: argument 'x' must be Even: 3 is odd\\n"


def test_words():
    assert words(MAYBE) == "int | None"
    assert words(dict[str, Path]) == "dict[str, Path]"
    assert words(Annotated[Own, 1]) == "Own"
    assert words(dict[str, Literal["x" * 200]]).endswith("x...")


def test_arrays_of_numpy():
    np = pytest.importorskip("numpy")
    array = np.zeros(3)
    for annotation in (np.ndarray, np.ndarray[Any, np.dtype[np.float64]], Iterable[float]):
        assert take(annotation, array) is array
    with pytest.raises(ArgumentError, match=r"must be ndarray, and is list"):
        send(np.ndarray, [1.0])
    scalar = np.float64(1.5)
    assert send(float, scalar) is scalar
    assert send(list[float], [scalar])[0] is scalar
    with pytest.raises(ArgumentError, match=r"must be int, and is numpy.int64$"):
        send(int, np.int64(1))
