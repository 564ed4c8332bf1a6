"""Tasks that child processes import, and the middleware around them."""

from __future__ import annotations

import asyncio
import os

import zmqwork
from zmqwork import App, Middleware, Snooze

app = App("hooks-app")


@app.task
def crash():
    os._exit(3)


around = App("middleware-app")


@around.middleware
class Outer(Middleware):
    """Says what has passed, in arguments and results."""

    def submit(self, call_next, task, args, kwargs):
        if "refused" in args:
            raise LookupError("it is refused")
        if "later" in args:
            task = task.using(queue="night")
        return call_next(task, (*args, "submitted"), kwargs)

    def run(self, call_next, context, args, kwargs):
        if "fail before" in args:
            raise KeyError(context.name)
        return ["outer", call_next([*args, "outer"], kwargs), context.attempt]

    async def run_async(self, call_next, context, args, kwargs):
        await asyncio.sleep(0)
        return ["outer", await call_next([*args, "outer"], kwargs), context.attempt]


@around.task
def plain(*args, **kwargs):
    return [*args, *sorted(kwargs)]


@around.task
async def coroutine(*args, **kwargs):
    await asyncio.sleep(0)
    return [*args, *sorted(kwargs)]


@around.task(
    retry_when=lambda error, attempt: "again" in str(error), max_retries=1, retry_backoff=0.01
)
def picky(text, *_):
    raise ValueError(text)


@around.task(allow_wait=True)
def waits(x, *_):
    return plain.submit(x).result(10)


@around.task
def snoozes(*_):
    if zmqwork.current().attempt == 1:
        raise Snooze(0.01)
    return "done"


doubled = App("doubled-app")


@doubled.middleware
class Doubled(Middleware):
    """Stands around generators, each with one of its own."""

    def run(self, call_next, context, args, kwargs):
        made = call_next(args, kwargs)
        return _doubled_async(made) if hasattr(made, "__anext__") else _doubled(made)


def _doubled(parts):
    result = yield from (2 * part for part in parts)
    return result


async def _doubled_async(parts):
    async for part in parts:
        yield 2 * part


@doubled.task
def yields(number):
    yield from range(number)


@doubled.task
async def yields_async(number):
    for value in range(number):
        yield value


traced = App("traced-app")


@traced.middleware
class Traced(Middleware):
    """Passes a header on, and keeps what it has submitted."""

    def __init__(self):
        self.futures = []

    def submit(self, call_next, task, args, kwargs):
        if "twice" in args:
            self.futures.append(call_next(task, args, kwargs))
        future = call_next(task.using(headers={"trace": task.name}), args, kwargs)
        self.futures.append(future)
        if "raise behind" in args:
            raise LookupError("it is refused")
        return future


@traced.task
def trace(*_):
    return dict(zmqwork.current().headers)


@traced.task
def instead(*_):
    return dict(zmqwork.current().headers)


@traced.task(max_retries=0, fallback=instead)
def fails(*_):
    raise ValueError


class Inner(Middleware):
    """Stands around handlers alone, and was added after the tasks."""

    def run(self, call_next, context, args, kwargs):
        return ["inner", call_next([*args, "inner"], kwargs)]

    async def run_async(self, call_next, context, args, kwargs):
        return ["inner", await call_next([*args, "inner"], kwargs)]


around.add_middleware(Inner())
