"""A handler behind the check of its arguments, as each attempt is run."""

from __future__ import annotations

import asyncio
import inspect

import execution_tasks as tasks
import pytest
from pool_bench import Held

from zmqwork.chunks import open_chunk
from zmqwork.execution import helping, invoke, retry
from zmqwork.execution.checked import checked
from zmqwork.execution.chunks import chunk_handler
from zmqwork.signature import call_check
from zmqwork.validation.calls import CallChecks
from zmqwork.wire.values import decode_value, encode_call, encode_value

ran = []


def double(number: int):
    ran.append(number)
    return 2 * number


async def double_async(number: int):
    return double(number)


def behind(function):
    signature = inspect.signature(function)
    accepts = call_check(signature, function.__name__)
    return checked(function, CallChecks("double", function, signature, accepts))


def run(handler, *args, **kwargs):
    return invoke.run(handler, Held("double", encode_call(args, kwargs), seq=7), asyncio.run)


def run_async(handler, *args, **kwargs):
    held = Held("double", encode_call(args, kwargs), seq=7)
    return asyncio.run(invoke.run_async(handler, held))


@pytest.fixture(autouse=True)
def nothing_ran():
    ran.clear()


REFUSED = {
    "type": "zmqwork.errors.ArgumentError",
    "text": "double: argument 'number' must be int, and is str ('x')",
    "traceback": "",
    "final": True,
    "argument": "number",
}


@pytest.mark.parametrize(
    ("way", "function"), [(run, double), (run, double_async), (run_async, double_async)]
)
def test_the_handler_is_not_run(way, function):
    handler = behind(function)
    assert way(handler, 4) == (True, encode_value(8))
    assert way(handler, "x") == (False, REFUSED)
    assert ran == [4]
    assert decode_value(encode_value(REFUSED)) == REFUSED


def test_whatever_the_task_is_retried_for():
    handler = behind(double)
    retry.set_condition(double, lambda *_: True)
    held = Held("double", encode_call(("x",), {}), options={"retry_for": ("TypeError",)})
    assert invoke.run(handler, held, asyncio.run) == (False, REFUSED)


def test_an_item_of_a_chunk_alone():
    good, sealed = run(chunk_handler(behind(double)), [1, "x", 3])
    assert good
    _, values, failures = open_chunk(decode_value(sealed), 3)
    assert (values, failures) == ([2, None, 6], {1: REFUSED})


def test_a_call_that_it_does_not_take():
    good, error = run(behind(double), 1, 2)
    assert not good
    assert (error["argument"], error["final"], error["traceback"]) == ("", True, "")
    assert error["text"] == "double: double() takes 1 positional argument but 2 were given"


def test_what_a_handler_raises_is_told_as_ever():
    good, error = run(behind(tasks.fail), "no such tile")
    assert not good
    assert (error["type"], error["text"]) == ("ValueError", "no such tile")
    assert "argument" not in error
    assert "in fail" in error["traceback"].splitlines()[1]


def test_what_was_declared_of_it_holds():
    def handler(number: int): ...

    helping.allow_wait(handler)
    retry.set_condition(handler, bool)
    wrapped = behind(handler)
    assert wrapped in helping._waiting_handlers
    assert retry._conditions[wrapped] is bool
    assert wrapped.innermost is handler
    assert behind(wrapped).innermost is handler


def test_a_long_text_is_cut():
    def handler(**options: int): ...

    good, error = run(behind(handler), **{"x" * 9999: "x"})
    assert not good
    assert len(error["text"]) <= 4096
    assert len(error["argument"]) <= 256
