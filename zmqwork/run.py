"""`Run`: how far a pipeline is with its input, and what became of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from zmqwork.errors import JournalError, TaskError


class Failure(NamedTuple):
    """An item of the input that did not reach the sink.

    Attributes:
        number: its place in the input, from 0.
        item: the item itself.
        state: ``failed``, ``dead``, ``cancelled`` or ``expired``.
        error: why.
        task: the name of the task that ended so: of the stage in which the item was.
    """

    number: int
    item: Any
    state: str
    error: TaskError | JournalError
    task: str


@dataclass
class Run:
    """One pass of a pipeline over its input. It is filled while the run goes on.

    Attributes:
        id: under which sinks number its results; empty: the run cannot be gone on with.
        read: items taken from the input.
        ok: those whose result a sink has taken, with `already`.
        already: those whose result the sinks had before, from an earlier start of this run.
        failed, dead, cancelled, expired: those that ended otherwise.
        begun_at: the instant at which it began, its sinks found, by `time.monotonic`.
        ended_at: the instant at which the last item was settled; None: it goes on.
        sinks: what each sink said at the end: ``sink`` (a label), ``inbox``, ``count`` and
            ``succeeded`` (numbers given for it, and those with a result), ``taken`` (results that
            it has; None: it did not answer), ``missing`` (ranges of numbers up to `count` without
            one: of tasks that failed, or went to another sink, too).
    """

    id: str = ""
    read: int = 0
    ok: int = 0
    already: int = 0
    failed: int = 0
    dead: int = 0
    cancelled: int = 0
    expired: int = 0
    begun_at: float = field(default_factory=time.monotonic)
    ended_at: float | None = None
    sinks: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        # No fields: `dataclasses.asdict` is for what people want to keep.
        self._missing = ""
        self._look: Callable[[], str] | None = None
        self._tell: Callable[[], object] | None = None

    @property
    def obstacle(self) -> str:
        """What keeps it from going on: that no worker, or no sink, is there; empty: nothing does.

        From any thread.
        """
        look = self._look
        return self._missing or (look() if look is not None else "")

    def tell_failures(self) -> None:
        """Let `on_failed` be called with what has failed by now, as before each item.

        For an input that waits for its next item, in the thread that pulls it. What `on_failed`
        raises ends the run at the next item, not here.
        """
        if self._tell is not None:
            self._tell()

    def wait_for(self, what: str) -> None:
        """Say what is waited for before it begins; empty: nothing. For who runs it."""
        self._missing = what

    def watch(self, look: Callable[[], str] | None) -> None:
        """Say how its obstacle is found out; None: it has none any more. For who runs it."""
        self._look = look

    def tell_by(self, tell: Callable[[], object] | None) -> None:
        """Say how its failures are told; None: there are no more. For who runs it."""
        self._tell = tell

    @property
    def settled(self) -> int:
        """Items that have ended, one way or another."""
        return self.ok + self.lost

    @property
    def lost(self) -> int:
        """Items that did not reach a sink, and will not."""
        return self.failed + self.dead + self.cancelled + self.expired

    @property
    def pending(self) -> int:
        """Items that are under way."""
        return self.read - self.settled

    @property
    def seconds(self) -> float:
        """How long it took, or takes by now."""
        return (time.monotonic() if self.ended_at is None else self.ended_at) - self.begun_at

    @property
    def rate(self) -> float:
        """Settled items per second, without those that were done already."""
        return (self.settled - self.already) / max(self.seconds, 1e-9)

    def __str__(self) -> str:
        parts = [f"{self.ok:,} ok"]
        parts += [
            f"{count:,} {word}"
            for word in ("failed", "dead", "cancelled", "expired")
            if (count := getattr(self, word))
        ]
        done = f" ({self.already:,} of them done before)" if self.already else ""
        return (
            f"{', '.join(parts)} of {self.read:,}{done} in {self.seconds:.1f} s, {self.rate:,.0f}/s"
        )
