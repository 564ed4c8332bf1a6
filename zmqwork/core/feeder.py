"""Feeding the slots: which attempt begins next, where, and what comes of it.

An attempt waits in the ready queue, or is parked while its producer's lease is not renewed or its
results are not acked, or is placed in a slot. What ends is put into its account's outcomes; the
runner sends them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from typing import Any

from zmqwork.config import WorkerConfig
from zmqwork.core.bundle import Bundle
from zmqwork.core.clients import Account, Held, Outcomes, Target
from zmqwork.core.effects import Alarm, Effect, Execute, Interrupt, Restart, TakeBack
from zmqwork.core.events import (
    Finished,
    SlotDied,
    SlotReady,
    TakenBack,
)
from zmqwork.core.fitness import Fitness
from zmqwork.core.loners import Loners
from zmqwork.core.messages import FAILED, LOST, REJECTED, Failure
from zmqwork.core.overtime import Overtime
from zmqwork.core.pace import LONG_SECONDS, Pace
from zmqwork.core.ready import Ready
from zmqwork.core.slots import Slot
from zmqwork.core.timers import Timers
from zmqwork.core.window import Window

# The queue of ready attempts is searched for dropped ones when it has doubled, from this on.
_READY_MIN = 64

# An attempt that ends sooner is not told of as STARTED: its outcome says it all, and a producer
# takes the oldest attempts of a lost worker for begun anyway.
_STARTED_DELAY = 0.01

# A handler that nobody waits for has this long to notice; then its process is killed.
_INTERRUPT_GRACE = 1.0


class Feeder:
    """The slots of a worker, and what waits for them.

    Attributes:
        ready: attempts that may begin, in order. Bound: twice the sum of all credit, with husks.
        turned: accounts with news in this turn (of one producer there may be two: one that was
            given up while its attempts ran, and the one with which it came back).
        expired: attempts whose deadline passed before they could begin, of this turn.
        overtime: what becomes of those that run too long.
        loners: attempts that must run alone.
        full: accounts that get no slot until results are acked. Bound: the accounts.
    """

    __slots__ = (
        "_config",
        "_fitness",
        "_fresh",
        "_out",
        "_pace",
        "_ready_max",
        "_spare_bytes",
        "_timers",
        "_window",
        "counters",
        "expired",
        "full",
        "loners",
        "overtime",
        "ready",
        "slots",
        "turned",
    )

    def __init__(
        self,
        config: WorkerConfig,
        timers: Timers,
        window: Window,
        turned: dict[Account, None],
        fresh: Callable[[Account, Target, str], Bundle],
        fitness: Fitness,
        counters: dict[str, int],
        out: list[Effect],
    ) -> None:
        self._config = config
        self._timers = timers
        self._window = window
        self._fitness = fitness
        self._fresh = fresh  # where results go that go to a sink
        self._out = out
        # In the loop's own thread STARTED must leave before the handler begins, so that only what
        # need not be told goes in chunks there.
        self._pace = Pace(_STARTED_DELAY if config.shares_thread else LONG_SECONDS)
        self._ready_max = _READY_MIN
        self._spare_bytes = config.outbox_bytes
        self.counters = counters
        self.overtime = Overtime(
            timers, turned, counters, self._interrupt, out, shares_process=config.shares_process
        )
        self.slots = [Slot(index) for index in range(config.slots)]
        self.ready = Ready()
        self.turned = turned
        self.expired: list[Held] = []
        self.full: dict[Account, None] = {}
        self.loners = Loners()

    def sweep(self) -> None:
        """Forget dropped attempts in the queue, when there may be many."""
        if len(self.ready) > self._ready_max:
            self.ready = Ready(item for item in self.ready if not item.dropped)
            self._ready_max = max(_READY_MIN, 2 * len(self.ready))

    def interrupt(self, held: Held, now: float, *, hard: bool = False) -> None:
        """This attempt was dropped: if it runs, tell its handler; `hard`: end it at once."""
        for slot in self.slots:
            if slot.given and slot.given[0] is held:
                self._interrupt(slot, held, now)
                if hard and self._config.shares_process:
                    self._out.append(Alarm(slot.index, held))
                elif hard:
                    self.end_unwanted(slot)

    def _interrupt(self, slot: Slot, held: Held, now: float) -> None:
        self._out.append(Interrupt(slot.index, held))
        if not self._config.shares_process:
            self._timers.set(("interrupt", slot.index), now + _INTERRUPT_GRACE)

    def end_unwanted(self, slot: Slot) -> None:
        """Kill a child that still runs what nobody waits for; its other attempts move on."""
        if slot.ready and slot.given and slot.given[0].dropped:
            slot.ready = False
            self._out.append(Restart(slot.index))
            self.take_back(slot)

    def opened(self, event: SlotReady) -> None:
        """A slot can take attempts."""
        self.slots[event.slot].ready = True

    def fill(self, now: float, unacked_bytes: int) -> None:
        """Give ready attempts to slots with room, shared out evenly.

        An account may keep as many bytes of unacked results as are left of `outbox_bytes`
        (`unacked_bytes` is the sum over all): one that does not ack has half of them at the most,
        two have two thirds, and whoever acks goes on.
        """
        self._spare_bytes = self._config.outbox_bytes - unacked_bytes
        for account in [account for account in self.full if not self._is_full(account)]:
            del self.full[account]
            self.unpark(account)
        if not self.ready:
            return
        if self.loners.are_here():
            self._fill_one_by_one(now)
            return
        spread = sum(1 for slot in self.slots if slot.ready and not slot.given) or 1
        for slot in sorted(self.slots, key=_load):
            held = self._head(now)
            if held is None:
                return
            room = slot.room(held.name, self._pace, self._config.chunk_max)
            if room > 1:
                room = min(room, max(1, -(-len(self.ready) // spread)))
            if not slot.given and spread > 1:
                spread -= 1
            chunk = self._take(room, slot, now)
            if chunk:
                self._out.append(Execute(slot.index, chunk))

    def _fill_one_by_one(self, now: float) -> None:
        """While an attempt is here that must run alone: only to empty slots, one to each.

        Where slots share the worker's process it begins when nothing runs, and nothing beside it.
        """
        shared = self._config.shares_process
        busy = any(slot.given for slot in self.slots)
        for slot in self.slots:
            if slot.given or not slot.ready:
                continue
            held = self._head(now)
            if held is None or (shared and busy and self.loners.forbid(held, self.slots)):
                return
            self.ready.popleft()
            held.placed = busy = True
            slot.given.append(held)
            self._out.append(Execute(slot.index, [held]))

    def share_out(self) -> None:
        """Take back what waits behind a long attempt if another slot has nothing to do."""
        if self.ready or len(self.slots) < 2:
            return
        if any(slot.ready and not slot.given for slot in self.slots):
            self.take_back_stuck()

    def take_back_stuck(self) -> None:
        """Ask the pool for what waits behind long attempts; `taken_back` gets it."""
        for slot in self.slots:
            if slot.is_stuck:
                slot.asked = True  # once: what it cannot give back now it has begun
                self._out.append(TakeBack(slot.index))

    def taken_back(self, event: TakenBack) -> None:
        """These wait again, in front of the others."""
        slot = self.slots[event.slot]
        # (Not those of a slot that was restarted meanwhile: they are elsewhere.)
        back = set(event.attempts).intersection(slot.given)
        slot.given = deque(held for held in slot.given if held not in back)
        if slot.head in back:
            slot.head = None  # it had not begun after all, and may come again
        self._wait_again([held for held in event.attempts if held in back])

    def _take(self, room: int, slot: Slot, now: float) -> list[Held]:
        chunk: list[Held] = []
        short: str | None = None
        while len(chunk) < room:
            held = self._head(now)
            if held is None:
                break
            if held.name != short:
                # Behind a task of another kind only if both are short.
                if chunk and not self._pace.is_short(held.name):
                    break
                short = held.name
            self.ready.popleft()
            held.placed = True
            slot.given.append(held)
            chunk.append(held)
        return chunk

    def _head(self, now: float) -> Held | None:
        """The next attempt that may begin; fenced, expired and dropped ones are moved away."""
        ready = self.ready
        fence_timeout = self._config.health.fence_timeout
        while ready:
            held = ready[0]
            account = held.account
            if held.dropped:
                ready.popleft()
            elif held.deadline_at is not None and now >= held.deadline_at:
                ready.popleft()
                account.held.pop(held.seq, None)
                self.expired.append(held)
            elif self._is_full(account):
                ready.popleft()
                account.parked.append(held)
                self.full[account] = None
            elif now - account.client.lease_from >= fence_timeout:
                ready.popleft()
                account.parked.append(held)
            else:
                return held
        return None

    def _is_full(self, account: Account) -> bool:
        """Whether it keeps too many unacked results. With none it is always served."""
        return 0 < account.unacked_bytes > self._spare_bytes

    def unpark(self, account: Account) -> None:
        """The lease was renewed, or results were acked: what waited for that may begin."""
        if account.parked and account not in self.full:
            self.ready.put_back([h for h in account.parked if not h.dropped])
            account.parked.clear()

    def look(self, now: float) -> None:
        """Note which attempts are at the head of their slots."""
        for slot in self.slots:
            if slot.look(now):
                held = slot.given[0]
                self.overtime.began(slot, held)
                if held.dropped:
                    self._interrupt(slot, held, now)
                elif (
                    self._config.shares_thread and not self._pace.is_short(held.name)
                ) or held in self.loners:
                    self._tell(slot, held)
                    continue
                self._timers.set_default(("started", slot.index), now + _STARTED_DELAY)

    def announce(self, slot: Slot, now: float) -> None:
        """Tell of the attempt that runs in this slot, if it has run long enough."""
        held = slot.head
        if held is None or slot.said or held.dropped:
            return
        if now < slot.head_at + _STARTED_DELAY:
            self._timers.set(("started", slot.index), slot.head_at + _STARTED_DELAY)
            return
        self._tell(slot, held)

    def _tell(self, slot: Slot, held: Held) -> None:
        slot.said = True
        held.account.started.append(held)
        self.turned[held.account] = None

    def finished(self, event: Finished) -> None:
        """Outcomes of the attempts that the slot had first."""
        slot = self.slots[event.slot]
        given = slot.given
        count = len(event.results)
        if not count or not slot.ready:
            return  # (of a slot that was restarted meanwhile: its attempts are elsewhere)
        self._window.ran(count, event.seconds)
        self.counters["executed"] += count
        each = event.seconds / count
        turned = self.turned
        account: Account | None = None
        name: str | None = None
        to: Target | None = None
        same = 0
        for good, payload in event.results:
            held = given.popleft()
            if held.account is not account or held.name != name or held.to is not to:
                self._spent(account, name, same, each)
                account, name, to, same = held.account, held.name, held.to, 0
                turned[account] = None
                into: Outcomes | Bundle = account.outcomes
                if to is not None:
                    into = bundle = self._fresh(account, to, name)
            same += 1
            if held.dropped:
                continue
            del account.held[held.seq]
            if good:
                if self._fitness.blamed:
                    self._fitness.succeeded()
                into.seqs.append(held.seq)
                into.attempts.append(held.attempt)
                into.values.append(payload)
                if to is not None:
                    bundle.sink_seqs.append(held.sink_seq)
            else:
                account.outcomes.failures.append(self._failure(held, payload))
        self._spent(account, name, same, each)

    def _failure(self, held: Held, error: dict[str, Any]) -> Failure:
        """What a handler raised: a failure of its task, or that this worker cannot run it."""
        if not error.get("rejected"):
            self.counters["failed"] += 1
            return Failure(held.seq, held.attempt, FAILED, error)
        self.counters["rejected"] += 1
        self._fitness.rejected(held, error)
        return Failure(held.seq, held.attempt, REJECTED, error)

    def _spent(self, account: Account | None, name: str | None, count: int, each: float) -> None:
        if account is not None and name is not None:
            self._pace.observe(name, count, count * each)
            account.outcomes.spent(name, count, count * each)

    def died(self, event: SlotDied) -> None:
        """Blame the attempt that ran; what had not begun in that slot goes to another one."""
        slot = self.slots[event.slot]
        slot.ready = False
        self.counters["crashes"] += event.begun
        for held in [slot.given.popleft() for _ in range(min(event.begun, len(slot.given)))]:
            account = held.account
            self._fitness.died(held)
            if not held.dropped:
                account.held.pop(held.seq, None)
                error = {"type": "ChildDied", "text": "its process died", **event.evidence}
                account.outcomes.failures.append(Failure(held.seq, held.attempt, LOST, error))
                self.turned[account] = None
        self.take_back(slot)

    def take_back(self, slot: Slot) -> None:
        """What the slot has waits again, in front of the others."""
        self._wait_again(slot.given)
        slot.given.clear()
        slot.head = None  # what ran there begins anew, perhaps here

    def _wait_again(self, attempts: Collection[Held]) -> None:
        for held in attempts:
            held.placed = held.begun = False
        self.ready.put_back([held for held in attempts if not held.dropped])


def _load(slot: Slot) -> int:
    return len(slot.given)
