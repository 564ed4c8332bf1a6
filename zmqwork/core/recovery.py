"""What an earlier process of this producer has left behind, until it is dispatched again.

Workers may hold attempts of it. Those that the journal names are waited for, one lease long at
most: what their inventories name is adopted, as attempt 0, and the rest waits for any worker.
"""

from __future__ import annotations

from zmqwork.core.books import Books
from zmqwork.core.ledger import Entry, spec_after
from zmqwork.core.letters import DeadLetter
from zmqwork.core.lifecycle import RESTING
from zmqwork.core.progression import Headway
from zmqwork.core.records import Recorded, Recovered
from zmqwork.core.trouble import REJECTED_THERE, Trouble


class Recovery:
    """Withholds recovered tasks until it is known who has them.

    Attributes:
        awaited: the workers that may hold some, by node id. Bound: the legacy's.
    """

    __slots__ = ("_books", "awaited")

    def __init__(self, books: Books) -> None:
        self._books = books
        self.awaited: dict[str, None] = {}

    def recovered(self, event: Recovered, now: float) -> None:
        """Take in what the journal has."""
        books = self._books
        legacy = event.legacy
        books.ledger.newest = books.inherited_to = legacy.newest
        books.counters["recovered"] += len(legacy.tasks)
        for inbox, newest in legacy.inboxes.items():
            outlet = books.outlets.of_inbox(inbox)
            outlet.remember(newest)
        for recorded in legacy.letters:
            self._keep(recorded, now)
        for task, owner in zip(legacy.tasks, event.owners, strict=True):
            self._take(task, owner, now)
        if self._books.withheld:
            self.awaited = dict.fromkeys(legacy.workers)
            books.timers.set(("recover", None), now + books.config.health.lease_timeout)
            self.look()

    def _keep(self, recorded: Recorded, now: float) -> None:
        letter = recorded.letter
        assert letter is not None
        kept = DeadLetter(letter.seq, recorded.spec, recorded.args, letter.state, letter.error)
        kept.sink_seq = recorded.sink_seq
        kept.died_at = now - recorded.age
        self._books.letters.add(kept)

    def _take(self, task: Recorded, owner: object, now: float) -> None:
        books = self._books
        options = task.spec.options
        entry = Entry(task.seq, task.spec, task.args, owner)
        entry.sink_seq = task.sink_seq
        entry.move("postponed")
        books.ledger.add(entry)
        if options.result_ttl:
            books.kept.watches = True
        if task.spec.inbox:
            books.outlets.bind(entry)
        entry.since = now - task.age + options.countdown
        delay = entry.since - now
        trial = task.trial
        if trial is not None:
            entry.trouble = Trouble(
                failures=trial.failures,
                crashes=trial.crashes,
                losses=trial.losses,
                rejections=sum(r.get("cause") == REJECTED_THERE for r in trial.evidence),
                evidence=list(trial.evidence),
                inherited=len(trial.evidence),
            )
            if trial.checkpoint is not None:
                entry.headway = headway = Headway()
                headway.said = {"checkpoint": trial.checkpoint, "part": trial.part}
            entry.spec = spec_after(entry.spec, trial.crashes, books.config.crash_limit)
            delay = max(delay, trial.delay)
        if options.sink and not task.spec.inbox:
            entry.troubled().moved = True  # perhaps, and the journal does not know to where
        if options.expires is not None:
            entry.deadline_at = now + options.expires - task.age
            books.deadlines.add(entry.deadline_at, [entry.seq])
        if delay > 0:
            entry.since = now + delay
            books.rest(entry, entry.since)  # so no worker has it
        else:
            books.withheld[entry.seq] = entry

    def compared(self, node_id: str) -> None:
        """What this worker holds is known."""
        if self.awaited and node_id in self.awaited:
            del self.awaited[node_id]
            self.look()

    def look(self) -> None:
        """Let all of it wait for workers, if none is awaited any more."""
        if not self.awaited:
            self.release()

    def release(self) -> None:
        """Nobody is waited for any longer."""
        self.awaited = {}
        books = self._books
        books.timers.cancel(("recover", None))
        withheld, books.withheld = books.withheld, {}
        # (The others were settled meanwhile.)
        books.wait_again([e for e in withheld.values() if e.state == RESTING], "rested")
