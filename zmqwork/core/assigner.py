"""Who gets what: waiting tasks go to workers with credit.

A worker holds at most its credit, in attempts and in bytes. A task whose run time is unknown or
long goes only to a free slot; short ones may queue behind others, at the worker, but not while one
that goes before them waits for a slot. Which lane is served first stands in `turns`; the tasks of
one lane are shared out evenly.
"""

from __future__ import annotations

from itertools import islice

from zmqwork.core.books import Books
from zmqwork.core.effects import Send
from zmqwork.core.lanes import Lane, LaneKey
from zmqwork.core.ledger import Entry
from zmqwork.core.lifecycle import TASK
from zmqwork.core.messages import BATCH_BYTES_MAX, BATCH_COUNT_MAX, DoneAck, Run, Tasks
from zmqwork.core.peer import OPEN
from zmqwork.core.workers import Group, Worker

_DISPATCHED = TASK["dispatched"]

# Workers that are asked in turn whether a lane's next task fits into their credit in bytes.
_TRIES_MAX = 16


class Assigner:
    """Dispatches attempts. `acks` is the judge's: an ack goes with the next tasks."""

    __slots__ = ("_acks", "_batches", "_books")

    def __init__(self, books: Books, acks: dict[str, int]) -> None:
        self._books = books
        self._acks = acks
        # What this turn gives to each worker: its last message, and the tasks and bytes in it.
        self._batches: dict[str, tuple[Tasks, int, int]] = {}

    def assign(self, now: float) -> None:
        """Give waiting tasks to workers with credit until one or the other is used up."""
        books = self._books
        if books.lanes.rejected:
            books.lanes.drop_empty()
        waiting = [lane for lane in books.lanes if lane.size]
        if not waiting:
            return
        ready = [lane for lane in waiting if books.is_ready(lane)]
        served: set[LaneKey] = set()
        self._batches.clear()
        for group in list(books.workforce.groups.values()):
            mine = [lane for lane in ready if lane.size and group.serves(lane)]
            served.update(lane.key for lane in mine)
            self._share_out(group, mine, now)
        for lane in waiting:
            if lane.key in served:
                lane.spoken = ""
            elif not (lane.spoken or lane.queue in books.paused):
                books.timers.set_default(("notice", lane.key), now + books.config.notice_delay)

    def _share_out(self, group: Group, lanes: list[Lane], now: float) -> None:
        """Give the workers of a group what they take of these lanes, each in its turn."""
        while lanes:
            lane, grain = lanes[0], BATCH_COUNT_MAX
            if len(lanes) > 1:
                lane, grain = group.turns.next(lanes)
            count = self._serve(group, lane, grain, now)
            if count is None:
                return  # it gets the next free slot: what is behind it must not take them all
            if count:
                group.turns.served(lane, count)
            if not count or not lane.size:
                lanes.remove(lane)

    def _serve(self, group: Group, lane: Lane, grain: int, now: float) -> int | None:
        """Give one worker of the group some of the lane's tasks; how many: 0 if nobody can.

        None if nobody can before a slot is free.
        """
        if lane.unfit:
            return self._serve_fit(group, lane, grain, now)
        for _ in range(min(_TRIES_MAX, group.idle_count + group.open_count)):
            worker = group.idle_worker()
            if worker is not None:
                room = min(worker.capacity, worker.limit) - worker.load
                share = -(-lane.size // max(1, group.idle_count))
                group.rotate_idle()
            elif not self._books.pace.is_short(lane.name):
                return None
            elif (worker := group.open_worker()) is not None:
                room = worker.limit - worker.load
                share = -(-lane.size // max(1, group.open_count))
                group.rotate_open()
            else:
                return 0
            size_bytes = worker.limit_bytes - worker.held_bytes
            if worker.held and len(lane.first().args) > size_bytes:
                continue
            entries = lane.take(
                min(room, share, grain, lane.grain), min(BATCH_BYTES_MAX, size_bytes)
            )
            if lane.to_sink:
                self._send(worker, self._to_sinks(worker, lane, entries, now))
            else:
                self._add(worker, entries, now)
            return len(entries)
        return 0

    def _serve_fit(self, group: Group, lane: Lane, grain: int, now: float) -> int:
        """As `_serve`, one that has not rejected these tasks."""
        fit = (w for w in group.workers.values() if w.node_id not in lane.unfit)
        return next((count for w in fit if (count := self.give(w, lane, grain, now))), 0)

    def give(self, worker: Worker, lane: Lane, grain: int, now: float) -> int:
        """Give this worker some of a lane's tasks, whoever else could; how many it could take."""
        most = worker.limit
        if not self._books.pace.is_short(lane.name):
            most = min(worker.capacity, most)
        room = most - worker.load if worker.usable else 0
        size_bytes = worker.limit_bytes - worker.held_bytes
        if not lane.size or room <= 0 or (worker.held and len(lane.first().args) > size_bytes):
            return 0
        entries = lane.take(min(room, grain, lane.grain), min(BATCH_BYTES_MAX, size_bytes))
        if lane.to_sink:
            self._send(worker, self._to_sinks(worker, lane, entries, now))
        else:
            self._send(worker, self._dispatch(worker, entries, now))
        return len(entries)

    def _add(self, worker: Worker, entries: list[Entry], now: float) -> None:
        """Dispatch these, in one message with what else the worker is given in this turn."""
        before = worker.held_bytes
        runs = self._dispatch(worker, entries, now)
        count, size_bytes = len(entries), worker.held_bytes - before
        size_bytes += sum(len(run.options.get("checkpoint", b"")) for run in runs)
        batch = self._batches.get(worker.node_id)
        if batch is not None:
            tasks, count_there, bytes_there = batch
            count, size_bytes = count + count_there, size_bytes + bytes_there
            if count <= BATCH_COUNT_MAX and size_bytes <= BATCH_BYTES_MAX:
                tasks.runs += runs
                self._batches[worker.node_id] = tasks, count, size_bytes
                return
            count, size_bytes = count - count_there, size_bytes - bytes_there
        self._batches[worker.node_id] = self._send(worker, runs), count, size_bytes

    def _send(self, worker: Worker, runs: list[Run]) -> Tasks:
        tasks = Tasks(runs, self._acks.pop(worker.node_id, 0))
        self._books.out.append(Send(worker.peer.link, worker.peer.numbers.next(), tasks))
        return tasks

    def _to_sinks(self, worker: Worker, lane: Lane, entries: list[Entry], now: float) -> list[Run]:
        """Dispatch attempts whose results go to sinks; those of one sink stand together."""
        outlets = self._books.outlets
        runs: list[Run] = []
        for outlet, part in outlets.part(lane, entries):
            numbers = iter(part)
            for run in self._dispatch(worker, part, now):
                run.to = outlet.destination(outlets.producer_id)
                some = islice(numbers, len(run.seqs))
                run.to.sink_seqs = [entry.sink_seq for entry in some]
                runs.append(run)
        return runs

    def _dispatch(self, worker: Worker, entries: list[Entry], now: float) -> list[Run]:
        held = worker.held
        if worker.strays:
            worker.meet_again(entries)
        runs: list[Run] = []
        run: Run | None = None
        spec = deadline_at = history = headway = None
        size_bytes = 0
        for entry in entries:
            entry.state = _DISPATCHED[entry.state]
            entry.attempt += 1
            entry.worker = worker
            held[entry.seq] = entry
            args = entry.args
            size_bytes += len(args)
            if (
                run is None
                or entry.spec is not spec
                or entry.attempt != run.attempt
                or entry.deadline_at != deadline_at
                or (entry.history is not history and entry.headway is not headway)
            ):
                spec, deadline_at = entry.spec, entry.deadline_at
                history, headway = entry.history, entry.headway
                options = entry.told()
                if deadline_at is not None:
                    options["deadline"] = max(0.0, deadline_at - now)
                # (Kinds that differ in what a worker need not know travel together.)
                if run is None or run.options != options or run.attempt != entry.attempt:
                    run = Run(spec.name, options, entry.attempt, [], [])
                    runs.append(run)
            run.seqs.append(entry.seq)
            run.args.append(args)
        worker.held_bytes += size_bytes
        worker.group.look(worker)
        self._books.counters["dispatched"] += len(entries)
        return runs

    def ack_all(self) -> None:
        """Ack whatever is still to be acked."""
        for node_id, batch in self._acks.items():
            worker = self._books.workforce.get(node_id)
            if worker is not None and worker.peer.stage == OPEN:
                self._books.dialer.send(worker.peer, DoneAck(batch))
        self._acks.clear()
