"""What a producer knows of its workers, and which of them is next."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from zmqwork.core.functions import ANY, allows, patterns_of
from zmqwork.core.lanes import Lane
from zmqwork.core.ledger import Entry
from zmqwork.core.messages import DELIVER, HELD_RUNNING, Credit, Welcome
from zmqwork.core.peer import Peer
from zmqwork.core.turns import turns
from zmqwork.queues import Queues


class Worker:
    """A worker as its producer sees it.

    Attributes:
        host: where it says that it runs, for people.
        held: its unsettled attempts by seq, in the order of dispatch. Bound: `limit`.
        held_bytes: the bytes of their arguments.
        strays: what it has besides, as its inventory said: HELD_* by seq. It was given up on, and
            another worker has the task now, or nobody. Its result may come still, and it takes a
            place until then. Bound: one inventory.
        limit, limit_bytes: the credit it granted, in attempts and bytes unsettled there.
        extra: how many of these have ended, and wait for their sinks only.
        usable: whether it is given anything: alive, in session and not draining.
        done: attempts that it ended so far.
    """

    __slots__ = (
        "done",
        "done_at_review",
        "draining",
        "extra",
        "group",
        "held",
        "held_bytes",
        "host",
        "in_idle",
        "in_open",
        "label",
        "limit",
        "limit_bytes",
        "name",
        "node_id",
        "peer",
        "slots",
        "strays",
        "told_backlog",
        "usable",
    )

    def __init__(self, peer: Peer, welcome: Welcome, group: Group) -> None:
        self.node_id = welcome.node_id
        self.name = welcome.name
        self.label = peer.label
        self.peer = peer
        self.host = welcome.host
        self.slots = welcome.slots
        self.group = group
        self.held: dict[int, Entry] = {}
        self.held_bytes = 0
        self.strays: dict[int, int] = {}
        self.limit = 0
        self.limit_bytes = 0
        self.extra = 0
        self.usable = False
        self.draining = False
        self.in_idle = self.in_open = False
        self.told_backlog = 0
        self.done = 0
        self.done_at_review = 0

    def __repr__(self) -> str:
        return f"<Worker {self.label}: {len(self.held)} held, credit {self.limit}>"

    @property
    def load(self) -> int:
        """Attempts that it has, by its own count."""
        return len(self.held) + len(self.strays)

    @property
    def capacity(self) -> int:
        """Attempts that may be there without one having to wait for a slot."""
        return self.slots + self.extra

    def grant(self, credit: Credit) -> None:
        """It says how much it takes."""
        self.limit = credit.attempts
        self.limit_bytes = credit.size_bytes
        self.extra = credit.extra
        self.group.list(self)
        self.group.look(self)

    def drain(self) -> None:
        """It is given nothing any more, and will leave."""
        self.draining = True
        self.usable = False

    def meet_again(self, entries: Iterable[Entry]) -> None:
        """It is given these, of which it may have an attempt that runs: then that is the one."""
        for entry in entries:
            if self.strays.get(entry.seq) == HELD_RUNNING:
                del self.strays[entry.seq]

    def take_on(self, entry: Entry) -> None:
        """It holds this entry's newest attempt."""
        entry.worker = self
        self.held[entry.seq] = entry
        self.held_bytes += len(entry.args)

    def drop(self, entry: Entry) -> None:
        """It holds this entry no more."""
        if self.held.pop(entry.seq, None) is not None:
            self.held_bytes -= len(entry.args)
        entry.worker = None


# Queues, tasks and their fingerprints, and whether results are brought to sinks.
Offer = tuple[Queues, tuple[tuple[str, str], ...], bool]


class Group:
    """Workers that offer the same queues and tasks: whoever can run a task, all of them can.

    Two lists say who is next: `idle` has a free slot, `open` has credit left. Each worker is at
    most once in each; whoever has filled up meanwhile is dropped when its turn comes. So a
    choice costs the same with one worker and with a thousand.

    Attributes:
        turns: which lane is next for them; shares are those of the whole group.
        told: the backlog that they are told of, as a DEMAND bucket; -1: not all are told the same.
        untold: those that may not have been told of it. Bound: `workers`.
        crowded: those that may hold more than they have slots for. Bound: `workers`.
    """

    __slots__ = (
        "_idle",
        "_open",
        "crowded",
        "delivers",
        "excluded",
        "offer",
        "patterns",
        "queues",
        "tasks",
        "told",
        "turns",
        "untold",
        "workers",
    )

    def __init__(self, offer: Offer) -> None:
        self.offer = offer
        self.queues = frozenset(offer[0].names)
        self.excluded = frozenset(offer[0].excluded)
        self.turns = turns(offer[0])
        self.tasks = {name: mark for name, mark in offer[1] if mark != ANY}
        self.patterns = patterns_of(dict(offer[1]))
        self.delivers = offer[2]
        self.workers: dict[str, Worker] = {}
        self.told = 0
        self.untold: dict[Worker, None] = {}
        self.crowded: dict[Worker, None] = {}
        self._idle: deque[Worker] = deque()
        self._open: deque[Worker] = deque()

    def serves(self, lane: Lane) -> bool:
        """Whether these workers can run the lane's tasks, and bring the results where they go."""
        return (
            self.runs(lane)
            and (self.delivers or not lane.to_sink)
            and (not lane.unfit or any(node_id not in lane.unfit for node_id in self.workers))
        )

    def runs(self, lane: Lane) -> bool:
        """Whether they can run the lane's tasks."""
        if not self.takes(lane.queue):
            return False
        if lane.fingerprint == ANY:
            return bool(self.patterns) and allows(self.patterns, lane.name)
        return self.tasks.get(lane.name) == lane.fingerprint

    def takes(self, queue: str) -> bool:
        """Whether they serve this queue."""
        return queue in self.queues if self.queues else queue not in self.excluded

    def list(self, worker: Worker) -> None:
        """Put a worker where it belongs after its credit, its load or its health changed."""
        if not worker.usable:
            return
        load = worker.load
        if load < worker.limit:
            if not worker.in_open:
                worker.in_open = True
                self._open.append(worker)
            if load < worker.capacity and not worker.in_idle:
                worker.in_idle = True
                self._idle.append(worker)

    def idle_worker(self) -> Worker | None:
        """The next worker with a free slot and credit."""
        idle = self._idle
        while idle:
            worker = idle[0]
            if worker.usable and worker.load < min(worker.capacity, worker.limit):
                return worker
            worker.in_idle = False
            idle.popleft()
        return None

    def open_worker(self) -> Worker | None:
        """The next worker with credit."""
        opened = self._open
        while opened:
            worker = opened[0]
            if worker.usable and worker.load < worker.limit:
                return worker
            worker.in_open = False
            opened.popleft()
        return None

    def join(self, worker: Worker) -> None:
        """It offers what these offer."""
        self.workers[worker.node_id] = worker
        self.untold[worker] = None
        self.look(worker)

    def look(self, worker: Worker) -> None:
        """It holds more than it did, or may hold less: note if that is too much for its slots."""
        if worker.load > worker.capacity and worker not in self.crowded:
            self.crowded[worker] = None
            worker.done_at_review = worker.done

    def leave(self, worker: Worker) -> None:
        """It does not any more. O(n), at most once per session."""
        self.workers.pop(worker.node_id, None)
        self.untold.pop(worker, None)
        self.crowded.pop(worker, None)
        if worker.in_idle:
            self._idle.remove(worker)
        if worker.in_open:
            self._open.remove(worker)
        worker.in_idle = worker.in_open = False

    def rotate_idle(self) -> None:
        """The first idle worker had its turn."""
        self._idle.rotate(-1)

    def rotate_open(self) -> None:
        """The first open worker had its turn."""
        self._open.rotate(-1)

    @property
    def idle_count(self) -> int:
        """How many workers are listed as idle (some may have filled up)."""
        return len(self._idle)

    @property
    def open_count(self) -> int:
        """How many workers are listed with credit (some may have filled up)."""
        return len(self._open)


class Workforce:
    """All workers, by node id and in groups. Bound: the dialer's PEERS_MAX.

    Attributes:
        groups: by what their workers offer.
        short: those that have less credit than free slots, for lack of demand perhaps.
    """

    def __init__(self) -> None:
        self._workers: dict[str, Worker] = {}
        self.short: dict[Worker, None] = {}
        self.groups: dict[Offer, Group] = {}

    def __iter__(self) -> Iterator[Worker]:
        return iter(self._workers.values())

    def __len__(self) -> int:
        return len(self._workers)

    def get(self, node_id: str) -> Worker | None:
        """The worker with this node id."""
        return self._workers.get(node_id)

    def admit(self, peer: Peer, welcome: Welcome) -> Worker:
        """The worker that sent this WELCOME, new or known."""
        tasks = tuple(sorted(welcome.tasks.items()))
        offer = (_queues_of(welcome), tasks, DELIVER in welcome.can)
        worker = self._workers.get(welcome.node_id)
        if worker is not None and worker.group.offer != offer:
            self._leave_group(worker)
            self._regroup(worker, offer)
        if worker is None:
            worker = Worker(peer, welcome, self._group(offer))
        worker.peer = peer
        worker.slots = welcome.slots
        worker.limit = 0  # a CREDIT follows the WELCOME
        self.short[worker] = None
        self._workers[worker.node_id] = worker
        worker.told_backlog = 0
        worker.group.join(worker)
        return worker

    def granted(self, worker: Worker, credit: Credit) -> None:
        """A worker says how much it takes."""
        worker.grant(credit)
        if worker.limit < worker.capacity:
            self.short[worker] = None
        else:
            self.short.pop(worker, None)

    def withdraw_task(self, worker: Worker, name: str) -> None:
        """The worker turned out not to run `name`, whatever its WELCOME said."""
        tasks = tuple(
            (known, fingerprint)
            for known, fingerprint in worker.group.offer[1]
            if known != name and not (fingerprint == ANY and allows([known], name))
        )
        queues, _, delivers = worker.group.offer
        offer = (queues, tasks, delivers)
        self._leave_group(worker)
        self._regroup(worker, offer)
        worker.group.list(worker)

    def remove(self, worker: Worker) -> None:
        """The worker is lost or left."""
        worker.usable = False
        self.short.pop(worker, None)
        self._workers.pop(worker.node_id, None)
        self._leave_group(worker)

    def _group(self, offer: Offer) -> Group:
        return self.groups.setdefault(offer, Group(offer))

    def _regroup(self, worker: Worker, offer: Offer) -> Worker:
        worker.group = self._group(offer)
        worker.group.join(worker)
        worker.in_idle = worker.in_open = False
        return worker

    def _leave_group(self, worker: Worker) -> None:
        group = worker.group
        group.leave(worker)
        if not group.workers:
            self.groups.pop(group.offer, None)


def _queues_of(welcome: Welcome) -> Queues:
    """What a worker says of its queues, the same for all that mean the same."""
    names = welcome.queues
    if not names:
        return Queues(excluded=tuple(sorted(welcome.without)))
    if welcome.strict:
        return Queues(tuple(names), strict=True)
    if len(welcome.weights) != len(names):
        return Queues(tuple(sorted(names)))
    pairs = sorted(dict(zip(names, welcome.weights, strict=True)).items())
    return Queues(tuple(name for name, _ in pairs), tuple(weight for _, weight in pairs))
