"""The types of the public API, asserted for mypy --strict and pyright. Checked, never run."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator, Mapping
from typing import Any, assert_type

import zmqwork
from zmqwork import App, Failure, Pipeline, Producer, Run, Sink, Task, TaskFuture, Worker
from zmqwork.nodes.store import Batch, Results
from zmqwork.parts import Parts, StreamFuture
from zmqwork.progress import Progress

app = App("thumbs", peers=["tcp://127.0.0.1:7071"], discovery="local")


@app.task
def plain(path: str, width: int = 200) -> bytes:
    return path.encode() * width


@app.task(queue="images", max_retries=3, name="better-name")
def with_options(path: str, *, width: int) -> bytes:
    return path.encode() * width


@app.task
async def asynchronous(url: str) -> int:
    return len(url)


@app.task(expires=30.0, retry_backoff=0.5, retry_backoff_max=3)
async def asynchronous_with_options(url: str) -> list[int]:
    return [len(url)]


@app.task
def nothing() -> None: ...


@app.task
def streaming(number: int) -> Iterator[str]:
    yield str(number)


@app.task(queue="images")
def streaming_with_result(number: int) -> Generator[str, None, int]:
    yield str(number)
    return number


@app.task
async def streaming_async(number: int) -> AsyncIterator[str]:
    yield str(number)


def streams() -> None:
    assert_type(streaming.submit(1).stream(), Parts[str])
    assert_type(streaming_with_result.submit(1).result(), int)
    assert_type(next(streaming_with_result.submit(1).stream(timeout=1)), str)
    assert_type(streaming_async.submit(1), StreamFuture[str, None])
    assert_type(plain.submit("a").progress, Progress | None)


async def streams_async() -> None:
    async for part in (await streaming_async.asubmit(1)).stream():
        assert_type(part, str)


def calls() -> None:
    assert_type(plain("a.jpg"), bytes)
    assert_type(plain("a.jpg", width=100), bytes)
    assert_type(with_options("a.jpg", width=1), bytes)
    _ = assert_type(asynchronous("x"), Coroutine[Any, Any, int])
    plain(1)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    plain()  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


def submits() -> None:
    assert_type(plain.submit("a.jpg", width=100), TaskFuture[bytes])
    assert_type(plain.submit("a.jpg").result(timeout=10), bytes)
    assert_type(with_options.submit("a.jpg", width=1), TaskFuture[bytes])
    assert_type(asynchronous.submit("x"), TaskFuture[int])
    assert_type(asynchronous_with_options.submit("x").result(), list[int])
    assert_type(nothing.submit(), TaskFuture[None])
    plain.submit(1)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    plain.submit("a", widht=1)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    asynchronous.submit()  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


def broadcasts() -> None:
    answers = plain.broadcast("a.jpg", width=100)
    mapping: Mapping[str, TaskFuture[bytes]] = answers
    assert_type(mapping["w"].result(), bytes)
    assert_type(answers.results(timeout=10), dict[str, bytes])
    assert_type(answers.results(return_exceptions=True), dict[str, bytes | Exception])
    assert_type(asynchronous.broadcast("x").results(), dict[str, int])
    assert_type(answers.cancel(), int)
    plain.broadcast(1)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


def options() -> None:
    assert_type(plain.using(queue="x", expires=None).submit("a"), TaskFuture[bytes])
    _ = assert_type(asynchronous.using(max_retries=1)("x"), Coroutine[Any, Any, int])
    plain.using(max_retry=1)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    _ = plain.using(priority=-5)
    plain.using(priority="high")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    plain.using(queue=1)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    app.task(validate="yes")  # type: ignore[call-overload] # pyright: ignore[reportArgumentType, reportCallIssue]
    app.task(max_retries="3")  # type: ignore[call-overload] # pyright: ignore[reportArgumentType, reportCallIssue]


def maps() -> None:
    assert_type(plain.map(["a"]), Iterator[bytes])
    assert_type(plain.map((p for p in "ab"), window=10, order="completed"), Iterator[bytes])
    assert_type(plain.map(["a"], return_exceptions=True), Iterator[bytes | Exception])
    assert_type(asynchronous.map(["a"], chunk=3), Iterator[int])
    assert_type(plain.starmap([("a", 1)]), Iterator[bytes])
    assert_type(plain.starmap([("a", 1)], return_exceptions=True), Iterator[bytes | Exception])
    assert_type(plain.amap(["a"]), AsyncIterator[bytes])
    assert_type(plain.amap(["a"], return_exceptions=True), AsyncIterator[bytes | Exception])
    assert_type(asynchronous.astarmap([("a",)]), AsyncIterator[int])
    plain.map(["a"], order="random")  # type: ignore[call-overload] # pyright: ignore[reportArgumentType, reportCallIssue]


async def asynchronous_use(names: AsyncIterator[str]) -> None:
    future = plain.submit("a")
    assert_type(await future, bytes)
    assert_type(await asyncio.wait_for(future, 3), bytes)
    assert_type(await asyncio.wrap_future(future), bytes)
    assert_type(await asynchronous.broadcast("x"), dict[str, int])
    assert_type([x async for x in plain.amap(names)], list[bytes])
    assert_type(await asyncio.gather(future, asynchronous.submit("x")), tuple[bytes, int])


def futures(future: TaskFuture[bytes]) -> None:
    standard: concurrent.futures.Future[bytes] = future
    assert_type(standard.result(), bytes)
    for done in concurrent.futures.as_completed([future]):
        assert_type(done.result(), bytes)
    assert_type(concurrent.futures.wait([future]).done, set[concurrent.futures.Future[bytes]])
    future.add_done_callback(lambda f: assert_type(f, TaskFuture[bytes]))
    assert_type(future.id, str)
    assert_type(future.attempts, int)
    assert_type(future.cancel(), bool)
    assert_type(future.exception(), BaseException | None)


def takes_task(task: Task[[str], bytes], function: Callable[[str], bytes]) -> None:
    assert_type(task.submit("x"), TaskFuture[bytes])
    assert_type(task.name, str)
    assert_type(app.task(function), Task[[str], bytes])
    assert_type(app.task(name="x")(function), Task[[str], bytes])
    assert_type(app.task(validate=True)(function), Task[[str], bytes])


def nodes() -> None:
    with app.producer(on_full="raise", max_pending=10) as producer:
        assert_type(producer, Producer)
        assert_type(producer.status(), dict[str, Any])
        assert_type(producer.explain(), str)
        assert_type(producer.drain(3), bool)
    app.pause("a")
    app.resume("a")
    app.producer(priority_aging=None)
    app.worker(queues={"high": 6, "low": 1})
    app.worker(queues=["a", "b"], strict=True)
    app.worker(exclude_queues=["a"])
    worker = app.worker(concurrency=4, pool="thread", queues=["a"])
    assert_type(worker, Worker)
    with worker.start():
        pass
    app.worker(pool="threads")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    app.producer(on_full="wait")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]


class Nowhere:
    """A store of the user's own."""

    inbox = ""

    def open(self) -> dict[str, list[tuple[int, int]]]:
        return {}

    def store(self, batch: Batch) -> None:
        for record in batch.results.records:
            assert_type(record.task_id, str)

    def close(self) -> None: ...


@app.sink
def keep(results: Results) -> None:
    assert_type(len(results), int)


@app.sink(name="slow", batch=500, linger=0.5)
async def keep_slowly(results: Results) -> None: ...


def sinks() -> None:
    assert_type(keep, Sink)
    assert_type(keep_slowly, Sink)
    assert_type(app.sink(Nowhere(), name="nowhere"), Sink)
    assert_type(keep.run(once=True, bind=["tcp://127.0.0.1:*"]), int)
    with keep.start(expect=3) as running:
        assert_type(running.stored, int)
        assert_type(running.wait_complete(10), bool)
    app.sink(3)  # type: ignore[call-overload] # pyright: ignore[reportCallIssue, reportArgumentType]
    keep.run(onse=True)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


def inside_a_task() -> None:
    context = zmqwork.current()
    assert_type(context.task_id, str)
    assert_type(context.attempt, int)
    assert_type(context.cancelled, bool)


def errors(error: zmqwork.TaskFailed) -> None:
    assert_type(error.task_id, str)
    assert_type(error.type_name, str)
    timeout: TimeoutError = zmqwork.NoWorker("x", "y")
    cancelled: concurrent.futures.CancelledError = zmqwork.TaskCancelled("x", "y")
    assert_type(str(timeout), str)
    assert_type(str(cancelled), str)


pipe = app.pipeline(window=100, key=str)


@pipe.ventilator
def names(count: int) -> Iterator[str]:
    yield from map(str, range(count))


@pipe.stage
def first(name: str) -> bytes:
    return name.encode()


@pipe.stage(max_retries=1)
async def second(data: bytes) -> int:
    return len(data)


@pipe.sink(batch=10)
def put_away(results: list[int]) -> None:
    """Called with some."""


@pipe.on_failed
def tell(failure: Failure) -> None:
    assert_type(failure.task, str)


@pipe.on_complete
def report(run: Run) -> None:
    assert_type(run.rate, float)


def pipelines() -> None:
    assert_type(pipe, Pipeline)
    assert_type(names(3), Iterator[str])
    assert_type(first.submit("a"), TaskFuture[bytes])
    assert_type(second.submit(b"a"), TaskFuture[int])
    assert_type(put_away, Sink)
    assert_type(pipe.run(3, resume=True), Run)
    assert_type(zmqwork.ventilate(app, [first, second], ["a"], on_failed=tell), Run)
    assert_type(zmqwork.ventilate(app, plain, ["a"]), Run)
    zmqwork.ventilate(app, len, ["a"])  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
