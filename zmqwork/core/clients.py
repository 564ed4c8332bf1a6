"""What a worker holds for each of its producers: attempts, results that are not acked, credit."""

from __future__ import annotations

from collections import deque
from collections.abc import Container
from typing import Any

from zmqwork.core.advance import Advance
from zmqwork.core.client import Client
from zmqwork.core.messages import (
    BATCH_BYTES_MAX,
    BATCH_COUNT_MAX,
    HELD_DONE,
    HELD_QUEUED,
    HELD_RUNNING,
    Done,
    Failure,
)

# In one DONE. A failure is up to some 40 KiB of text (`execution.invoke`), and the wire shortens
# them if there are more than 600 Ki characters together.
FAILURES_MAX = 16

# The value of an attempt whose result a sink has: nil, encoded.
_NIL = b"\xc0"


class Target:
    """Where results go that do not go back to their producer.

    Attributes:
        node_id: the sink's node.
        inbox: the inbox that alone may take them; empty: that node is meant.
        producer_id: under which they are numbered there.
    """

    __slots__ = ("inbox", "node_id", "producer_id")

    def __init__(self, node_id: str, inbox: str, producer_id: str) -> None:
        self.node_id = node_id
        self.inbox = inbox
        self.producer_id = producer_id


class Held:
    """One attempt at a worker, from its arrival until its outcome.

    Attributes:
        account: whose it is.
        seq, attempt: which; `attempt` follows the producer's newest dispatch.
        name, args, options: what to run, as in `messages.Run`.
        deadline_at: the instant when it expires, or None.
        rank: the smaller begins first; see `ready`.
        placed: whether a slot has it.
        begun: whether it is, or was, at the head of its slot.
        dropped: its result is not wanted any more.
        to, sink_seq: where its result goes, and its number there; None: to its producer, without.
        speech: what its handler says, if it runs in this process and says something; not the
            machine's.
    """

    __slots__ = (
        "account",
        "args",
        "attempt",
        "begun",
        "deadline_at",
        "dropped",
        "name",
        "options",
        "placed",
        "rank",
        "seq",
        "sink_seq",
        "speech",
        "to",
    )

    def __init__(
        self,
        account: Account,
        seq: int,
        attempt: int,
        name: str,
        args: bytes,
        options: dict[str, Any],
        deadline_at: float | None,
        rank: float = 0.0,
    ) -> None:
        self.to: Target | None = None
        self.sink_seq: int  # set together with it
        self.account = account
        self.seq = seq
        self.attempt = attempt
        self.name = name
        self.args = args
        self.options = options
        self.deadline_at = deadline_at
        self.rank = rank
        self.placed = False
        self.begun = False
        self.dropped = False
        self.speech: Any = None

    def __repr__(self) -> str:
        where = "dropped" if self.dropped else "placed" if self.placed else "ready"
        return f"<Held {self.seq} {self.name} {where}, attempt {self.attempt}>"

    @property
    def producer_id(self) -> str:
        """The node id of its producer."""
        return self.account.client.node_id


class Outcomes:
    """Ended attempts of one turn, gathered until they leave as DONE.

    Attributes:
        since: when the first of these results was sent to its sink; None: none was.
    """

    __slots__ = ("attempts", "failures", "seqs", "since", "times", "values")

    def __init__(self) -> None:
        self.seqs: list[int] = []
        self.attempts: list[int] = []
        self.values: list[bytes] = []
        self.failures: list[Failure] = []
        self.times: dict[str, list[float]] = {}
        self.since: float | None = None

    def __bool__(self) -> bool:
        return bool(self.seqs or self.failures)

    def spent(self, name: str, count: int, seconds: float) -> None:
        """`count` attempts of a task ran `seconds` in all."""
        total = self.times.get(name)
        if total is None:
            self.times[name] = [float(count), seconds]
        else:
            total[0] += count
            total[1] += seconds

    def stored(self, seqs: list[int], attempts: list[int], sent_at: float) -> None:
        """These have succeeded, and a sink has their results, sent at that instant."""
        self.seqs += seqs
        self.attempts += attempts
        self.values += [_NIL] * len(seqs)
        self.since = sent_at if self.since is None else min(sent_at, self.since)

    def begin_epoch(self, held: Container[int]) -> None:
        """These are attempts of an earlier epoch, and those of these tasks are `held`."""
        self.attempts = [0] * len(self.seqs)
        self.failures = _anew(self.failures, held)

    def cut(self) -> list[Done]:
        """The DONE messages, not numbered yet, each within the batch limits."""
        batches = []
        times, failures = self.times, self.failures
        start, size_bytes = 0, 0
        values = self.values
        if len(values) > BATCH_COUNT_MAX or sum(map(len, values)) > BATCH_BYTES_MAX:
            for end, value in enumerate(values):
                size_bytes += len(value)
                if end - start >= BATCH_COUNT_MAX or (size_bytes > BATCH_BYTES_MAX and end > start):
                    batches.append(self._slice(start, end, [], {}))
                    start, size_bytes = end, len(value)
        batches.append(self._slice(start, len(self.values), failures[:FAILURES_MAX], times))
        batches += [
            self._slice(0, 0, failures[first : first + FAILURES_MAX], {})
            for first in range(FAILURES_MAX, len(failures), FAILURES_MAX)
        ]
        return batches

    def _slice(
        self, start: int, end: int, failures: list[Failure], times: dict[str, list[float]]
    ) -> Done:
        return Done(
            0,
            self.seqs[start:end],
            self.attempts[start:end],
            self.values[start:end],
            failures,
            times,
        )


class Account:
    """Everything between this worker and one producer.

    Attributes:
        held: unfinished attempts by seq. Bound: the credit granted.
        outbox: DONE batches that are not acked: (message, bytes, sent at). Bound: nothing is
            started for an account that keeps more of `WorkerConfig.outbox_bytes` than are left.
        outcomes: what this turn ended.
        finished: how many results are on their way to sinks; the producer counts them as
            unsettled, as it does `held`. Bound: the credit granted.
        unacked_bytes: what the results that nobody has acked yet take here, in the outbox and
            on their way to sinks.
        started: attempts begun since the last STARTED.
        parked: attempts that wait for the lease to be renewed, or for results to be acked.
            Bound: `held`.
        limit: the credit granted last, in attempts.
        extra: how much of it is for what is on its way to sinks, and so takes no slot.
        advances: what attempts have said, by seq. Bound: `held`, and those whose outcomes are in
            the outbox.
        advanced_at: when progress was sent last.
        backlog: how much the producer has waiting, as a DEMAND bucket.
        epoch: the producer's; 0: it has no journal, so that its tasks end with its process.
    """

    __slots__ = (
        "advanced_at",
        "advances",
        "backlog",
        "batch",
        "client",
        "epoch",
        "extra",
        "finished",
        "held",
        "limit",
        "outbox",
        "outbox_bytes",
        "outcomes",
        "parked",
        "started",
        "unacked_bytes",
    )

    def __init__(self, client: Client) -> None:
        self.client = client
        self.held: dict[int, Held] = {}
        self.outbox: deque[tuple[Done, int, float]] = deque()
        self.outbox_bytes = 0
        self.unacked_bytes = 0
        self.finished = 0
        self.outcomes = Outcomes()
        self.started: list[Held] = []
        self.advances: dict[int, Advance] = {}
        self.advanced_at = float("-inf")
        self.parked: list[Held] = []
        self.limit = 0
        self.extra = 0
        self.batch = 0
        self.backlog = 0
        self.epoch = client.epoch

    @property
    def is_owed(self) -> bool:
        """Whether the producer will ask for something that is here."""
        return bool(self.held or self.outbox or self.outcomes or self.finished)

    def begin_epoch(self, epoch: int) -> None:
        """Another process of the producer has come: what is here are its attempts 0."""
        self.epoch = epoch
        for held in self.held.values():
            held.attempt = 0
        if self.outcomes:
            self.outcomes.begin_epoch(self.held)
        for done, _, _ in self.outbox:
            done.attempts = [0] * len(done.seqs)
            done.failures = _anew(done.failures, self.held)

    def owe(self, count: int, size_bytes: int) -> None:
        """So many results more are on their way to sinks (or fewer), and take so many bytes."""
        self.finished += count
        self.unacked_bytes += size_bytes

    def prune(self) -> None:
        """Forget what was dropped while it was parked."""
        if self.parked:
            self.parked = [held for held in self.parked if not held.dropped]

    def inventory(self) -> list[list[int]]:
        """What is held for the producer, for the WELCOME: [seq, attempt, HELD_*] each."""
        held = [
            [h.seq, h.attempt, HELD_RUNNING if h.begun else HELD_QUEUED] for h in self.held.values()
        ]
        for done, _, _ in self.outbox:
            pairs = zip(done.seqs, done.attempts, strict=True)
            held += [[seq, attempt, HELD_DONE] for seq, attempt in pairs]
            held += [[f.seq, f.attempt, HELD_DONE] for f in done.failures]
        return held

    def post(self, now: float) -> list[Done]:
        """Number this turn's outcomes, put them into the outbox, and return them for sending."""
        # The round trip of a result is the whole of its way: from here over a sink and back.
        sent_at = now if self.outcomes.since is None else self.outcomes.since
        batches = self.outcomes.cut()
        self.outcomes = Outcomes()
        for done in batches:
            self.batch += 1
            done.batch = self.batch
            size_bytes = sum(map(len, done.values))
            self.outbox_bytes += size_bytes
            self.unacked_bytes += size_bytes
            self.outbox.append((done, size_bytes, sent_at))
            if self.advances:
                self._end_advances(done)
        return batches

    def forget_said(self, seq: int) -> None:
        """Nobody waits for the outcome of this attempt: what it said is not needed any more."""
        advance = self.advances.get(seq)
        if advance is not None and not advance.batch:
            del self.advances[seq]

    def _end_advances(self, done: Done) -> None:
        """These have ended: what must not be lost of what they said is kept with their outcomes."""
        failed = {failure.seq for failure in done.failures}
        for seq in (*done.seqs, *failed):
            advance = self.advances.get(seq)
            if advance is None or seq in self.held:
                continue
            if advance.parts or (seq in failed and "checkpoint" in advance.said):
                advance.batch = done.batch
            else:
                del self.advances[seq]

    def resend(self, now: float) -> list[Done]:
        """All that is not acked, for a new session: what this turn ended, too."""
        if self.outcomes:
            self.post(now)
        # A round trip is measured from here on.
        self.outbox = deque((done, size_bytes, now) for done, size_bytes, _ in self.outbox)
        return [done for done, _, _ in self.outbox]

    def acked(self, batch: int) -> float | None:
        """Forget batches up to this one; when the newest of them was sent, or None."""
        sent_at = None
        outbox = self.outbox
        while outbox and outbox[0][0].batch <= batch:
            _, size_bytes, sent_at = outbox.popleft()
            self.outbox_bytes -= size_bytes
            self.unacked_bytes -= size_bytes
        if self.advances:
            for seq in [s for s, a in self.advances.items() if 0 < a.batch <= batch]:
                del self.advances[seq]
        return sent_at


def _anew(failures: list[Failure], held: Container[int]) -> list[Failure]:
    """The same as attempts 0: what was sent again after it had failed did not end by that."""
    kept = [failure for failure in failures if failure.seq not in held]
    for failure in kept:
        failure.attempt = 0
    return kept
