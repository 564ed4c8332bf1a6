"""Attempts that run longer than they may.

At its soft time-out a handler is told so, and may clean up and return. At its time-out the attempt
has failed, whatever comes of it: its producer is told at once, and the handler is treated as one
whose result nobody wants. Both count from when the attempt was seen at the head of its slot, which
is a few milliseconds after it began, at most.
"""

from __future__ import annotations

from collections.abc import Callable

from zmqwork.core.clients import Account, Held
from zmqwork.core.effects import Alarm, Effect, Peek
from zmqwork.core.messages import FAILED, Failure
from zmqwork.core.retry import is_retried
from zmqwork.core.slots import Slot
from zmqwork.core.timers import Timers
from zmqwork.errors import TaskTimeout, name_of

# What a pool had to tell is here by then.
_PEEK_SECONDS = 0.002

_NAMES = [name_of(kind) for kind in TaskTimeout.__mro__]


class Overtime:
    """Watches the attempts that run.

    Args:
        timers: ("alarm", slot) and ("overtime", slot) of the worker.
        turned: accounts with news in this turn.
        counters: the worker's.
        interrupt: tells a slot that nobody wants what it runs.
        out: effects of this turn.
        shares_process: whether handlers share the worker's process, and cannot be killed.
    """

    __slots__ = ("_counters", "_interrupt", "_out", "_shares_process", "_timers", "_turned")

    def __init__(
        self,
        timers: Timers,
        turned: dict[Account, None],
        counters: dict[str, int],
        interrupt: Callable[[Slot, Held, float], None],
        out: list[Effect],
        *,
        shares_process: bool,
    ) -> None:
        self._timers = timers
        self._turned = turned
        self._counters = counters
        self._interrupt = interrupt
        self._out = out
        self._shares_process = shares_process

    def began(self, slot: Slot, held: Held) -> None:
        """This attempt is at the head of its slot."""
        options = held.options
        for key, timer in (("soft_timeout", "alarm"), ("timeout", "overtime")):
            seconds = options.get(key)
            if seconds is not None:
                self._timers.set((timer, slot.index), slot.head_at + seconds)

    def alarm(self, slot: Slot, now: float) -> None:
        """If the soft time-out of what runs there is over, say so to the handler."""
        held = self._late(slot, "soft_timeout", now)
        if held is not None:
            self._out.append(Alarm(slot.index, held))

    def end(self, slot: Slot, now: float) -> None:
        """If the time-out of what runs there is over, it has failed."""
        held = self._late(slot, "timeout", now)
        if held is None:
            return
        if slot.peeked is not held:
            # Pools tell of quick attempts several at a time: it may have ended long ago.
            slot.peeked = held
            self._out.append(Peek(slot.index))
            self._timers.set(("overtime", slot.index), now + _PEEK_SECONDS)
            return
        account = held.account
        held.dropped = True
        del account.held[held.seq]
        self._counters["failed"] += 1
        self._counters["timeouts"] += 1
        seconds = held.options["timeout"]
        error = {
            "type": _NAMES[0],
            "text": f"it ran longer than its timeout of {seconds:g} s",
            "timeout": seconds,
        }
        if not is_retried(held.options, _NAMES):
            error["final"] = True
        account.outcomes.failures.append(Failure(held.seq, held.attempt, FAILED, error))
        self._turned[account] = None
        if self._shares_process:
            self._out.append(Alarm(slot.index, held))  # more cannot be done: the slot stays taken
        else:
            self._interrupt(slot, held, now)

    def _late(self, slot: Slot, key: str, now: float) -> Held | None:
        """The attempt that runs in this slot, if it has run as long as that option says."""
        held = slot.head
        if held is None or held.dropped or not slot.given or slot.given[0] is not held:
            return None
        seconds = held.options.get(key)
        return held if seconds is not None and now >= slot.head_at + seconds else None
