"""What comes in from producers: attempts are taken, forgotten, or given back."""

from __future__ import annotations

from collections.abc import Container

from zmqwork.core.clients import Account, Held
from zmqwork.core.deliverer import Deliverer
from zmqwork.core.delivery import Destination
from zmqwork.core.feeder import Feeder
from zmqwork.core.listener import Listener
from zmqwork.core.messages import REJECTED, Cancel, Failure, Recall, Return, Tasks
from zmqwork.core.ready import rank_of


class Intake:
    """Takes attempts into their accounts and the feeder's queue.

    Attributes:
        refusal: the reason with which everything new is returned; empty: nothing is.
    """

    __slots__ = ("_deliverer", "_feeder", "_known", "_listener", "counters", "refusal")

    def __init__(
        self,
        known: Container[str],
        feeder: Feeder,
        deliverer: Deliverer,
        listener: Listener,
        counters: dict[str, int],
    ) -> None:
        self._known = known
        self._feeder = feeder
        self._deliverer = deliverer
        self._listener = listener
        self.counters = counters
        self.refusal = ""

    def tasks(self, account: Account, tasks: Tasks, now: float) -> None:
        """Take in attempts, as far as credit goes."""
        held = account.held
        known = self._known
        room = account.limit - account.finished  # what went to a sink counts until it is stored
        returned: list[Held] = []
        for run in tasks.runs:
            name, options, attempt = run.name, run.options, run.attempt
            deadline = options.get("deadline")
            deadline_at = None if deadline is None else now + deadline
            self.counters["received"] += len(run.seqs)
            rejected = name not in known
            rank = rank_of(options.get("priority", 0), now)
            taken: list[Held] = []
            for seq, args in zip(run.seqs, run.args, strict=True):
                if seq in held:
                    self._again(held[seq], attempt)
                    continue
                item = Held(account, seq, attempt, name, args, options, deadline_at, rank)
                if rejected:
                    self._reject(item)
                elif len(held) >= room or self.refusal:
                    returned.append(item)
                else:
                    held[seq] = item
                    taken.append(item)
            self._feeder.ready.add(taken)
            if options.get("alone"):
                self._feeder.loners.add(taken)
            if run.to is not None:
                self._address(account, run.seqs, run.to, now)
        self._feeder.sweep()
        if returned:
            self.give_back(account, returned, self.refusal or "over_credit")

    def _again(self, held: Held, attempt: int) -> None:
        """The producer sends what is here already: one run serves both attempts."""
        self.counters["duplicates"] += 1
        held.attempt = max(held.attempt, attempt)

    def _address(self, account: Account, seqs: list[int], to: Destination, now: float) -> None:
        """Let the results of these go to a sink (of those that were taken in)."""
        target = self._deliverer.target(to, now)
        for seq, sink_seq in zip(seqs, to.sink_seqs, strict=False):
            held = account.held.get(seq)
            if held is not None:
                held.to, held.sink_seq = target, sink_seq

    def _reject(self, held: Held) -> None:
        text = f"this worker has no task {held.name!r}, nor does it allow such a function"
        error = {"type": "UnknownTask", "text": text}
        account = held.account
        account.outcomes.failures.append(Failure(held.seq, held.attempt, REJECTED, error))
        self._feeder.turned[account] = None

    def cancel(self, account: Account, cancel: Cancel, now: float) -> None:
        """Forget these attempts, and results of theirs that no sink was sent."""
        unknown = []
        for seq in cancel.seqs:
            held = account.held.get(seq)
            if held is not None:
                self.drop(held, now, hard=cancel.hard)
            else:
                account.forget_said(seq)
                unknown.append(seq)
        account.prune()
        if unknown:
            self._deliverer.cancelled(account, unknown)

    def recall(self, account: Account, recall: Recall, now: float) -> None:
        """Return the newest attempts that no slot has, of one queue or of all.

        What waits in slots behind long attempts is taken out of them, for the next RECALL.
        """
        back: list[Held] = []
        for held in reversed(account.held.values()):
            if len(back) >= recall.count:
                break
            if not held.placed and recall.queue in ("", held.options.get("queue")):
                back.append(held)
        for held in back:
            held.dropped = True
            del account.held[held.seq]
        account.prune()
        if back:
            back.reverse()
            self.give_back(account, back, "recalled")
        if len(back) < recall.count:
            self._feeder.take_back_stuck()
        del now

    def drop(self, held: Held, now: float, *, hard: bool = False) -> None:
        """Forget an attempt; one that runs is told to end, or ended, and ends unheard."""
        held.dropped = True
        held.account.held.pop(held.seq, None)
        held.account.advances.pop(held.seq, None)
        self.counters["dropped"] += 1
        if held.begun:
            self._feeder.interrupt(held, now, hard=hard)

    def give_back(self, account: Account, items: list[Held], reason: str) -> None:
        """Return attempts that were not begun, and are not held any more."""
        self.counters["returned"] += len(items)
        for held in items:
            account.forget_said(held.seq)
        seqs, attempts = [h.seq for h in items], [h.attempt for h in items]
        self._listener.send(account.client, Return(reason, seqs, attempts))
