"""The ledger: a producer's record of every unsettled task, and the only authority on its state."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from zmqwork.core import lifecycle
from zmqwork.core.lifecycle import TASK, WAITING
from zmqwork.core.trouble import Trouble
from zmqwork.errors import ANY_ERROR
from zmqwork.options import TaskOptions

if TYPE_CHECKING:
    from zmqwork.core.outlet import Outlet
    from zmqwork.core.progression import Headway
    from zmqwork.core.workers import Worker

# Tasks that ended badly and are remembered for those who ask why, the newest; and of each, so
# many characters of what was said.
ENDINGS_MAX = 1_000
ENDING_CHARACTERS_MAX = 500


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """What all tasks of one decorated function, under one set of options, have in common.

    Attributes:
        name: the task's name, unique in its app.
        fingerprint: of its signature; a worker with another one is not given the task.
        options: how it is queued, retried and given up on.
        item_count: how many calls such a task stands for: more than one if it is a chunk of `map`.
        inbox: the inbox that alone may take the result, once one of those named is chosen.
        node: the node id of the only worker that may run it, as of a broadcast; empty: any may.
        fallback: what the application does when its attempts are used up; None: nothing.
        unfit: the node ids of the workers that have rejected it, in order, and get it no more.
            Bound: REJECTIONS_MAX.
        alone: whether it is to run with nothing beside it that it could harm.
        streams: whether its handler is a generator, whose parts are wanted one by one.
    """

    name: str
    fingerprint: str
    options: TaskOptions
    item_count: int = 1
    inbox: str = ""
    node: str = ""
    fallback: Any = field(default=None, compare=False)
    unfit: tuple[str, ...] = ()
    alone: bool = False
    streams: bool = False

    def told(self) -> dict[str, Any]:
        """What a worker must know of the options."""
        options = self.options
        told: dict[str, Any] = {"queue": options.queue}
        if options.priority:
            told["priority"] = options.priority
        wanted, unwanted = options.exceptions
        if wanted != ANY_ERROR:
            told["retry_for"] = [*wanted]
        if unwanted:
            told["no_retry_for"] = [*unwanted]
        if self.alone:
            told["alone"] = True
        # A chunk may take as long as all of its items.
        if options.timeout is not None:
            told["timeout"] = options.timeout * self.item_count
        if options.soft_timeout is not None:
            told["soft_timeout"] = options.soft_timeout * self.item_count
        if options.headers:
            told["headers"] = dict(options.headers_pairs)
        if options.ignore_result:
            told["ignore_result"] = True
        if self.streams:
            told["stream"] = True
        return told


def unfit_for(spec: TaskSpec, node_id: str) -> TaskSpec:
    """The same kind of task, but not for this worker."""
    return _changed(spec, id(spec.fallback), (*spec.unfit, node_id), spec.alone)


def spec_after(spec: TaskSpec, crashes: int, crash_limit: int) -> TaskSpec:
    """The kind of a task that so many crashes are counted for.

    On its last chance it is without others that it could harm.
    """
    if not 0 < crashes == crash_limit - 1:
        return spec
    return _changed(spec, id(spec.fallback), spec.unfit, True)


def anew(spec: TaskSpec) -> TaskSpec:
    """The same kind of task, as it was submitted."""
    return _changed(spec, id(spec.fallback), (), False) if spec.unfit or spec.alone else spec


# What the same workers have rejected of a kind shares a spec, so that it travels in one run.
@lru_cache(maxsize=256)
def _changed(spec: TaskSpec, fallback_id: int, unfit: tuple[str, ...], alone: bool) -> TaskSpec:
    # (Specs are equal whatever their fallbacks are.)
    del fallback_id
    return replace(spec, unfit=tuple(sorted({*unfit})), alone=alone)


@dataclass(slots=True)
class History:
    """What has happened to a task out of the ordinary; few tasks have one."""

    error: dict[str, Any] | None = None
    trouble: Trouble | None = None
    headway: Headway | None = None
    started_at: float = 0.0


class _Touched:
    """What is touched at each step of every task.

    Slots of a base class come first: so this is in two or three cache lines. Each is waited for
    where tasks that are handled one after the other lie apart in memory, as with priorities.
    """

    __slots__ = ("args", "attempt", "history", "owner", "seq", "state", "value", "worker")


class Entry(_Touched):
    """One task in the ledger.

    Attributes:
        seq: its number at this producer.
        spec: what it has in common with its kind.
        args: the encoded arguments; emptied when it is settled.
        size_bytes: how many they were.
        owner: whatever the application wants back in `Settle` (a future).
        since: from when on its age counts: from submit, or the end of its countdown or snooze.
        state: one of `lifecycle.UNSETTLED` or `lifecycle.SETTLED`.
        attempt: the number of the newest attempt; 0 before the first.
        worker: who holds the newest attempt, or None.
        deadline_at: the instant when it expires, or None.
        value: the encoded result once it succeeded.
        outlet: where the result goes, once that is known; None: back to the producer, or not yet.
        sink_seq: its number there; 0: none yet.
        history: what follows, which few tasks have; None: nothing of it.
        error: how it ended otherwise: ``type``, ``text``, ``traceback``, ``attempts``,
            ``evidence``.
        trouble: what went wrong so far, or None.
        headway: what its attempts have said while they ran; None: nothing.
        started_at: of one that has started: when that was told.
    """

    __slots__ = ("deadline_at", "outlet", "since", "sink_seq", "size_bytes", "spec")

    def __init__(self, seq: int, spec: TaskSpec, args: bytes, owner: object) -> None:
        self.seq = seq
        self.spec = spec
        self.args = args
        self.size_bytes = len(args)
        self.owner = owner
        self.since = 0.0
        self.state: str = WAITING
        self.attempt = 0
        self.worker: Worker | None = None
        self.deadline_at: float | None = None
        self.value: bytes | None = None
        self.outlet: Outlet | None = None
        self.sink_seq = 0
        self.history: History | None = None

    def __repr__(self) -> str:
        return f"<Entry {self.seq} {self.spec.name} {self.state}, attempt {self.attempt}>"

    @property
    def error(self) -> dict[str, Any] | None:
        """As above, as what follows."""
        return None if self.history is None else self.history.error

    @error.setter
    def error(self, error: dict[str, Any]) -> None:
        self._recall().error = error

    @property
    def trouble(self) -> Trouble | None:
        """As above."""
        return None if self.history is None else self.history.trouble

    @trouble.setter
    def trouble(self, trouble: Trouble) -> None:
        self._recall().trouble = trouble

    @property
    def headway(self) -> Headway | None:
        """As above."""
        return None if self.history is None else self.history.headway

    @headway.setter
    def headway(self, headway: Headway) -> None:
        self._recall().headway = headway

    @property
    def started_at(self) -> float:
        """As above."""
        return 0.0 if self.history is None else self.history.started_at

    @started_at.setter
    def started_at(self, instant: float) -> None:
        self._recall().started_at = instant

    def _recall(self) -> History:
        if self.history is None:
            self.history = History()
        return self.history

    @property
    def failures(self) -> int:
        """Attempts whose handler raised."""
        return self.trouble.failures if self.trouble else 0

    @property
    def crashes(self) -> int:
        """Attempts that were running when their worker or child died."""
        return self.trouble.crashes if self.trouble else 0

    def told(self) -> dict[str, Any]:
        """What a worker must know of it beside its number and arguments."""
        told = self.spec.told()
        return told if self.headway is None else told | self.headway.next_options

    def troubled(self) -> Trouble:
        """The record of what went wrong, made at the first trouble."""
        history = self._recall()
        if history.trouble is None:
            history.trouble = Trouble()
        return history.trouble

    def move(self, cause: str) -> None:
        """Go where the table says. KeyError is a bug of the caller."""
        self.state = TASK[cause][self.state]


class Ledger:
    """All unsettled entries by seq, in the order of submission.

    Bound: `ProducerConfig.max_pending`, which `submit` enforces before an entry is made.

    Attributes:
        newest: the greatest number of a task that was ever taken in.
        endings: how tasks ended that did not succeed, by seq: ``task``, ``state``, ``text``,
            ``attempt``. Bound: ENDINGS_MAX, the newest.
    """

    __slots__ = ("_entries", "endings", "newest", "settled_counts")

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}
        self.newest = 0
        self.endings: dict[int, dict[str, Any]] = {}
        self.settled_counts = dict.fromkeys(lifecycle.SETTLED, 0)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    @property
    def entries(self) -> dict[int, Entry]:
        """The table itself, for loops over batches."""
        return self._entries

    def add(self, entry: Entry) -> None:
        """Take in a fresh entry; its seq must be new."""
        assert entry.seq not in self._entries, f"task {entry.seq} was submitted twice"
        self._entries[entry.seq] = entry

    def get(self, seq: int) -> Entry | None:
        """The unsettled entry with this number."""
        return self._entries.get(seq)

    def oldest(self) -> int:
        """The number of the oldest unsettled task; the next one's if there is none."""
        return next(iter(self._entries), self.newest + 1)

    def settle(self, entry: Entry, cause: str) -> None:
        """Move an entry to its terminal state and forget it. Its worker must be off it by now."""
        entry.state = TASK[cause][entry.state]
        del self._entries[entry.seq]
        self.settled_counts[entry.state] += 1
        entry.worker = None
        if entry.spec.fallback is None:
            entry.args = b""
        if entry.outlet is not None:
            entry.outlet.settle(entry)
        if entry.error is not None:
            self._remember(entry, entry.error)

    def _remember(self, entry: Entry, error: dict[str, Any]) -> None:
        said = ": ".join(str(error[key]) for key in ("type", "text") if error.get(key))
        self.endings[entry.seq] = {
            "task": entry.spec.name,
            "state": entry.state,
            "text": said[:ENDING_CHARACTERS_MAX],
            "attempt": entry.attempt,
        }
        if len(self.endings) > ENDINGS_MAX:
            del self.endings[next(iter(self.endings))]

    def counts(self) -> dict[str, int]:
        """How many unsettled entries are in each state. O(n): for people, not for decisions."""
        counts = dict.fromkeys(lifecycle.UNSETTLED, 0)
        for entry in self:
            counts[entry.state] += 1
        return counts
