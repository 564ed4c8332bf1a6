"""Middleware stands around `submit` and around handlers, in each pool."""

from __future__ import annotations

import inspect
import pickle

import pytest
from hooks_app import Outer, around, coroutine, picky, plain, snoozes, waits

from zmqwork import App, Middleware
from zmqwork.errors import ConfigError, TaskFailed, UsageError
from zmqwork.task import AsyncTask, Task

WAIT = 20.0
POOLS = ["process", "thread", "asyncio", "inline"]


@pytest.fixture(autouse=True)
def private(tmp_path_factory, monkeypatch):
    place = tmp_path_factory.mktemp("run")
    place.chmod(0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))


@pytest.mark.parametrize("pool", POOLS)
def test_in_each_pool(pool):
    with around.worker(1, pool), around.producer():
        futures = [task.submit(1, k=2) for task in (plain, coroutine)]
        inner = ["inner", [1, "submitted", "outer", "inner", "k"]]
        assert [future.result(WAIT) for future in futures] == [["outer", inner, 1]] * 2
        # Each item of a map goes through what stands around handlers.
        for task in (plain, coroutine):
            assert list(task.map(["a", "b"], chunk=2)) == [
                ["outer", ["inner", [item, "outer", "inner"]], 1] for item in "ab"
            ]


def test_what_it_raises():
    with around.worker(1, "thread"), around.producer() as producer:
        with pytest.raises(LookupError, match="it is refused"):
            plain.submit("refused")
        assert producer.status()["pending"] == 0
        future = plain.using(max_retries=0).submit("fail before")
        with pytest.raises(TaskFailed) as caught:
            future.result(WAIT)
        assert caught.value.type_name == "KeyError"
        assert caught.value.text == "'plain'"


def test_it_may_change_options():
    with around.worker(1, "thread", ["night"]), around.producer():
        inner = ["inner", ["later", "submitted", "outer", "inner"]]
        assert plain.submit("later").result(WAIT) == ["outer", inner, 1]
        assert plain.options.queue == "default"


def test_what_was_said_of_the_function_holds():
    with around.worker(2, "thread"), around.producer():
        with pytest.raises(TaskFailed) as caught:
            picky.submit("again").result(WAIT)
        assert caught.value.attempts == 2
        with pytest.raises(TaskFailed) as caught:
            picky.submit("no").result(WAIT)
        assert caught.value.attempts == 1
        assert snoozes.submit().result(WAIT) == ["outer", ["inner", "done"], 2]


def test_a_task_may_still_wait_for_others():
    with around.worker(1, "thread"), around.producer():
        inner = ["outer", ["inner", ["x", "submitted", "outer", "inner"]], 1]
        assert waits.submit("x").result(WAIT) == ["outer", ["inner", inner], 1]


def test_a_call_here_is_a_call():
    assert plain(1) == [1]
    assert plain.using(queue="q")(2) == [2]


def test_a_task_is_still_what_it_was():
    assert isinstance(plain, Task)
    assert isinstance(coroutine, AsyncTask)
    assert inspect.signature(plain) == inspect.signature(plain.handler)
    assert pickle.loads(pickle.dumps(plain)) is plain
    assert repr(plain) == "<Task 'plain'>"
    assert type(plain).__name__ == "Task"


def test_without_middleware_nothing_is_different():
    app = App("none")

    @app.task(name="f")
    def f(x):
        return x

    assert type(f) is Task
    assert f.served is f.handler

    class Submits(Middleware):
        def submit(self, call_next, task, args, kwargs):
            return call_next(task, args, kwargs)

    app.add_middleware(Submits())
    assert f.served is f.handler, "nothing stands around the handler"


def test_half_a_middleware_is_refused():
    class Half(Middleware):
        def run(self, call_next, context, args, kwargs):
            return call_next(args, kwargs)

    app = App("half")
    app.add_middleware(Half())
    app.task(name="plain")(lambda x: x)

    async def later(x):
        return x

    with pytest.raises(ConfigError, match="Half has run, and no run_async for task 'later'"):
        app.task(name="later")(later)
    other = App("other")
    other.task(name="later")(later)
    with pytest.raises(ConfigError, match="no run_async"):
        other.add_middleware(Half())
    assert other.tasks["later"].served is later


def test_what_is_none():
    app = App("wrong")
    for wrong in (object(), Outer):
        with pytest.raises(UsageError, match=r"is no zmqwork\.Middleware"):
            app.add_middleware(wrong)
    with pytest.raises(UsageError, match="is no class"):
        app.middleware(7)
