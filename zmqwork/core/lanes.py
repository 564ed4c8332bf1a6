"""Where tasks wait, by age: a lane per (queue, task, signature, sink, node, unfit, priority).

Which lane is next is a question of **rank**. A task's age counts from `Entry.since`, and each step
of priority counts for as much as an age of `priority_aging` seconds: so rank does not change while
time goes on, and lanes are compared by their first tasks alone.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice

from zmqwork.core.delivery import DESTINATIONS_MAX
from zmqwork.core.ledger import Entry, TaskSpec
from zmqwork.core.lifecycle import WAITING
from zmqwork.core.messages import BATCH_COUNT_MAX, HEADED_MAX

# Queue, task's name, fingerprint, sink's name, inbox, the only worker that may run it, and those
# that may not (these four may be nothing), and the priority.
LaneKey = tuple[str, str, str, str, str, str, tuple[str, ...], int]

# The smaller goes first: an instant, and the task's number.
Rank = tuple[float, int]

# So many tasks are looked at together when a lane is served.
_STRIDE = 128

# Where waiting adds nothing to priority, a step counts for as much as some thirty years.
_NEVER = 1e9


def key_of(spec: TaskSpec) -> LaneKey:
    """Where tasks of this kind wait."""
    options = spec.options
    sink = options.sink or ""
    return (
        options.queue, spec.name, spec.fingerprint, sink, spec.inbox, spec.node, spec.unfit,
        options.priority,
    )  # fmt: skip


class Lane:
    """The waiting tasks of one kind.

    A task that stops waiting otherwise than by `take` (cancelled, expired, a late result) stays
    in the deque as a husk and is skipped; `size` counts the real ones. Bound: the ledger's; husks
    are swept when they outnumber the rest.

    Attributes:
        size: how many tasks wait.
        priority: of all of them.
        sink, inbox: where their results go; neither: back to the producer.
        node: the only worker that may run them; empty: any may, but those in `unfit`.
        to_sink: whether they go elsewhere than back to the producer.
        grain: how many of them go into one message: each may be a run of its own, and a frame
            has its limits.
        spoken: what the last notice about this lane said, so that it is said once.
    """

    __slots__ = (
        "_advance",
        "_entries",
        "fingerprint",
        "grain",
        "inbox",
        "key",
        "name",
        "node",
        "priority",
        "queue",
        "sink",
        "size",
        "spoken",
        "to_sink",
        "unfit",
    )

    def __init__(self, key: LaneKey, aging: float = 0.0) -> None:
        self.key = key
        (
            self.queue, self.name, self.fingerprint, self.sink, self.inbox, self.node, self.unfit,
            self.priority,
        ) = key  # fmt: skip
        self._advance = self.priority * (aging or _NEVER)
        self.to_sink = bool(self.sink or self.inbox)
        self.grain = DESTINATIONS_MAX if self.to_sink else BATCH_COUNT_MAX
        self._entries: deque[Entry] = deque()
        self.size = 0
        self.spoken = ""

    def __len__(self) -> int:
        return self.size

    def item_count(self) -> int:
        """How many calls wait: those in chunks, too. O(n): for people."""
        return sum(e.spec.item_count for e in self._entries if e.state == WAITING)

    def entries(self) -> list[Entry]:
        """The tasks that wait, in order. O(n)."""
        return [entry for entry in self._entries if entry.state == WAITING]

    def append(self, entry: Entry) -> None:
        """A task begins to wait, behind the others."""
        self._entries.append(entry)
        self.size += 1

    def extend(self, entries: list[Entry]) -> None:
        """As `append`, of several."""
        self._entries.extend(entries)
        self.size += len(entries)

    def give_back(self, entries: Iterable[Entry]) -> None:
        """Tasks wait again, each in its place by age.

        Most are older than all that wait, or come one after the other, as those that are rejected.
        """
        back = sorted(entries, key=_by_age)
        self.size += len(back)
        there = self._entries
        if not there or _by_age(back[-1]) < _by_age(there[0]):
            there.extendleft(reversed(back))
        elif _by_age(there[-1]) < _by_age(back[0]):
            there.extend(back)
        else:
            for entry in back:
                insort(there, entry, key=_by_age)

    def first(self) -> Entry:
        """The first waiting task; there must be one."""
        entries = self._entries
        while entries[0].state != WAITING:
            entries.popleft()
        return entries[0]

    def rank(self) -> Rank:
        """That of the first waiting task; there must be one."""
        first = self.first()
        return first.since - self._advance, first.seq

    def is_before(self, rank: Rank) -> bool:
        """Whether all that wait here are before this rank."""
        last = self._entries[-1]
        return (last.since - self._advance, last.seq) < rank

    def take(self, count_max: int, bytes_max: int) -> list[Entry]:
        """Up to `count_max` tasks with at most `bytes_max` of arguments and checkpoints, or one."""
        taken, size_bytes = self._take_strides(count_max, bytes_max)
        entries = self._entries
        while entries and len(taken) < count_max:
            entry = entries[0]
            if entry.state == WAITING:
                size_bytes += entry.size_bytes
                if entry.headway is not None:
                    size_bytes += entry.headway.size_bytes
                if size_bytes > bytes_max and taken:
                    break
                taken.append(entry)
            entries.popleft()
        self.size -= len(taken)
        self._sweep()
        return taken

    def _take_strides(self, count_max: int, bytes_max: int) -> tuple[list[Entry], int]:
        """As `take`, while all of a stride may be taken, and none has a checkpoint; their bytes.

        Tasks of one priority lie apart in memory. So a stride is passed over several times: in a
        short pass the processor runs ahead, and waits less for memory.
        """
        taken: list[Entry] = []
        taken_bytes = 0
        entries = self._entries
        while entries and len(taken) < count_max:
            some = list(islice(entries, min(_STRIDE, count_max - len(taken))))
            size_bytes = taken_bytes + sum([entry.size_bytes for entry in some])
            if size_bytes > bytes_max or [
                entry for entry in some if entry.state != WAITING or entry.history is not None
            ]:
                break
            taken += some
            taken_bytes = size_bytes
            for _ in some:
                entries.popleft()
        return taken, taken_bytes

    def husk(self, entry: Entry) -> None:
        """`entry` (waiting here until now) has been settled: count it out."""
        assert entry.state != WAITING
        self.size -= 1
        self._sweep()

    def _sweep(self) -> None:
        if len(self._entries) > 64 + 2 * self.size:
            self._entries = deque(e for e in self._entries if e.state == WAITING)

    def remove(self, seqs: frozenset[int]) -> None:
        """Take out these tasks, which wait here, so that they may wait again later."""
        self._entries = deque(e for e in self._entries if e.seq not in seqs and e.state == WAITING)
        self.size = len(self._entries)


class Lanes:
    """All lanes. Bound: one per kind of task that this process submits, and those of few tasks.

    Iteration passes over the lanes that any worker may serve.

    Attributes:
        pinned: the others, by node id and key. Bound: those that are empty are dropped when a turn
            ends, so at most one per task in the ledger.
        rejected: those of the first whose tasks some workers have rejected. Bound: likewise.
    """

    __slots__ = ("_aging", "_lanes", "pinned", "rejected")

    def __init__(self, aging: float = 0.0) -> None:
        self._aging = aging  # seconds that count for a step of priority; 0: no time does
        self._lanes: dict[LaneKey, Lane] = {}
        self.pinned: dict[str, dict[LaneKey, Lane]] = {}
        self.rejected: dict[LaneKey, Lane] = {}

    def __iter__(self) -> Iterator[Lane]:
        return iter(self._lanes.values())

    def of(self, spec: TaskSpec) -> Lane:
        """The lane for tasks of this kind."""
        key = key_of(spec)
        lanes = self.pinned.setdefault(spec.node, {}) if spec.node else self._lanes
        lane = lanes.get(key)
        if lane is None:
            lane = lanes[key] = Lane(key, self._aging)
            if spec.unfit:
                self.rejected[key] = lane
        if spec.options.headers:
            lane.grain = HEADED_MAX  # for good: nobody looks for the last of them
        return lane

    def waiting(self) -> int:
        """How many tasks wait for any worker."""
        return sum(lane.size for lane in self._lanes.values())

    def waiting_for(self, node_id: str) -> int:
        """How many tasks wait for this worker and no other."""
        return sum(lane.size for lane in self.pinned.get(node_id, {}).values())

    def drop_empty(self) -> None:
        """Forget lanes of few tasks in which nothing waits; one is made again when it is needed."""
        for key in [key for key, lane in self.rejected.items() if not lane.size]:
            del self.rejected[key], self._lanes[key]
        for node_id, lanes in list(self.pinned.items()):
            for key in [key for key, lane in lanes.items() if not lane.size]:
                del lanes[key]
            if not lanes:
                del self.pinned[node_id]


def _by_age(entry: Entry) -> tuple[float, int]:
    return entry.since, entry.seq
