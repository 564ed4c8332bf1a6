"""A producer with a journal: nothing leaves before what it rests on is durable.

What a turn brings is one batch for the journal, and what follows from it is held back until the
batch is written: tasks are dispatched, futures settled, results acked, requests answered then, and
in that order. So a number that a worker ever saw is in the journal, and comes never again; and a
result that a worker has forgotten, or an application has seen, is not lost with the process.
Batches are numbered and written in order; how many at once is the writer's business.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from zmqwork.core.books import Books
from zmqwork.core.effects import Answer, Confirm, Effect, Record, Settle
from zmqwork.core.ledger import Entry
from zmqwork.core.lifecycle import DEAD, FAILED, RESTING, TASK
from zmqwork.core.records import Batch, Filed, Letter, Trial
from zmqwork.core.recovery import Recovery

_RESTED = TASK["rested"]


class _Turn:
    """What waits until a batch is written; or, of the open one, until there is one.

    Attributes:
        number: the batch's; 0: it has none.
        filed: tasks that may be dispatched then.
        effects: what is to be performed then.
        calls: what is to be called then.
        acks: what is to be acked then, as `Judge.acks`.
        kept: the numbers of those among them that the journal had already.
        newest: the greatest number that there is by then; 0: nothing came in this turn.
        names: whether the batch names a worker that the journal did not know.
    """

    __slots__ = ("acks", "calls", "effects", "filed", "kept", "names", "newest", "number")

    def __init__(self) -> None:
        self.number = 0
        self.filed: list[Entry] = []
        self.effects: list[Effect] = []
        self.calls: list[Callable[[], None]] = []
        self.acks: dict[str, int] = {}
        self.kept: dict[int, None] = {}
        self.newest = 0
        self.names = False

    def join(self, later: _Turn) -> None:
        """Take over what a turn without a batch has: it keeps its place behind what waits."""
        self.filed += later.filed
        self.effects += later.effects
        self.calls += later.calls
        self.acks.update(later.acks)
        self.kept.update(later.kept)
        self.newest = max(self.newest, later.newest)


class Journaling:
    """Holds back, per turn, what must not be seen before it is recorded.

    Args:
        books: the producer's.
        recovery: what an earlier process has left behind.
        recorded: results that the judge has taken: to be acked when that is written.

    Attributes:
        acks: what may be acked; as `Judge.acks`.
        crew_changed: whether a worker has come or gone in this turn.
        closing: whether the producer leaves: what is settled now is not recorded any more.
    """

    __slots__ = (
        "_books",
        "_confirms_from",
        "_number",
        "_open",
        "_recorded",
        "_recovery",
        "_turns",
        "_workers",
        "acks",
        "closing",
        "crew_changed",
    )

    def __init__(self, books: Books, recovery: Recovery, recorded: dict[str, int]) -> None:
        self._books = books
        self._recovery = recovery
        self._recorded = recorded
        self.acks: dict[str, int] = {}
        self._number = 0
        self._confirms_from = 0  # the batch with which confirmations go on, after a refusal
        # Bound: each has a task that is unsettled for the application, or a change of the workers.
        self._turns: deque[_Turn] = deque()
        self._open = _Turn()
        self._workers: tuple[str, ...] = ()
        self.crew_changed = True
        self.closing = False

    # -- what a turn brings -------------------------------------------------------------------

    def submitted(
        self, entries: Sequence[Entry], now: float, *, revived: bool = False
    ) -> list[Entry]:
        """These are to be recorded before a worker gets them; those that are bound to inboxes.

        `revived`: the journal has them, as dead letters.
        """
        books = self._books
        ledger = books.ledger
        if revived:
            self._open.kept.update((entry.seq, None) for entry in entries)
        for entry in entries:
            ledger.add(entry)
            ledger.newest = max(ledger.newest, entry.seq)
            entry.state = RESTING  # as by the table: "postponed", until it is recorded
            spec = entry.spec
            if spec.options.result_ttl:
                books.kept.watches = True
            entry.since = now + spec.options.countdown
            if spec.inbox or spec.options.inbox:
                books.outlets.bind(entry)
            if spec.options.expires is not None:
                entry.deadline_at = now + spec.options.expires
                books.deadlines.add(entry.deadline_at, [entry.seq])
        if not self.closing:
            self._open.filed += entries
        return [entry for entry in entries if entry.outlet is not None]

    def recovered(self, workers: tuple[str, ...]) -> None:
        """The journal knows these workers."""
        self._workers = workers

    def report(self) -> None:
        """As `Books.report`, but settled tasks are told of when that is recorded."""
        books = self._books
        if self.closing:
            books.report()
            return
        settle = books.settlement()
        books.report()
        if settle.entries:
            books.deadlines.sweep(books.ledger.entries.keys())
            self._open.effects.append(settle)

    def answer(self, answer: Answer) -> None:
        """Answer when everything that was decided so far is recorded."""
        (self._books.out if self.closing else self._open.effects).append(answer)

    def later(self, call: Callable[[], None]) -> None:
        """Call this when everything that was decided so far is recorded."""
        if self.closing:
            call()
        else:
            self._open.calls.append(call)

    def close(self, now: float) -> None:
        """The producer leaves. What it has not settled stays in the journal."""
        self.record(now)
        self.closing = True

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits to be written."""
        return not self._turns

    @property
    def is_naming(self) -> bool:
        """Whether a worker is there that a later process would not know of, nor wait for."""
        return any(turn.names for turn in self._turns)

    def record(self, now: float) -> None:
        """The turn is over: let its batch be written, if there is anything in it."""
        if self.closing:
            return
        self.report()
        turn, self._open = self._open, _Turn()
        turn.acks.update(self._recorded)
        self._recorded.clear()
        if turn.filed:
            turn.newest = self._books.ledger.newest
        batch = self._batch(turn, now)
        if batch:
            self._number += 1
            turn.number = self._number
            self._turns.append(turn)
            self._books.out.append(Record(turn.number, batch))
        elif self._turns:
            self._turns[-1].join(turn)
        else:
            self._release(turn)
            self._confirm(turn.newest)

    def _release(self, turn: _Turn) -> None:
        """What this turn has brought is durable, as far as it must be."""
        self._place(turn)
        self.acks.update(turn.acks)
        self._books.out += turn.effects
        for call in turn.calls:
            call()

    def _batch(self, turn: _Turn, now: float) -> Batch:
        books = self._books
        batch = Batch()
        for entry in turn.filed:
            if entry.seq not in turn.kept:
                _file(batch, entry)
        batch.trials += [Trial(seq) for seq in turn.kept]
        for effect in turn.effects:
            if isinstance(effect, Settle):
                self._settle(batch, effect.entries)
        batch.removed, books.letters.removed = books.letters.removed, []
        tried, books.tried = books.tried, {}
        batch.trials += [
            self._trial(entry, now)
            for entry in tried.values()
            if entry.seq in books.ledger.entries and not entry.spec.node
        ]
        if self.crew_changed:
            self.crew_changed = False
            there = [worker.node_id for worker in books.workforce]
            workers = tuple(sorted({*self._recovery.awaited, *there}))
            if workers != self._workers:
                turn.names = not set(workers).issubset(self._workers)
                batch.workers = self._workers = workers
        return batch

    def _settle(self, batch: Batch, entries: list[Entry]) -> None:
        for entry in entries:
            if entry.spec.node:
                continue
            letter = self._books.letters.get(entry.seq)
            if letter is not None and entry.state in (FAILED, DEAD):
                batch.letters.append(Letter(entry.seq, entry.state, letter.error))
            else:
                batch.settled.setdefault(entry.state, []).append(entry.seq)

    def _trial(self, entry: Entry, now: float) -> Trial:
        trouble = entry.troubled()
        due_at = self._books.timers.at(("rest", entry.seq))
        said = entry.headway.said if entry.headway is not None else {}
        return Trial(
            entry.seq,
            trouble.failures,
            trouble.crashes,
            trouble.losses,
            0.0 if due_at is None else max(0.0, due_at - now),
            list(trouble.evidence),
            said.get("checkpoint"),
            said.get("part", 0),
        )

    # -- what the writer says -----------------------------------------------------------------

    def written(self, number: int) -> None:
        """All batches up to this one are durable."""
        newest = 0
        while self._turns and self._turns[0].number <= number:
            turn = self._turns.popleft()
            newest = turn.newest or newest
            self._release(turn)
        if number < self._confirms_from:
            self._open.newest = max(self._open.newest, newest)
        else:
            self._confirm(newest)

    def _confirm(self, newest: int) -> None:
        if newest:
            self._books.out.append(Confirm(newest))

    def refused(self, number: int, text: str) -> None:
        """What this batch filed is not in the journal; the rest of it, and all before it, is."""
        self.written(number - 1)
        if not self._turns or self._turns[0].number != number:
            return
        self.report()  # what this turn has settled is to be recorded
        turn = self._turns[0]
        # What was settled meanwhile is not in the journal before that is.
        self._confirms_from = self._number + 1
        for entry in turn.filed:
            filed = entry.seq not in turn.kept and not entry.spec.node
            if filed and entry.state == RESTING:
                entry.error = {"journal": "full", "text": text}
                self._books.unplace(entry, FAILED)
                self._books.settle(entry, "refused")
        turn.effects.append(self._books.settlement())
        self.written(number)

    def failed(self, text: str) -> None:
        """Nothing can be recorded any more: what was to be settled by that has failed."""
        self.report()  # what this turn has settled is not recorded, either
        self.closing = True
        effects = [effect for turn in (*self._turns, self._open) for effect in turn.effects]
        self._turns.clear()
        self._open = _Turn()
        for effect in effects:
            if isinstance(effect, Settle):
                for entry in effect.entries:
                    entry.state, entry.value = FAILED, None
                    entry.error = {"journal": "broken", "text": text}
            self._books.out.append(effect)

    # -- places -------------------------------------------------------------------------------

    def _place(self, turn: _Turn) -> None:
        """These are recorded: they wait for workers, unless they were settled meanwhile."""
        books = self._books
        spec = lane = None
        for entry in turn.filed:
            if entry.state != RESTING:
                continue
            if entry.spec is not spec:
                spec = entry.spec
                lane = None if spec.options.countdown else books.lanes.of(spec)
            if lane is None:
                books.rest(entry, entry.since)
            else:
                entry.state = _RESTED[RESTING]
                lane.append(entry)


def _file(batch: Batch, entry: Entry) -> None:
    spec = entry.spec
    if spec.node:
        return  # for one worker that is there now: no later process could do anything with it
    filed = batch.filed[-1] if batch.filed else None
    if filed is None or filed.spec is not spec:
        filed = Filed(spec, [], [])
        batch.filed.append(filed)
    filed.seqs.append(entry.seq)
    filed.args.append(entry.args)
    if spec.inbox:
        filed.sink_seqs.append(entry.sink_seq)
