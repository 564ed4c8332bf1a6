"""Points that a run should come by now and then: a workload that stops doing so sees nothing there.

The machines know nothing of it: what they say, tell and count is looked at from outside.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from zmqwork.core.clients import Held
from zmqwork.core.delivery import HAS_HOLDING, HAS_NOT, HAS_TAKEN, End, Floor, Has, Results, Route
from zmqwork.core.effects import Notice
from zmqwork.core.ledger import Entry
from zmqwork.core.lifecycle import ASKED, DEAD, SUCCEEDED
from zmqwork.core.messages import (
    HELD_DONE,
    HELD_QUEUED,
    HELD_RUNNING,
    Cancel,
    Credit,
    Done,
    Message,
    Recall,
    Refused,
    Return,
    Tasks,
    Welcome,
)
from zmqwork.core.progress import Parts, PartsAck, Progress
from zmqwork.testing.connection import Connection
from zmqwork.testing.node import Node, Producer, Sink, Worker
from zmqwork.testing.truth import SUCCEEDS, Fate

if TYPE_CHECKING:
    from zmqwork.testing.cluster import Cluster

# What a run of hundreds of seeds must come by, each at least once.
MARKS = (
    # What becomes of tasks and their attempts.
    "a task settles: succeeded",
    "a task settles: failed",
    "a task settles: dead",
    "a task settles: cancelled",
    "a task settles: expired",
    "a task is dispatched again",
    "a task was executed twice, and settles once",
    "a task succeeds after a loss and a failure",
    "a task has its last chance alone",
    "a task is cancelled at its worker",
    "a poisonous task is put aside",
    "an attempt ends: failed",
    "an attempt ends: lost",
    "an attempt ends: rejected",
    "an attempt begins from a checkpoint",
    "returned: draining",
    "returned: over_credit",
    "returned: paused",
    "returned: recalled",
    "returned: stopping",
    "tasks are recalled",
    "producer counts: late",
    "producer counts: duplicates",
    "producer counts: snoozed",
    "worker counts: timeouts",
    # Links, leases, and who meets again.
    "a link breaks in the middle of tasks",
    "a link breaks in the middle of credit",
    "a link breaks in the middle of outcomes",
    "a link breaks in the middle of results",
    "a link breaks in the middle of parts",
    "a session is refused: gap",
    "a session is refused: order",
    "a worker meets its producer again with a task: queued",
    "a worker meets its producer again with a task: running",
    "a worker meets its producer again with a task: done",
    "a worker has what its producer has given up",
    "a worker begins nothing on an old lease",
    "a worker begins nothing more until results are acked",
    "notice: peer_lost",
    "notice: client_lost",
    "notice: unknown_task",
    "notice: other_signature",
    # Who ends, and with what.
    "a worker ends while something runs",
    "a worker ends with outcomes that are not acked",
    "a worker ends with results for a sink",
    "a drain with tasks that have not begun",
    "a drain with tasks that run",
    "notice: drain_cut",
    # Journals, and the processes of a producer.
    "a journal is left whole",
    "a journal is left without its tail",
    "a journal is left torn",
    "a later process ends with tasks of an earlier one",
    "a later process waits for the workers of an earlier one",
    "a worker has tasks of two processes of a producer",
    "a worker keeps what it has of a producer that is gone",
    "producer counts: recovered",
    "notice: journal_failed",
    # Sinks.
    "a sink is asked, and has it not",
    "a sink is asked, and holds it",
    "a sink is asked, and has taken it",
    "a sink ends while it stores",
    "a producer ends while a sink is asked",
    "a producer is told what an inbox has taken",
    "results are sent elsewhere",
    "an inbox moves",
    "a floor is told",
    "an end is told",
    "returned: undelivered",
    "sink counts: duplicates",
    "notice: store_failed",
)

_HELD = {HELD_QUEUED: "queued", HELD_RUNNING: "running", HELD_DONE: "done"}
_HAS = {HAS_NOT: "has it not", HAS_HOLDING: "holds it", HAS_TAKEN: "has taken it"}

# What a connection breaks in the middle of.
_CARGO: Mapping[type, str] = {
    Tasks: "tasks",
    Credit: "credit",
    Done: "outcomes",
    Results: "results",
    Parts: "parts",
    Route: "a route",
    Welcome: "a welcome",
}

# What a machine counts, by its role.
_COUNTED: Mapping[type[Node], tuple[str, ...]] = {
    Producer: ("late", "duplicates", "resubmitted", "retried", "snoozed", "rejected", "recovered"),
    Worker: ("duplicates", "dropped", "timeouts"),
    Sink: ("duplicates", "refused"),
}


class Marks:
    """How often a run came by each point.

    Attributes:
        counts: name -> how often.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._by_type: dict[type, Callable[[Any], None]] = {
            Return: lambda m: self.hit(f"returned: {m.reason}"),
            Refused: lambda m: self.hit(f"a session is refused: {m.code}"),
            Recall: lambda _: self.hit("tasks are recalled"),
            Cancel: lambda _: self.hit("a task is cancelled at its worker"),
            Route: lambda m: self.hit("results are sent elsewhere" if m.seqs else "an inbox moves"),
            Floor: lambda _: self.hit("a floor is told"),
            End: lambda _: self.hit("an end is told"),
            Has: self._has,
            Welcome: self._welcome,
            Tasks: self._tasks,
            Done: self._done,
            Progress: lambda _: self.hit("progress is told"),
            PartsAck: lambda _: self.hit("parts are read"),
        }

    def hit(self, name: str, count: int = 1) -> None:
        """The run came by this point."""
        self.counts[name] += count

    # -- what machines say and tell -----------------------------------------------------------

    def sent(self, message: Message) -> None:
        """A machine says this."""
        look = self._by_type.get(type(message))
        if look is not None:
            look(message)

    def _has(self, message: Has) -> None:
        for state in message.states:
            self.hit(f"a sink is asked, and {_HAS[state]}")

    def _welcome(self, message: Welcome) -> None:
        for _, _, state in message.held:
            self.hit(f"a worker meets its producer again with a task: {_HELD[state]}")
        if message.taken:
            self.hit("a producer is told what an inbox has taken")

    def _tasks(self, message: Tasks) -> None:
        for run in message.runs:
            if run.attempt > 1:
                self.hit("a task is dispatched again")
            if "checkpoint" in run.options:
                self.hit("an attempt begins from a checkpoint")
            if run.options.get("alone"):
                self.hit("a task has its last chance alone")

    def _done(self, message: Done) -> None:
        for failure in message.failures:
            self.hit(f"an attempt ends: {failure.outcome}")

    def noticed(self, notice: Notice) -> None:
        """A person is told this."""
        self.hit(f"notice: {notice.kind}")

    def settled(self, entry: Entry, fate: Fate) -> None:
        """A task is at its end."""
        self.hit(f"a task settles: {entry.state}")
        trouble = entry.trouble
        if entry.state == SUCCEEDED:
            if fate.count(SUCCEEDS) > 1:
                self.hit("a task was executed twice, and settles once")
            if trouble is not None and trouble.losses and trouble.failures:
                self.hit("a task succeeds after a loss and a failure")
        elif entry.state == DEAD and trouble is not None:
            self.hit(
                "a poisonous task is put aside" if trouble.crashes else "nobody can run a task"
            )

    def looked_at(self, node: Producer | Worker) -> None:
        """How a machine is after a turn."""
        if isinstance(node, Producer):
            if node.machine._books.withheld:
                self.hit("a later process waits for the workers of an earlier one")
            if any(worker.strays for worker in node.machine._workforce):
                self.hit("a worker has what its producer has given up")
            return
        feeder = node.machine._feeder
        if feeder.full:
            self.hit("a worker begins nothing more until results are acked")
        for node_id, account in node.machine._accounts.items():
            if account.parked and account not in feeder.full:
                self.hit("a worker begins nothing on an old lease")
            if account.held and account.epoch > node.epochs.get(node_id, account.epoch):
                self.hit("a worker has tasks of two processes of a producer")
        if len(node.machine._orphans._accounts):
            self.hit("a worker keeps what it has of a producer that is gone")

    # -- what is done to them -----------------------------------------------------------------

    def cut(self, connection: Connection) -> None:
        """A connection breaks, with what is on its way."""
        for pipe in (connection.forth, connection.back):
            for kind in {type(message): None for _, message, _ in pipe.flight}:
                if kind in _CARGO:
                    self.hit(f"a link breaks in the middle of {_CARGO[kind]}")

    def ended(self, node: Node) -> None:
        """A process is about to be gone."""
        machine: Any = node.machine
        if isinstance(node, Worker):
            held = _held(node)
            if any(attempt.begun for attempt in held):
                self.hit("a worker ends while something runs")
            if any(outbox.count for outbox in machine._deliverer.outboxes):
                self.hit("a worker ends with results for a sink")
            if any(account.outbox for account in machine._accounts.values()):
                self.hit("a worker ends with outcomes that are not acked")
        elif isinstance(node, Sink) and node.store.is_busy:
            self.hit("a sink ends while it stores")
        elif isinstance(node, Producer):
            if any(entry.state == ASKED for entry in machine._ledger):
                self.hit("a producer ends while a sink is asked")
            if node.legacy is not None and node.left & machine._ledger._entries.keys():
                self.hit("a later process ends with tasks of an earlier one")

    def drained(self, node: Node) -> None:
        """A worker or a sink is told to drain."""
        if isinstance(node, Worker):
            held = _held(node)
            if any(not attempt.begun for attempt in held):
                self.hit("a drain with tasks that have not begun")
            if any(attempt.begun for attempt in held):
                self.hit("a drain with tasks that run")

    # -- in the end ---------------------------------------------------------------------------

    def finish(self, cluster: Cluster, performed: Mapping[str, int]) -> None:
        """The run is over: look at what was counted, and at what was done."""
        for node in cluster.nodes.values():
            counters: Any = getattr(node.machine, "counters", None)
            for name in _COUNTED.get(type(node), ()):
                if counters is not None and counters[name]:
                    self.hit(f"{type(node).__name__.lower()} counts: {name}", counters[name])
        for archive in {node.archive: None for node in cluster.producers if node.archive}:
            for ending, count in archive.endings.items():
                self.hit(f"a journal is left {ending}", count)
        for do, count in performed.items():
            self.hit(f"step: {do}", count)


def _held(node: Worker) -> list[Held]:
    accounts = node.machine._accounts.values()
    return [held for account in accounts for held in account.held.values()]
