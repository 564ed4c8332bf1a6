"""Middleware stands around `submit` and around handlers, in each pool."""

from __future__ import annotations

import asyncio
import inspect
import pickle

import pytest
from hooks_app import (
    Outer,
    Traced,
    around,
    coroutine,
    doubled,
    fails,
    picky,
    plain,
    snoozes,
    trace,
    traced,
    waits,
    yields,
    yields_async,
)

from zmqwork import App, Middleware
from zmqwork.errors import ConfigError, PendingFull, TaskCancelled, TaskFailed, UsageError
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


@pytest.mark.parametrize("pool", ["process", "thread", "asyncio"])
def test_around_generators(pool):
    with doubled.worker(1, pool), doubled.producer():
        for task in (yields, yields_async):
            assert list(task.submit(200).stream(WAIT)) == list(range(0, 400, 2))


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


def kept():
    """What the traced app's middleware has submitted since this was called."""
    (middleware,) = [m for m in traced.layers._all if isinstance(m, Traced)]
    middleware.futures.clear()
    return middleware.futures


def test_headers_go_on_to_the_handler():
    kept()
    with traced.worker(1, "thread"), traced.producer():
        assert trace.submit().result(WAIT) == {"trace": "trace"}
        assert trace.using(countdown=0.01).submit().result(WAIT) == {"trace": "trace"}


def test_a_fallback_is_submitted_by_nobody():
    kept()
    with traced.worker(1, "thread"), traced.producer():
        assert fails.submit().result(WAIT) == {}


def test_it_stands_around_what_a_batch_submits():
    submitted = kept()
    with traced.worker(1, "thread"), traced.producer() as producer:
        with traced.batch():
            futures = [trace.submit(x) for x in range(3)]
            assert submitted == futures
            assert [future.seq for future in futures] == [0, 0, 0]
        assert [future.id for future in submitted] == [
            f"{producer.node_id[:8]}-{seq}" for seq in (1, 2, 3)
        ]
        assert [future.result(WAIT) for future in futures] == [{"trace": "trace"}] * 3


def test_what_it_raises_within_a_batch_ends_that():
    def group(futures):
        with around.batch():
            futures.append(plain.submit(1))
            plain.submit("refused")

    futures = []
    with around.producer() as producer:
        with pytest.raises(LookupError, match="it is refused"):
            group(futures)
        assert futures[0].cancelled()
        assert producer.status()["pending"] == 0


def test_it_stands_around_asubmit():
    async def main():
        future = await trace.asubmit("x")
        assert submitted == [future]
        assert future.seq == 1
        assert await future == {"trace": "trace"}
        with traced.batch():
            future = await trace.asubmit("y")
            assert future.seq == 0
        assert await future == {"trace": "trace"}
        with pytest.raises(LookupError, match="it is refused"):
            await plain.asubmit("refused")
        future = await coroutine.using(priority=1).asubmit(1)
        assert await future == ["outer", ["inner", [1, "submitted", "outer", "inner"]], 1]

    submitted = kept()
    with (
        traced.worker(1, "thread"),
        traced.producer(),
        around.worker(1, "thread"),
        around.producer(),
    ):
        asyncio.run(main())


async def full(action):
    """Do this while there is no room, and then there is: what came of it, or was raised."""
    first = await trace.asubmit("first")
    waiting = asyncio.ensure_future(action())
    for _ in range(10):
        await asyncio.sleep(0)  # the event loop goes on
    assert not waiting.done()
    assert first.cancel()
    return await waiting


def test_asubmit_waits_for_room_behind_the_middleware():
    submitted = kept()
    with traced.producer(max_pending=1) as producer:
        future = asyncio.run(full(lambda: trace.asubmit("second")))
        assert submitted[1:] == [future]
        assert future.id == f"{producer.node_id[:8]}-2"
        assert future.cancel()


def test_each_of_several_waits_for_room():
    async def main():
        first = await trace.asubmit("first")
        waiting = asyncio.ensure_future(trace.asubmit("twice"))
        await asyncio.sleep(0)
        assert [future.seq for future in submitted] == [1, 2, 0]
        assert first.cancel()
        assert (await waiting).seq == submitted[2].seq == 3
        assert all(future.cancel() for future in submitted[1:])

    submitted = kept()
    with traced.producer(max_pending=2):
        asyncio.run(main())


def test_who_does_not_wait_for_room_any_more():
    async def main():
        await trace.asubmit("first")
        waiting = asyncio.ensure_future(trace.asubmit("twice"))
        await asyncio.sleep(0)
        assert [future.seq for future in submitted] == [1, 0, 0]
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        # What is refused behind `call_next` has found no room, either.
        with pytest.raises(LookupError):
            await trace.asubmit("raise behind")
        for future in submitted[1:]:
            assert future.cancelled()
            with pytest.raises(TaskCancelled, match="it was not submitted"):
                future.result(0)
        assert submitted[0].cancel()

    submitted = kept()
    with traced.producer(max_pending=1) as producer:
        asyncio.run(main())
        assert producer.status()["pending"] == 0


def test_asubmit_raises_where_nobody_waits_for_room():
    async def main():
        first = await trace.asubmit("first")
        with pytest.raises(PendingFull):
            await trace.asubmit("second")
        assert first.cancel()

    kept()
    with traced.producer(max_pending=1, on_full="raise"):
        asyncio.run(main())


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
