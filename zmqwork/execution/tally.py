"""What a child was given, against what has come back."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

from zmqwork.core.clients import Held
from zmqwork.errors import DecodeError
from zmqwork.execution.page import ALARMED, CANCELLED, FLAGS_COUNT, WANTED, Page
from zmqwork.wire.channel import Outcome


class Tally:
    """The account of one child, from its start.

    Outcomes come through its page, its channel, or both; each is taken once, in order.

    Attributes:
        given: the unfinished attempts, in order; None for one that was taken back and that the
            child has still to pass over. Bound: the machine's chunk_max.
        finished: how many were finished, or taken back, before them.
    """

    __slots__ = ("_base", "_base_seconds", "_flagged_end", "_holes", "_page", "finished", "given")

    def __init__(self, page: Page) -> None:
        self._page = page
        self.given: deque[Held | None] = deque()
        self.finished = 0
        self._flagged_end = 0  # from here on no flag is left over
        self._holes = False  # whether there may be None among the given
        # Of the batch that came last: how many were before it, and its seconds taken so far.
        self._base = 0
        self._base_seconds = 0.0

    def give(self, attempts: Sequence[Held]) -> None:
        """The child is given these; call it before it knows."""
        first = self.finished + len(self.given)
        for index in range(first, min(first + len(attempts), self._flagged_end)):
            self._page.flag(index, WANTED)
        self.given.extend(attempts)

    def cancel(self, attempt: Held) -> bool:
        """Let the child see that nobody waits for it; False if it does not have it."""
        return self._tell(attempt, CANCELLED)

    def alarm(self, attempt: Held) -> bool:
        """Let the child see that its soft time-out is over; False if it does not have it."""
        return self._tell(attempt, ALARMED)

    def _tell(self, attempt: Held, value: int) -> bool:
        index = self.index(attempt)
        if index is None:
            return False
        self._flag(index, value)
        return True

    def index(self, attempt: Held) -> int | None:
        """Which of the child's attempts this is, from its start; None: it does not have it."""
        for ahead, given in enumerate(self.given):
            if given is attempt:
                return self.finished + ahead
        return None

    def attempt(self, index: int) -> Held | None:
        """The attempt with this index; None: it is finished, or was taken back."""
        ahead = index - self.finished
        return self.given[ahead] if 0 <= ahead < len(self.given) else None

    def take_back(self) -> list[Held]:
        """Take what the child has not begun; in order."""
        first, given = self.finished, self.given
        end = first + len(given)
        kept = self._page.take_back(first, end) - first
        self._flagged_end = end + FLAGS_COUNT
        back = [held for held in islice(given, kept, None) if held is not None]
        for place in range(kept, len(given)):
            given[place] = None
        self._holes = True
        self._pass_over()
        return back

    def _flag(self, index: int, value: int) -> None:
        self._page.flag(index, value)
        self._flagged_end = max(self._flagged_end, index + 1 + FLAGS_COUNT)

    def _pass_over(self) -> None:
        given = self.given
        while given and given[0] is None:
            given.popleft()
            self.finished += 1

    def take(
        self, base: int, seconds: float, outcomes: list[Outcome]
    ) -> tuple[list[Outcome], float] | None:
        """Those that were not taken yet, with the seconds they ran; None if there are none.

        Args:
            base: how many came before.
            seconds: how long all of these ran.
            outcomes: of consecutive attempts.

        Raises:
            DecodeError: this cannot be what the child has made of what it was given.
        """
        seen = self.finished - base
        if seen < 0 or len(outcomes) - seen > len(self.given):
            raise DecodeError("its outcomes do not fit what it was given")
        if base != self._base:
            self._base, self._base_seconds = base, 0.0
        fresh = outcomes[seen:] if seen else outcomes
        if not fresh:
            return None
        count = len(fresh)
        if self._holes:
            # Were one begun all the same, it runs twice: never may its outcome be another one's.
            pairs = zip(fresh, self.given, strict=False)
            fresh = [outcome for outcome, held in pairs if held is not None]
        self._forget(count)
        spent = max(0.0, seconds - self._base_seconds)
        self._base_seconds = seconds
        return (fresh, spent) if fresh else None

    def peek(self, drain: Callable[[], None]) -> tuple[list[Outcome], float] | None:
        """As `take`, of what a living child has not sent yet.

        `drain` takes in what it has sent: of these attempts, too, whatever they said comes first.
        """
        base, seconds, outcomes = self._page.outcomes()
        if outcomes:
            drain()
        # Ahead of us: what the child has sent before is still in the channel, and comes first.
        return self.take(base, seconds, outcomes) if base <= self.finished else None

    def rest(self) -> tuple[list[Outcome], float] | None:
        """As `take`, of what a child that is gone did not send; its channel was read to the end."""
        return self.take(*self._page.outcomes())

    def begun(self) -> int:
        """How many unfinished attempts the child has begun: 0 or 1."""
        return int(bool(self.given) and self._page.begun > self.finished)

    def _forget(self, count: int) -> None:
        given = self.given
        for _ in range(count):
            given.popleft()
        self.finished += count
        if self._holes:
            self._pass_over()
            self._holes = None in given
