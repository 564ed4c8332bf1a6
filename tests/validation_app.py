"""Tasks that check their arguments, which child processes import; and what others sent instead."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pydantic

from zmqwork import App, Middleware

app = App("validation-app", validate=True)


class Color(enum.Enum):
    RED = "red"


class Item(pydantic.BaseModel):
    name: str
    price: float
    color: Color = Color.RED


class Order(pydantic.BaseModel):
    items: list[Item]
    buyer: Later | None = None


@dataclass
class Size:
    width: int
    height: int = 1


class Later(pydantic.BaseModel):
    """Named in annotations above."""

    name: str


@app.task
def thumbnail(path: str, width: int = 200, *, keep: bool = True) -> str:
    return f"{path} {width} {keep}"


@app.task
async def thumbnail_async(path: str, width: int = 200) -> str:
    return f"{path} {width}"


@app.task
def letters(word: str, times: int) -> Iterator[str]:
    yield from word * times


@app.task
def total(order: Order, *more: Item) -> list:
    return [type(order).__name__, sum(item.price for item in (*order.items, *more))]


@app.task
def describe(size: Size, color: Color, places: tuple[int, ...] = ()) -> list:
    return [type(size).__name__, color.name, type(places).__name__]


@app.task(validate=False)
def lax(width: int):
    return width


@app.task
def nested(text: str):
    """Submits what does not fit: that is its own failure, like others."""
    thumbnail.submit(text, width="ten")


@app.task(allow_wait=True)
def waits(path: str) -> str:
    return thumbnail.submit(path).result(10)


@app.task(max_retries=3, retry_backoff=0.01, fallback=lambda order: type(order).__name__)
def breaks(order: Order):
    raise OSError(Path())


strict_one = App("validation-one")


@strict_one.task(validate=True)
def measure(value: int) -> int:
    return value


@strict_one.task
def unmeasured(value: int) -> int:
    return value


layered = App("validation-layered", validate=True)


@layered.middleware
class Doubles(Middleware):
    """Changes what is submitted, and sees what has come."""

    def submit(self, call_next, task, args, kwargs):
        return call_next(task, (2 * args[0],), kwargs)

    def run(self, call_next, context, args, kwargs):
        return [type(args[0]).__name__, call_next(args, kwargs)]

    async def run_async(self, call_next, context, args, kwargs):
        return [type(args[0]).__name__, await call_next(args, kwargs)]


@layered.task
def halve(value: int) -> float:
    return value / 2


@layered.task
async def halve_async(value: int) -> float:
    return value / 2


@layered.task
def tell(item: Item) -> str:
    return item.name


def raw(app: App, name: str, *args, **kwargs):
    """Submit what no checking end has seen, as another version, or another language, may."""
    from zmqwork.wire.values import encode_call

    producer = app._producers.current
    task = app.tasks.get(name.removesuffix("[]"))
    spec = task.spec
    if name.endswith("[]"):
        from dataclasses import replace

        spec = replace(spec, name=name, item_count=len(args[0]))
    return producer.submit(spec, encode_call(args, kwargs))
