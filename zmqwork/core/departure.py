"""How a worker rests, and how it leaves: it drains or stops, says BYE, and is gone.

It leaves only when every outbox is empty, that of each sink, too, and every producer has answered
its BYE, or did not in time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from zmqwork.config import WorkerConfig
from zmqwork.core.advances import Advances
from zmqwork.core.clients import Account
from zmqwork.core.deliverer import Deliverer
from zmqwork.core.effects import Effect, Left, Notice, Restart
from zmqwork.core.events import DrainRequested, StopRequested
from zmqwork.core.feeder import Feeder
from zmqwork.core.intake import Intake
from zmqwork.core.lender import Lender
from zmqwork.core.listener import Listener
from zmqwork.core.messages import Bye, Draining
from zmqwork.core.orphans import Orphans
from zmqwork.core.timers import Timers
from zmqwork.core.worker_requests import WorkerPauseRequested, WorkerResumeRequested

SERVING, PAUSED, DRAINING = "serving", "paused", "draining"
LEAVING, GONE = "leaving", "gone"

# A producer that does not answer BYE within this is not waited for: its results are acked.
_BYE_TIMEOUT = 0.5


class Departure:
    """The end of a worker's life.

    Args:
        config: the worker's.
        accounts: its producers, by node id.
        feeder, intake, deliverer, lender, orphans, listener: its parts.
        timers: where ("drain", None) and ("bye", None) are set.
        advances: what running attempts have said.
        send_news: says what this turn has ended.
        out: where effects go.

    Attributes:
        state: SERVING, PAUSED, DRAINING, LEAVING or GONE.
        cause: why it leaves: it was told to (empty), or ``idle``, ``burst``, ``unfit``.
    """

    def __init__(
        self,
        config: WorkerConfig,
        accounts: Mapping[str, Account],
        feeder: Feeder,
        intake: Intake,
        deliverer: Deliverer,
        lender: Lender,
        orphans: Orphans,
        listener: Listener,
        timers: Timers,
        advances: Advances,
        send_news: Callable[[float], None],
        out: list[Effect],
    ) -> None:
        self._config = config
        self._accounts = accounts
        self._feeder = feeder
        self._intake = intake
        self._deliverer = deliverer
        self._lender = lender
        self._orphans = orphans
        self._listener = listener
        self._timers = timers
        self._advances = advances
        self._send_news = send_news
        self._out = out
        self.state = SERVING
        self.cause = ""

    def tick(self, now: float) -> None:
        """Go on when nothing is left to wait for."""
        if self.state == DRAINING and self.is_done():
            self._say_bye(now)
        if self.state == LEAVING and not self._accounts:
            self._leave()

    def due(self, what: str, now: float) -> None:
        """The time for a drain, or for the answers to BYE, is over."""
        if what == "drain" and self.state == DRAINING:
            left = sum(len(slot.given) for slot in self._feeder.slots)
            left += self._deliverer.outboxes.count
            text = f"the drain took too long: {left} attempts are returned"
            self._out.append(Notice("drain_cut", text))
            self._stop(now)
        elif what == "bye" and self.state == LEAVING:
            self._leave()

    def pause_requested(self, event: WorkerPauseRequested, now: float) -> None:
        """Finish what has begun, give the rest back, and take nothing new."""
        if self.state != SERVING:
            return
        self.state = PAUSED
        self._intake.refusal = "paused"
        for account in self._accounts.values():
            self._lender.withhold(account)
            self._return_unbegun(account, "paused")
        self._out.append(Notice("paused", "paused: this worker takes nothing new"))
        del event, now

    def resume_requested(self, event: WorkerResumeRequested, now: float) -> None:
        """Take tasks again."""
        if self.state != PAUSED:
            return
        self.state = SERVING
        self._intake.refusal = ""
        self._lender.is_stale = True
        self._out.append(Notice("serving", "this worker takes tasks again"))
        del event, now

    def drain_requested(self, event: DrainRequested, now: float) -> None:
        """Finish what has begun, and give the rest back."""
        self._drain(now)
        del event

    def leave(self, cause: str, text: str, now: float) -> None:
        """Drain for a reason of its own."""
        if self.state in (SERVING, PAUSED):
            self.cause = cause
            kind = "unfit" if cause == "unfit" else "leaving"
            self._out.append(Notice(kind, f"this worker leaves: {text}"))
            self._drain(now)

    def _drain(self, now: float) -> None:
        if self.state not in (SERVING, PAUSED):
            return
        self.state = DRAINING
        self._intake.refusal = "draining"
        self._orphans.drop_all(now)
        self._timers.set(("drain", None), now + self._config.drain_timeout)
        for account in self._accounts.values():
            self._lender.stop(account)
            self._listener.send(account.client, Draining())
            self._return_unbegun(account, "draining")

    def stop_requested(self, event: StopRequested, now: float) -> None:
        """Give everything back; or, if that was said before, wait for no answer."""
        if self.state in (SERVING, PAUSED, DRAINING):
            self._stop(now)
        elif self.state == LEAVING:
            self._leave()
        del event

    def _stop(self, now: float) -> None:
        """Kill what runs, and give it all back: nobody is to blame."""
        self._advances.send(now, hurry=True)
        self._orphans.drop_all(now)
        for slot in self._feeder.slots:
            if slot.given:
                self._out.append(Restart(slot.index))
                self._feeder.take_back(slot)
            slot.ready = False
        for account in self._accounts.values():
            if self.state != DRAINING:
                self._listener.send(account.client, Draining())
            self._lender.stop(account)
            account.started.clear()
            self._return_unbegun(account, "stopping")
        self._feeder.ready.clear()
        self._deliverer.give_back_all("stopping")
        self._send_news(now)
        self._say_bye(now)

    def _return_unbegun(self, account: Account, reason: str) -> None:
        queued = [held for held in account.held.values() if not held.placed]
        for held in queued:
            held.dropped = True
            del account.held[held.seq]
        account.parked.clear()
        if queued:
            self._intake.give_back(account, queued, reason)

    def give_back_unbegun(self) -> None:
        """While nothing new begins: return what slots have not begun, and cannot soon."""
        if self.state not in (PAUSED, DRAINING):
            return
        self._feeder.take_back_stuck()
        if self._feeder.ready:
            for account in self._accounts.values():
                self._return_unbegun(account, self._intake.refusal)
            self._feeder.ready.clear()

    def is_done(self) -> bool:
        """Whether nothing is held, runs, or waits for an ack."""
        if self._deliverer.outboxes.count or any(slot.given for slot in self._feeder.slots):
            return False
        return not any(account.held or account.outbox for account in self._accounts.values())

    def _say_bye(self, now: float) -> None:
        self.state = LEAVING
        self._intake.refusal = "stopping"
        self._timers.set(("bye", None), now + _BYE_TIMEOUT)
        for client in self._listener.clients.values():
            self._listener.send(client, Bye())
        self._deliverer.dialer.farewell()

    def _leave(self) -> None:
        self.state = GONE
        self._out.append(Left(self.cause))
