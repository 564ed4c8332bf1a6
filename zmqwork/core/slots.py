"""What a worker runs at this moment, slot by slot.

A slot runs one attempt at a time, in the order given. It may be handed several at once: a handover
costs a syscall or a thread switch, so short tasks go in chunks of about CHUNK_SECONDS of work, and
the next chunk is handed over before the last is done. Unknown and long tasks go one by one, to an
empty slot, so that nothing waits behind them while another slot is free. Where one of a quick kind
takes long after all, what waits behind it is taken back for a slot, or a worker, that is idle.
"""

from __future__ import annotations

from collections import deque

from zmqwork.core.clients import Held
from zmqwork.core.pace import Pace

CHUNK_SECONDS = 0.005


class Slot:
    """One slot.

    Attributes:
        given: the attempts it has, the running one first. Bound: `WorkerConfig.chunk_max`.
        ready: whether the process or thread behind it can take attempts.
        head: the attempt that runs, as of the last look.
        head_at: since when.
        said: whether STARTED told of it.
        peeked: for which attempt the pool was asked what has ended before it.
        asked: whether the pool was asked, since, to give back what it has not begun.
    """

    __slots__ = ("asked", "given", "head", "head_at", "index", "peeked", "ready", "said")

    def __init__(self, index: int) -> None:
        self.index = index
        self.given: deque[Held] = deque()
        self.ready = False
        self.head: Held | None = None
        self.head_at = 0.0
        self.said = False
        self.asked = False
        self.peeked: Held | None = None

    @property
    def is_stuck(self) -> bool:
        """Whether attempts wait behind one that takes long."""
        return self.said and self.ready and not self.asked and len(self.given) > 1

    def look(self, now: float) -> bool:
        """Note who runs now; True if it is another attempt than at the last look."""
        head = self.given[0] if self.given else None
        if head is self.head:
            return False
        self.head, self.head_at, self.said, self.asked = head, now, False, False
        if head is not None:
            head.begun = True
        return head is not None

    def room(self, name: str, pace: Pace, chunk_max: int) -> int:
        """How many more attempts of this task it may be given now."""
        given = self.given
        if not self.ready:
            return 0
        if not given:
            return 1 if not pace.is_short(name) else _chunk(name, pace, chunk_max)
        if self.said or not pace.is_short(name) or not pace.is_short(given[-1].name):
            return 0
        chunk = _chunk(name, pace, chunk_max)
        room = chunk - len(given)
        # Topping up by ones would cost a handover each: wait until half is gone.
        return room if room >= chunk // 2 else 0


def _chunk(name: str, pace: Pace, chunk_max: int) -> int:
    mean = pace.mean(name) or 0.0
    # Two at least: one runs, the next is there when it ends.
    return max(2, min(chunk_max, int(CHUNK_SECONDS / max(mean, 1e-9))))
