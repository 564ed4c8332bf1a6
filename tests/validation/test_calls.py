"""Whole calls: which argument belongs to which parameter, and what is looked up once."""

from __future__ import annotations

import functools
import inspect
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from zmqwork.errors import ArgumentError, SoftTimeout
from zmqwork.signature import call_check
from zmqwork.validation import calls
from zmqwork.validation.calls import CallChecks
from zmqwork.validation.refusal import Refusal

if TYPE_CHECKING:
    from nowhere import Unknown


def checks_of(function):
    signature = inspect.signature(function)
    return CallChecks("task", function, signature, call_check(signature, "task"))


def everything(a: int, /, b: int, *rest: int, c: int = 0, **more: int) -> str: ...


def anything(a, b=1, *rest, c=None, **more): ...


def partly(known: int, unknown: Unknown, path: Path | None = None): ...


@pytest.mark.parametrize(
    ("args", "kwargs", "said"),
    [
        (("x", 1), {}, "argument 'a' must be"),
        ((1, "x"), {}, "argument 'b' must be"),
        ((1,), {"b": "x"}, "argument 'b' must be"),
        ((1, 2, 3, "x"), {}, "argument 'rest' at [1] must be"),
        ((1, 2), {"c": "x"}, "argument 'c' must be"),
        ((1, 2), {"d": 1, "e": "x"}, "argument 'e' must be"),
        # A positional-only parameter may share its name with one of the others.
        ((1, 2), {"a": "x"}, "argument 'a' must be"),
    ],
)
def test_the_argument_is_named(args, kwargs, said):
    with pytest.raises(ArgumentError) as caught:
        checks_of(everything).send(args, kwargs)
    assert str(caught.value) == f"task: {said} int, and is str ('x')"
    assert caught.value.argument == said.split("'")[1]


def test_a_call_that_fits_is_the_same_call():
    args, kwargs = (1, 2, 3), {"c": 4, "d": 5}
    checks = checks_of(everything)
    for _ in range(2):  # the second time its types are known
        sent = checks.send(args, kwargs)
        assert sent[0] is args
        assert sent[1] is kwargs


def test_types_that_are_known_say_nothing_of_others():
    checks = checks_of(everything)
    checks.send((1, 2), {"c": 3})
    for args, kwargs in (((1, "x"), {"c": 3}), ((1, 2), {"c": "x"}), ((1, 2), {"d": "x"})):
        with pytest.raises(ArgumentError):
            checks.send(args, kwargs)


def test_so_many_types_are_remembered(monkeypatch):
    monkeypatch.setattr(calls, "_FITTING_MAX", 3)
    checks = checks_of(anything)
    for number in range(10):
        kind = type(f"Kind{number}", (), {})
        checks.send((kind(),), {})
        assert len(checks._fitting) <= 3


def test_without_annotations_nothing_is_checked():
    args, kwargs = (object(), 2, 3), {"c": 4, "d": 5}
    assert checks_of(anything).send(args, kwargs) == (args, kwargs)
    assert CallChecks("task", print, None, print).send(args, kwargs) == (args, kwargs)


def test_text_is_looked_up_one_by_one(caplog):
    checks = checks_of(partly)
    assert checks.send((1, object()), {"path": Path("a")})[0][0] == 1
    assert [record.args[1] for record in caplog.records] == ["unknown"]
    for args, kwargs in ((("x", 1), {}), ((1, 1), {"path": "a"})):
        with pytest.raises(ArgumentError):
            checks.send(args, kwargs)


def test_functions_of_other_kinds():
    class Callable:
        def __call__(self, a: Path): ...

        def method(self, a: Path): ...

    made = Callable()
    wrapped = functools.wraps(partly)(lambda *args, **kwargs: None)
    for function, args in (
        (made, ("x",)),
        (made.method, ("x",)),
        (functools.partial(partly, 1, 2), ("x",)),
        (wrapped, ("x", 2)),
    ):
        with pytest.raises(ArgumentError, match=r"argument '\w+' must be"):
            checks_of(function).send(args, {})


def test_what_has_come_must_be_a_call():
    checks = checks_of(everything)
    assert checks.take([1, 2], {}) == ([1, 2], {})
    with pytest.raises(Refusal, match=r"task: task\(\) missing 1 required positional") as caught:
        checks.take([1], {})
    assert caught.value.argument == ""


@pytest.mark.parametrize("error", [SoftTimeout, MemoryError])
def test_what_says_nothing_of_the_argument_goes_on(error):
    class Kind(type):
        def __instancecheck__(cls, _):
            raise error

    class Strict(metaclass=Kind):
        pass

    def handler(a): ...

    handler.__annotations__["a"] = Strict
    with pytest.raises(error):
        checks_of(handler).take([1], {})
