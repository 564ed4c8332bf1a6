"""Models of pydantic as arguments: sent as plain dumps, validated where they arrive."""

from __future__ import annotations

import datetime as dt
import enum
import inspect
import ipaddress
import uuid
from pathlib import Path
from typing import Annotated

import annotated_types
import pydantic
import pytest
from pydantic import BaseModel, ConfigDict, Field, RootModel, SecretStr

from zmqwork.errors import ArgumentError, ConfigError, EncodeError
from zmqwork.validation.calls import CallChecks
from zmqwork.validation.refusal import Refusal
from zmqwork.wire.values import decode_value, encode_value

TEXT = "Input should be a valid string"


class Color(enum.Enum):
    RED = "red"


class Part(BaseModel):
    name: str
    count: int = Field(1, alias="Count")


class Everything(BaseModel):
    at: dt.datetime
    id: uuid.UUID
    path: Path
    data: bytes
    ratio: float
    color: Color
    tags: set[str]
    pair: tuple[int, str]
    url: pydantic.HttpUrl
    address: ipaddress.IPv4Address
    part: Part
    parts: dict[str, list[Part]]


class Login(BaseModel):
    password: SecretStr


class Names(RootModel[list[str]]):
    pass


class Small(BaseModel):
    model_config = ConfigDict(extra="forbid")
    number: int


class Large(Small):
    more: int = 0


class Checked(BaseModel):
    even: int

    @pydantic.field_validator("even")
    @classmethod
    def is_even(cls, value):
        if value % 2:
            raise ValueError("it is odd \x1b")
        if value > 100:
            raise OSError("no room")
        return value


EVERYTHING = Everything(
    at=dt.datetime(2024, 1, 2, tzinfo=dt.UTC), id=uuid.UUID(int=1), path=Path("a"), data=b"\xff",
    ratio=float("inf"), color=Color.RED, tags={"x"}, pair=(1, "a"), url="http://x.example/",
    address="127.0.0.1", part=Part(name="p", Count=2), parts={"a": [Part(name="q")]},
)  # fmt: skip


def checks_of(annotation):
    def handler(x): ...

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature([inspect.Parameter("x", kind, annotation=annotation)])
    return CallChecks("task", handler, signature, handler)


def send(annotation, value):
    ((sent,), _) = checks_of(annotation).send((value,), {})
    return sent


def take(annotation, value):
    ((taken,), _) = checks_of(annotation).take((value,), {})
    return taken


def travelled(annotation, value):
    """What the handler gets of a value that was submitted."""
    return take(annotation, decode_value(encode_value(send(annotation, value))))


def test_all_that_a_model_may_hold_travels():
    assert travelled(Everything, EVERYTHING) == EVERYTHING
    sent = send(Everything, EVERYTHING)
    assert type(sent) is dict
    # What travels as what it is stays that.
    assert (sent["at"], sent["data"], sent["tags"]) == (EVERYTHING.at, b"\xff", {"x"})
    assert (sent["color"], sent["url"]) == ("red", "http://x.example/")


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (list[Part], [Part(name="a"), Part(name="b")]),
        (tuple[Part, ...], (Part(name="a"),)),
        (tuple[int, Part], (1, Part(name="a"))),
        (dict[str, Part | None], {"a": Part(name="a"), "b": None}),
        (dict[str, list[Part]], {"a": [Part(name="a")]}),
        (Part | None, None),
        (Part | int, Part(name="a")),
        (Names, Names(["a", "b"])),
        (Small, Small(number=1)),
    ],
)
def test_wherever_one_stands(annotation, value):
    assert travelled(annotation, value) == value


def test_a_dict_is_as_good():
    part = Part(name="a", Count=3)
    assert travelled(Part, {"name": "a", "Count": 3}) == part
    assert travelled(list[Part], [{"name": "a", "count": 3}, part]) == [part, part]
    # Whoever has not sent it through here may say the alias, or the field's name.
    assert take(Part, {"name": "a", "Count": 3}) == take(Part, {"name": "a", "count": 3}) == part


@pytest.mark.parametrize(
    ("annotation", "value", "said"),
    [
        (Part, {"count": 1}, "must be Part: name: Field required"),
        (Part, 3, "must be Part, and is int (3)"),
        (Names, "ab", "must be Names, and is str ('ab')"),
        (list[Part], [{"name": "a"}, {}], "at [1] must be Part: name: Field required"),
        (Part | None, {"name": 1}, "must be Part: name: Input should be a valid string"),
        (Small, Large(number=1), "must be Small: more: Extra inputs are not permitted"),
        (Checked, {"even": 1}, "must be Checked: even: Value error, it is odd \\x1b"),
        (Checked, {"even": 102}, "cannot be checked: OSError: no room"),
        (Part | None, 3, "must be Part | None, and is int (3)"),
        (Names, [1, 2, 3, 4], f"must be Names: 0: {TEXT}; 1: {TEXT}; 2: {TEXT}; and 1 more"),
    ],
)  # fmt: skip
def test_what_does_not_fit(annotation, value, said):
    with pytest.raises(ArgumentError) as caught:
        send(annotation, value)
    assert str(caught.value) == f"task: argument 'x' {said}"
    with pytest.raises(Refusal, match="task: argument 'x'"):
        take(annotation, decode_value(encode_value(getattr(value, "__dict__", value))))


def test_a_pydantic_that_is_too_old_says_so():
    """Its models could not be made of their fields' names: what has an alias would be lost."""

    class Old(BaseModel):
        @classmethod
        def model_validate(cls, obj, *, strict=None):
            return super().model_validate(obj)

    with pytest.raises(ConfigError, match=r"Old as an argument needs pydantic 2.11"):
        send(Old, Old())


def test_a_model_that_was_spoiled_is_not_sent():
    part = Part(name="a")
    part.name = 3
    with pytest.warns(UserWarning, match="serializer"), pytest.raises(ArgumentError) as caught:
        send(Part, part)
    assert "name: Input should be a valid string" in str(caught.value)


def test_a_secret_is_neither_sent_nor_shown():
    login = Login(password="hunter2")
    with pytest.raises(EncodeError) as caught:
        travelled(Login, login)
    assert "hunter2" not in str(caught.value)
    with pytest.raises(ArgumentError) as caught:
        send(Login, {"password": ["hunter2"]})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("bound", [Field(gt=3), annotated_types.Gt(3)])
def test_bounds_of_pydantic_hold(bound):
    annotation = Annotated[int, bound]
    assert travelled(annotation, 4) == 4
    for value, said in (
        (3, "must be int: Input should be greater than 3"),
        ("x", "must be int, and is str ('x')"),
    ):
        with pytest.raises(ArgumentError) as caught:
            send(annotation, value)
        assert str(caught.value) == f"task: argument 'x' {said}"
    short = Annotated[list[Part], Field(max_length=1)]
    assert travelled(short, [Part(name="a")]) == [Part(name="a")]
    with pytest.raises(ArgumentError, match=r"must be list\[\S*Part\]: List should have at most 1"):
        send(short, [Part(name="a"), Part(name="b")])
