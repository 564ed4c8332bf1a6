"""Results of one kind on their way to a sink, and batches of them: columns, no object for each."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice

from zmqwork.core.clients import Account
from zmqwork.core.delivery import Parcel

# What a result takes in memory beside its value, about: its numbers, and its places in columns.
RESULT_BYTES = 128

Kind = tuple[Account | None, str, str, str]


class Bundle:
    """Results of one producer's tasks of one name, as columns.

    Attributes:
        account: who is told when they are acked; None: nobody is.
        producer_id, name, sink_seqs, seqs, values: as in `delivery.Parcel`.
        node_id: the node that alone may take them; empty: whoever serves the inbox.
        attempts: as long as `seqs`.
        size_bytes: of the values; known when the turn is over.
    """

    __slots__ = (
        "account",
        "attempts",
        "name",
        "node_id",
        "producer_id",
        "seqs",
        "sink_seqs",
        "size_bytes",
        "values",
    )

    def __init__(
        self, account: Account | None, producer_id: str, name: str, node_id: str = ""
    ) -> None:
        self.account = account
        self.producer_id = producer_id
        self.name = name
        self.node_id = node_id
        self.sink_seqs: list[int] = []
        self.seqs: list[int] = []
        self.attempts: list[int] = []
        self.values: list[bytes] = []
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self.seqs)

    @property
    def kind(self) -> Kind:
        """What can go together has the same."""
        return self.account, self.producer_id, self.name, self.node_id

    @property
    def weight(self) -> int:
        """What it takes in memory, about, in bytes."""
        return self.size_bytes + RESULT_BYTES * len(self.seqs)

    def measure(self) -> None:
        """Find out how many bytes the values are."""
        self.size_bytes = sum(map(len, self.values))

    def extend(self, other: Bundle) -> None:
        """Put these behind its own."""
        self.sink_seqs += other.sink_seqs
        self.seqs += other.seqs
        self.attempts += other.attempts
        self.values += other.values
        self.size_bytes += other.size_bytes

    def fitting(self, count_max: int, bytes_max: int) -> int:
        """How many of the first ones are within these bounds."""
        if len(self.seqs) <= count_max and self.size_bytes <= bytes_max:
            return len(self.seqs)
        fitting = 0
        for value in islice(self.values, max(0, count_max)):
            bytes_max -= len(value)
            if bytes_max < 0:
                break
            fitting += 1
        return fitting

    def split(self, count: int) -> Bundle:
        """Cut off the first `count`."""
        head = Bundle(*self.kind)
        head.sink_seqs, self.sink_seqs = self.sink_seqs[:count], self.sink_seqs[count:]
        head.seqs, self.seqs = self.seqs[:count], self.seqs[count:]
        head.attempts, self.attempts = self.attempts[:count], self.attempts[count:]
        head.values, self.values = self.values[:count], self.values[count:]
        head.measure()
        self.size_bytes -= head.size_bytes
        return head

    def take(self, seqs: Collection[int]) -> Bundle:
        """Take these tasks out."""
        # (Columns are replaced, not changed: they may be on their way.)
        out = Bundle(*self.kind)
        if not any(map(seqs.__contains__, self.seqs)):
            return out
        kept = Bundle(*self.kind)
        columns = zip(self.sink_seqs, self.seqs, self.attempts, self.values, strict=True)
        for sink_seq, seq, attempt, value in columns:
            into = out if seq in seqs else kept
            into.sink_seqs.append(sink_seq)
            into.seqs.append(seq)
            into.attempts.append(attempt)
            into.values.append(value)
        out.measure()
        self.sink_seqs, self.seqs = kept.sink_seqs, kept.seqs
        self.attempts, self.values = kept.attempts, kept.values
        self.size_bytes -= out.size_bytes
        return out

    def parcel(self) -> Parcel:
        """As it travels."""
        return Parcel(self.producer_id, self.name, self.sink_seqs, self.seqs, self.values)


class Batch:
    """Results that were sent together.

    Attributes:
        number: as in RESULTS.
        bundles: what of it is not acked, nor was sent elsewhere since.
        count, size_bytes: what was sent of it in this session.
        sent_at: when it was sent last.
    """

    __slots__ = ("bundles", "count", "number", "sent_at", "size_bytes")

    def __init__(self, number: int, bundles: list[Bundle]) -> None:
        self.number = number
        self.bundles = bundles
        self.sent_at = 0.0
        self.measure()

    def measure(self) -> None:
        """Count anew what is in it."""
        self.count = sum(map(len, self.bundles))
        self.size_bytes = sum(bundle.size_bytes for bundle in self.bundles)
