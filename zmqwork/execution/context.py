"""What a handler may ask of the task that it runs: `current()`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from zmqwork.errors import UsageError
from zmqwork.execution.speech import Speech, speech_of, voice
from zmqwork.transport import clock
from zmqwork.wire.channel import Attempt


class Item(Attempt, Protocol):
    """One attempt, as it reaches the code that runs it.

    Attributes:
        speech: what its handler says; None: nothing, as yet.
    """

    speech: Any

    @property
    def dropped(self) -> bool:
        """Whether its result is not wanted any more."""


# The item rather than a Context: it is there already, and few handlers ask.
running: ContextVar[Item | None] = ContextVar("zmqwork_running", default=None)

# Whether the code that runs is a module's that a worker imports for its tasks.
_importing: ContextVar[bool] = ContextVar("zmqwork_importing", default=False)


# How tasks that run here find workers for the tasks that they submit: as their own worker does, not
# as the app says. ``app``: whose tasks; ``realm``, ``peers``, ``discovery``: see `App.producer`.
home: dict[str, Any] | None = None


class Context:
    """The task that runs here. Values are as of its dispatch, but `cancelled` and `remaining`."""

    __slots__ = ("_item", "_voice")

    def __init__(self, item: Item) -> None:
        self._item = item
        self._voice = voice.get()  # (for another thread of the handler's there would be none)

    def __repr__(self) -> str:
        return f"<Context of task {self.task_id} {self.name!r}, attempt {self.attempt}>"

    @property
    def task_id(self) -> str:
        """As `TaskFuture.id` at the producer: the same for every attempt, so a good key."""
        return f"{self._item.producer_id[:8]}-{self._item.seq}"

    @property
    def name(self) -> str:
        """The task's name."""
        return self._item.name

    @property
    def attempt(self) -> int:
        """Counts from 1."""
        return self._item.attempt

    @property
    def queue(self) -> str:
        """The queue it came through."""
        return str(self._item.options.get("queue", "default"))

    @property
    def headers(self) -> dict[str, str]:
        """What its submitter has sent with it: ``using(headers={"traceparent": ...})``."""
        return dict(self._item.options.get("headers") or {})

    @property
    def deadline(self) -> float | None:
        """Seconds until the task is worthless, negative when it is; None: never."""
        deadline_at = self._item.deadline_at
        return None if deadline_at is None else deadline_at - clock.now()

    def progress(self, fraction: float | None = None, note: str | None = None) -> None:
        """Say how far it is: `TaskFuture.progress` has it a moment later, and ``zmqwork inspect``.

        Say it as often as you like: what is newer takes the place of what is older, several times
        a second.

        Args:
            fraction: how much is done, from 0 to 1; None: as it was.
            note: what it does, for people: up to 1,024 bytes, what is longer is cut; None: as it
                was.

        Raises:
            ValueError: the fraction is no number from 0 to 1.
        """
        if fraction is not None and not 0.0 <= fraction <= 1.0:  # (which NaN is not)
            raise ValueError(f"a fraction is a number from 0 to 1, not {fraction!r}")
        self._speech.progress(fraction, None if note is None else str(note))

    @property
    def checkpoint(self) -> Any:
        """What `zmqwork.checkpoint` has saved last: here, or in an earlier attempt; else None."""
        return self._speech.checkpoint

    @property
    def _speech(self) -> Speech:
        return speech_of(self._item, self._voice)

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits for the result any more: a long handler may stop."""
        return bool(self._item.dropped)


def current() -> Context:
    """The task that this code runs for. Raises `UsageError` outside of one."""
    item = running.get()
    if item is None:
        raise UsageError("zmqwork.current() was called outside of a task")
    return Context(item)


def checkpoint(value: Any) -> None:
    """Save a value for the next attempt of the task that runs here: there `Context.checkpoint`.

    ::

        start = zmqwork.current().checkpoint or 0
        for number in range(start, len(pages)):
            index(pages[number])
            zmqwork.checkpoint(number + 1)

    The newest counts. It reaches the producer within some 0.2 s, or with the end of the attempt;
    what a worker that is killed has saved just before is lost. In a generator it also says that the
    next attempt yields the parts that come after those so far.

    Raises:
        EncodeError: it cannot travel, or takes more than 64 KiB.
        UsageError: outside of a task.
    """
    current()._speech.save(value)


def inside_task() -> bool:
    """Whether this code runs for a task."""
    return running.get() is not None


@contextmanager
def while_importing() -> Iterator[None]:
    """What runs inside is a module that a worker imports: not the program that it may be."""
    before = _importing.set(True)
    try:
        yield
    finally:
        _importing.reset(before)


def refuse_while_importing(what: str = "a task was submitted", cure: str = "Submit") -> None:
    """Raise `UsageError` if a module submits tasks while a worker imports it to run them.

    That is where a program without the guard ends up, again and again.
    """
    if _importing.get():
        raise UsageError(
            f"{what} while this module was imported to run tasks of it. {cure} "
            'under\n    if __name__ == "__main__":'
        )
