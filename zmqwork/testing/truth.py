"""What really happened, seen from outside: what checkers compare the machines' beliefs with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

SUCCEEDS, FAILS, CRASHES, SNOOZES = "succeeds", "fails", "crashes", "snoozes"
REJECTS = "rejects"

# What ran as long as its time-out: it may count as what it came to, or as a failure.
OVERTIME = "overtime"


# By this part a clock may be fast or slow.
DRIFT = 0.0005


class Violation(AssertionError):
    """A promise is broken.

    Attributes:
        promise: the name of the checker that found it.
    """

    def __init__(self, promise: str, text: str) -> None:
        super().__init__(f"{promise}: {text}")
        self.promise = promise


@dataclass(frozen=True, slots=True)
class Script:
    """What a task's handler does.

    Attributes:
        seconds: how long it runs, on average.
        outcomes: of its first, second, ... run: SUCCEEDS, FAILS, CRASHES or SNOOZES; the last one
            repeats.
        final: its failures say that a retry is of no use.
        after: seconds after which it asks to be tried again when it fails, or snoozes; 0: it does
            not ask, or at once.
        rejections: so many of its runs say first that their worker cannot run it.
    """

    seconds: float = 0.01
    outcomes: tuple[str, ...] = (SUCCEEDS,)
    final: bool = False
    after: float = 0.0
    rejections: int = 0

    def outcome(self, run: int) -> str:
        """How its run with this number, from 0, ends."""
        return self.outcomes[min(run, len(self.outcomes) - 1)]


@dataclass(slots=True)
class Run:
    """One run of a handler.

    Attributes:
        worker: the node id.
        attempt: the number under which it was handed to the slot.
        outcome: SUCCEEDS, FAILS, CRASHES, SNOOZES, REJECTS or OVERTIME, or empty while it runs or
            if its worker went before.
        ended_at: when its handler came to an end by itself; None: it runs, or was ended.
    """

    worker: str
    attempt: int
    began_at: float
    outcome: str = ""
    ended_at: float | None = None


@dataclass(slots=True)
class Fate:
    """One task from outside.

    Attributes:
        result: what its handler returns: different for each task.
        expires_at: the instant when it expires, or None.
        due_at: before this instant it must not begin.
        is_untimed: whether a wall clock was put while nobody had the task but a journal, which
            then says little of how old it is: it may expire, and come due, when it likes.
        cancel_asked: whether somebody asked.
        settled: how it was settled: (state, value, error as text).
        then: what is done when it has succeeded.
        refused: whether its producer's journal had no room for it.
        reader: the entry for which its parts are read, and how many of them were: `parts`.
    """

    seq: int
    script: Script
    result: bytes
    submitted_at: float
    expires_at: float | None = None
    due_at: float = 0.0
    is_untimed: bool = False
    runs: list[Run] = field(default_factory=list)
    cancel_asked: bool = False
    settled: tuple[str, bytes | None, str] | None = None
    then: Callable[[], None] | None = None
    refused: bool = False
    reader: object = None
    parts: int = 0

    def count(self, outcome: str) -> int:
        """How many of its runs ended so."""
        return sum(1 for run in self.runs if run.outcome == outcome)

    def late(self, timeout: float | None, now: float) -> int:
        """How many of its runs have taken as long as this, or still run after it."""
        if timeout is None:
            return 0
        timeout *= 1 - DRIFT
        running = [run for run in self.runs if not run.outcome and now >= run.began_at + timeout]
        return self.count(OVERTIME) + len(running)


class Truth:
    """All tasks of all producers.

    Attributes:
        tasks: a producer's node id -> seq -> fate.
        unsettled: how many are not settled yet, by node id.
        crashes: how often a worker process or a child was made to die.
        numbers: (producer id at sinks, outlet, number there) -> the result that has this number.
        effects: result -> the places where it took effect, each as often as it did.
    """

    def __init__(self) -> None:
        self.tasks: dict[str, dict[int, Fate]] = {}
        self.unsettled: dict[str, int] = {}
        self.crashes = 0
        self.numbers: dict[tuple[str, str, int], bytes] = {}
        self.effects: dict[bytes, list[str]] = {}

    def submitted(self, producer_id: str, fate: Fate) -> None:
        """A producer accepted a task."""
        numbers_never_come_again(self, producer_id, fate)
        self.tasks.setdefault(producer_id, {})[fate.seq] = fate
        self.unsettled[producer_id] = self.unsettled.get(producer_id, 0) + 1

    def fate(self, producer_id: str, seq: int) -> Fate | None:
        """The task, if it was ever submitted."""
        return self.tasks.get(producer_id, {}).get(seq)


def numbers_never_come_again(truth: Truth, producer_id: str, fate: Fate) -> None:
    """A number of a task that is known is given to no other, by no process of its producer."""
    before = truth.fate(producer_id, fate.seq)
    if before is not None:
        text = f"{producer_id} gives {fate.seq} again, to {fate} after {before}"
        raise Violation(numbers_never_come_again.__name__, text)
