"""The producer's books: every unsettled task is in one place, and each move keeps them consistent.

A task waits in its lane, rests until its timer, is held by a worker, or is settled and reported.
The parts are tables of their own (`ledger`, `lanes`, `workers`, `timers`); here is what must
happen to several of them at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from zmqwork.config import ProducerConfig
from zmqwork.core.deadlines import Deadlines
from zmqwork.core.dialer import Dialer
from zmqwork.core.effects import Effect, MarkRunning, Notice, Settle, Tell
from zmqwork.core.happenings import Happenings
from zmqwork.core.kept import Kept
from zmqwork.core.lanes import Lane, Lanes
from zmqwork.core.ledger import Entry, Ledger
from zmqwork.core.letters import Letters
from zmqwork.core.lifecycle import ASKED, DEAD, FAILED, RESTING, STARTED, TASK
from zmqwork.core.messages import Cancel
from zmqwork.core.outlets import Outlets
from zmqwork.core.pace import Pace
from zmqwork.core.peer import OPEN
from zmqwork.core.timers import Timers
from zmqwork.core.workers import Worker, Workforce

_COUNTERS = (
    "submitted",
    "recovered",
    "dispatched",
    "executions",
    "retried",
    "snoozed",
    "resubmitted",
    "returned",
    "crashes",
    "rejected",
    "late",
    "duplicates",
    "lost_workers",
)


class Books:
    """What a producer knows of its tasks and workers.

    Attributes:
        settled, running: what this turn settled, and what it learned to have begun.
        letters: tasks that failed or died.
        outlets: where results go that do not come back.
        deadlines: which tasks expire when.
        timers: ("rest", seq), ("expire", instant), ("notice", lane), ("review", None),
            ("acks", None), ("workers", None), ("recall", None), ("asked", outlet),
            ("floors", None), ("ended", None), ("recover", None), ("kept", seq), ("unread", None).
        kept: results for those who ask from elsewhere.
        resting: of the tasks that only one worker may run those that rest, by its node id and seq.
        paused: the queues that are paused, as keys. Bound: QUEUES_MAX, see `pauses`.
        joined_at: when a session with a worker began last.
        journaled: whether what happens is recorded.
        happenings: what is told to those who listen; None: nobody does.
        tried: the tasks that something went wrong with in this turn, if it is.
        inherited_to: the largest number of an earlier process: who has its attempts is not known.
        withheld: tasks of an earlier process that a worker may hold, by number, until that is known
            (`recovery`). Bound: the ledger.
    """

    __slots__ = (
        "config",
        "counters",
        "deadlines",
        "dialer",
        "happenings",
        "inherited_to",
        "joined_at",
        "journaled",
        "kept",
        "lanes",
        "ledger",
        "letters",
        "out",
        "outlets",
        "pace",
        "paused",
        "random",
        "resting",
        "running",
        "settled",
        "timers",
        "tried",
        "withheld",
        "workforce",
    )

    def __init__(
        self,
        config: ProducerConfig,
        random: Random,
        dialer: Dialer,
        out: list[Effect],
        epoch: int = 0,
    ) -> None:
        self.config = config
        self.random = random
        self.dialer = dialer
        self.out = out
        self.ledger = Ledger()
        self.lanes = Lanes(config.priority_aging)
        self.workforce = Workforce()
        self.letters = Letters(config.letters_max, config.letters_bytes, journaled=epoch > 0)
        self.outlets = Outlets(config.producer_id or config.node_id, epoch)
        self.pace = Pace()
        self.timers = Timers()
        self.deadlines = Deadlines(self.timers)
        self.kept = Kept(config.result_ttl, config.results_max, config.results_bytes, self.timers)
        self.resting: dict[str, dict[int, Entry]] = {}
        self.paused: dict[str, None] = {}
        self.joined_at = float("-inf")
        self.journaled = epoch > 0
        self.happenings: Happenings | None = None
        self.tried: dict[int, Entry] = {}
        self.inherited_to = 0
        self.withheld: dict[int, Entry] = {}
        self.settled: list[Entry] = []
        self.running: list[Entry] = []
        self.counters = dict.fromkeys(_COUNTERS, 0)

    def is_ready(self, lane: Lane) -> bool:
        """Whether tasks wait in this lane that lack a worker, and nothing else."""
        if lane.queue in self.paused:
            return False
        return lane.size > 0 and (not lane.to_sink or self.outlets.serves(lane))

    def report(self) -> None:
        """Emit what this turn settled and started."""
        if self.running:
            self.out.append(MarkRunning(self.running))
            self.running = []
        if self.happenings is not None and self.happenings.told:
            self.out.append(Tell(self.happenings.told))
            self.happenings.told = []
        if self.settled:
            self.out.append(self.settlement())
            self.deadlines.sweep(self.ledger.entries.keys())

    def settlement(self) -> Settle:
        """What was settled since the last one."""
        settle = Settle(self.settled)
        self.settled = []
        if self.kept.watches:
            self.kept.settled(settle.entries)
        if self.happenings is not None:
            settle.enders, self.happenings.enders = self.happenings.enders, {}
        return settle

    def may_come_from(self, entry: Entry, node_id: str, attempt: int) -> bool:
        """Whether this worker may have this attempt of a task that it is not known to hold.

        Only whom it was given to, and who was given up on, can end it: everybody else lies. Of
        what an earlier process has given away (to its successor that is attempt 0), that cannot
        be told.
        """
        if not attempt and entry.seq <= self.inherited_to:
            return True
        return entry.trouble is not None and node_id in entry.trouble.holders

    def suffered(self, entry: Entry) -> None:
        """Something went wrong with this task: a later process shall know."""
        if self.journaled:
            self.tried[entry.seq] = entry

    def abandon(self, entries: Iterable[Entry], text: str, *, kept: bool = False) -> None:
        """Settle these as cancelled: their producer stops. `kept`: the journal has them still."""
        for entry in entries:
            if entry.worker is not None:
                entry.worker.drop(entry)
            elif entry.state == RESTING:
                self._rise(entry)
            elif entry.state != ASKED:
                entry.state = RESTING  # out of its lane, which nobody will serve any more
                self.lanes.of(entry.spec).husk(entry)
            error = {"type": "CancelledError", "text": text}
            if kept and not entry.spec.node:
                error["journal"] = "kept"
            entry.error = error
            self.settle(entry, "cancelled")

    def give_back(self, worker: Worker, entries: Iterable[Entry], cause: str) -> None:
        """These attempts of a worker wait again."""
        entries = list(entries)
        for entry in entries:
            worker.drop(entry)
        self.wait_again(entries, cause)

    def wait_again(self, entries: Iterable[Entry], cause: str) -> None:
        """These entries, which no worker holds, wait again."""
        by_lane: dict[Lane, list[Entry]] = {}
        for entry in entries:
            if entry.state == RESTING:
                self._rise(entry)
            entry.move(cause)
            entry.worker = None
            self.may_expire(entry)
            by_lane.setdefault(self.lanes.of(entry.spec), []).append(entry)
        for lane, group in by_lane.items():
            lane.give_back(group)

    def rest(self, entry: Entry, until: float) -> None:
        """This entry, which is resting now, waits again at `until`."""
        self.timers.set(("rest", entry.seq), until)
        if entry.spec.node:
            self.resting.setdefault(entry.spec.node, {})[entry.seq] = entry

    def _rise(self, entry: Entry) -> None:
        self.timers.cancel(("rest", entry.seq))
        resting = self.resting.get(entry.spec.node)
        if resting is not None:  # (else it was not put there by `rest`)
            resting.pop(entry.seq, None)
            if not resting:
                del self.resting[entry.spec.node]

    def may_expire(self, entry: Entry) -> None:
        """Not running any more, it expires again (its instant found it running, perhaps)."""
        at = entry.deadline_at
        if at is not None and self.deadlines.has_passed(at):
            self.deadlines.add(at, [entry.seq])

    def expire(self, at: float) -> None:
        """The instant has come at which some tasks expire: those that nobody has begun.

        Of those that are withheld this is not known yet.
        """
        for seq in self.deadlines.take(at):
            entry = self.ledger.get(seq)
            if entry is not None and entry.state != STARTED and seq not in self.withheld:
                after = entry.spec.options.expires
                text = f"it expired {after:g} s after submit, not begun in time"
                self.withdraw(entry, "expired", "TaskExpired", text)

    def withdraw(
        self, entry: Entry, cause: str, type_name: str, text: str, *, hard: bool = False
    ) -> None:
        """Settle a task that has not ended, wherever it is; `hard`: its handler gets no grace."""
        entry.error = {"type": type_name, "text": text, "attempts": entry.attempt}
        self.unplace(entry, TASK[cause][entry.state], hard=hard)
        self.settle(entry, cause)

    def unplace(self, entry: Entry, state: str, *, hard: bool = False) -> None:
        """Take an entry that will be in `state` off its worker, its lane or its timer."""
        worker = entry.worker
        if worker is not None:
            if worker.peer.stage == OPEN:
                self.dialer.send(worker.peer, Cancel([entry.seq], hard))
            worker.drop(entry)
            worker.group.list(worker)
        elif entry.state == RESTING:
            self._rise(entry)
        elif entry.state == ASKED:
            assert entry.outlet is not None
            entry.outlet.asked.pop(entry.seq, None)
        else:
            before, entry.state = entry.state, state
            self.lanes.of(entry.spec).husk(entry)
            entry.state = before

    def settle(self, entry: Entry, cause: str) -> None:
        """Move an entry, which is nowhere any more, to its terminal state."""
        if (state := TASK[cause][entry.state]) in (FAILED, DEAD) and cause != "refused":
            self.letters.keep(entry, state)
        self.ledger.settle(entry, cause)
        if entry.headway is not None:
            self.dismiss(entry)
        self.settled.append(entry)

    def dismiss(self, entry: Entry) -> None:
        """It is settled: attempts of it that were given up on need not wait for a reader."""
        for node_id in entry.headway.senders if entry.headway is not None else ():
            worker = self.workforce.get(node_id)
            if worker is not None and worker.strays.pop(entry.seq, None) is not None:
                if worker.peer.stage == OPEN:
                    self.dialer.send(worker.peer, Cancel([entry.seq]))
                worker.group.list(worker)

    def mark_started(self, entry: Entry, now: float) -> None:
        """The handler of this entry has begun."""
        entry.move("started")
        entry.started_at = now
        self.running.append(entry)
        self.resumed(entry, now)

    def resumed(self, entry: Entry, now: float) -> None:
        """A task that was lost with its worker runs, or ran, elsewhere."""
        trouble = entry.trouble
        if trouble is None or trouble.lost_at is None:
            return
        delay = now - trouble.lost_at
        trouble.lost_at = None
        data = {"seq": entry.seq, "attempt": entry.attempt, "delay": delay}
        text = f"task {entry.seq} is under way again, {delay:.3f} s after its worker was lost"
        self.out.append(Notice("resumed", text, data))
