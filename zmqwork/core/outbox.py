"""Results on their way to one sink: they wait, go in batches within its credit, and are kept.

An outbox outlives the sessions with its sink. What is not acked is sent again in each new one, in
order and under its number.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping

from zmqwork.core.bundle import RESULT_BYTES, Batch, Bundle, Kind
from zmqwork.core.clients import Account, Target
from zmqwork.core.delivery import Results
from zmqwork.core.messages import BATCH_BYTES_MAX, BATCH_COUNT_MAX
from zmqwork.core.peer import Peer


class Outbox:
    """Results for one sink: an inbox, whichever node serves it, or a node without one.

    What is fresh is in no count, nor found: `absorb` comes before whatever looks at all.

    Attributes:
        key: under which the deliverer knows it.
        label: the sink, for people.
        number: of the newest batch.
        peer: the node with which it is in session; None: with none.
        count, size_bytes: results that are here, and bytes of their values. Bound: nothing is
            started for an account that keeps more of `WorkerConfig.outbox_bytes` than are left;
            a result counts for RESULT_BYTES at least. And the credit granted to producers, which
            count what is here as unsettled.
    """

    __slots__ = (
        "_batches",
        "_credit_bytes",
        "_credit_count",
        "_fresh",
        "_sent",
        "_unacked_bytes",
        "_unacked_count",
        "_waiting",
        "count",
        "key",
        "label",
        "number",
        "peer",
        "size_bytes",
    )

    def __init__(self, key: str, label: str, number: int = 0) -> None:
        self.key = key
        self.label = label
        self.number = number
        self.peer: Peer | None = None
        self.count = self.size_bytes = 0
        # What this turn has brought, and what waited before it.
        self._fresh: dict[tuple[Account, str, str, str], Bundle] = {}
        self._waiting: dict[Kind, Bundle] = {}
        # Sent and not acked, oldest first; the first `_sent` of them in this session.
        self._batches: deque[Batch] = deque()
        self._begin()

    def __repr__(self) -> str:
        return f"<Outbox of {self.label}: {self.count} results, {self._unacked_count} sent>"

    @property
    def weight(self) -> int:
        """What the results take in memory, about, in bytes."""
        return self.size_bytes + RESULT_BYTES * self.count

    # -- what comes in ------------------------------------------------------------------------

    def fresh(self, account: Account, to: Target, name: str) -> Bundle:
        """Where this turn puts results of these tasks."""
        kind = (account, to.producer_id, name, "" if to.inbox else to.node_id)
        bundle = self._fresh.get(kind)
        if bundle is None:
            bundle = self._fresh[kind] = Bundle(*kind)
        return bundle

    def absorb(self) -> bool:
        """Count what this turn has brought; True if it was something."""
        if not self._fresh:
            return False
        for (account, _, _, _), bundle in self._fresh.items():
            bundle.measure()
            account.owe(len(bundle), bundle.weight)
            self.put(bundle)
        self._fresh = {}
        return True

    def put(self, bundle: Bundle) -> None:
        """Let these wait here."""
        if not bundle.seqs:
            return
        waiting = self._waiting.setdefault(bundle.kind, bundle)
        if waiting is not bundle:
            waiting.extend(bundle)
        self.count += len(bundle)
        self.size_bytes += bundle.size_bytes

    # -- sessions -----------------------------------------------------------------------------

    def attach(self, peer: Peer) -> None:
        """A session began: everything is to be sent in it, when it grants credit."""
        self.peer = peer
        self.label = peer.label
        self._begin()

    def detach(self) -> None:
        """The session is over."""
        self.peer = None
        self._begin()

    def _begin(self) -> None:
        self._credit_count = self._credit_bytes = 0
        self._unacked_count = self._unacked_bytes = 0
        self._sent = 0

    def grant(self, count: int, size_bytes: int) -> None:
        """So many results, and bytes of them, may be unacked."""
        self._credit_count, self._credit_bytes = count, size_bytes

    def next_batch(self, now: float) -> Results | None:
        """What may be sent now, first what an older session has sent. None: nothing may."""
        batch = self._old() or self._cut()
        if batch is None:
            return None
        self._sent += 1
        self._unacked_count += batch.count
        self._unacked_bytes += batch.size_bytes
        batch.sent_at = now
        return Results(batch.number, [bundle.parcel() for bundle in batch.bundles])

    def _old(self) -> Batch | None:
        """A batch that was cut in an older session, and may be sent in this one."""
        batches = self._batches
        while self._sent < len(batches):
            batch = batches[self._sent]
            batch.measure()
            if not batch.count:
                del batches[self._sent]  # all of it went elsewhere
            elif self._may_exceed or (
                batch.count <= self._room and batch.size_bytes <= self._space
            ):
                return batch
            else:
                break
        return None

    def _cut(self) -> Batch | None:
        """A new batch."""
        waiting = self._waiting
        if self._sent < len(self._batches) or not waiting:
            return None
        count = min(BATCH_COUNT_MAX, self._room)
        size_bytes = min(BATCH_BYTES_MAX, self._space)
        bundles: list[Bundle] = []
        while waiting and count > 0:
            key, bundle = next(iter(waiting.items()))
            fitting = bundle.fitting(count, size_bytes)
            if not fitting and not bundles:
                # Perhaps one that is larger than a batch, or than all credit.
                fitting = int(self._may_exceed or len(bundle.values[0]) <= self._space)
            if not fitting:
                break
            del waiting[key]
            if fitting < len(bundle):
                waiting[key] = bundle  # behind the others
                bundle = bundle.split(fitting)
            bundles.append(bundle)
            count -= fitting
            size_bytes -= bundle.size_bytes
        if not bundles:
            return None
        self.number += 1
        batch = Batch(self.number, bundles)
        self._batches.append(batch)
        return batch

    @property
    def _may_exceed(self) -> bool:
        """One batch may be larger than the credit, if there is credit and nothing is unacked."""
        return not self._sent and self._credit_count > 0 and self._credit_bytes > 0

    @property
    def _room(self) -> int:
        return self._credit_count - self._unacked_count

    @property
    def _space(self) -> int:
        return self._credit_bytes - self._unacked_bytes

    # -- what goes ----------------------------------------------------------------------------

    def acked(self, number: int) -> list[Batch]:
        """Forget the batches up to this one; those that were sent in this session."""
        acked = []
        batches = self._batches
        while self._sent and batches[0].number <= number:
            batch = batches.popleft()
            self._sent -= 1
            self._unacked_count -= batch.count
            self._unacked_bytes -= batch.size_bytes
            self._gone(batch.bundles)
            acked.append(batch)
        return acked

    def addressed(self, account: Account, to: Target, numbers: Mapping[int, int]) -> list[int]:
        """Those of these tasks whose results are here already, for this target and number."""
        node_id = "" if to.inbox else to.node_id
        return [
            seq
            for bundle in self
            if bundle.kind == (account, to.producer_id, bundle.name, node_id)
            for seq, sink_seq in zip(bundle.seqs, bundle.sink_seqs, strict=True)
            if numbers.get(seq) == sink_seq
        ]

    def take(
        self, account: Account, seqs: Collection[int], *, unsent: bool = False
    ) -> list[Bundle]:
        """Take out what is here of these tasks of an account; `unsent`: if it was never sent."""
        bundles = list(self._waiting.values()) if unsent else list(self)
        taken = [bundle.take(seqs) for bundle in bundles if bundle.account is account]
        self._waiting = {key: bundle for key, bundle in self._waiting.items() if bundle.seqs}
        for batch in self._batches:
            batch.bundles = [bundle for bundle in batch.bundles if bundle.seqs]
        self._gone(taken)
        return [bundle for bundle in taken if bundle.seqs]

    def disown(self, account: Account) -> None:
        """Nobody is told of this account's results any more; they are delivered all the same."""
        waiting = [b for b in self._waiting.values() if b.account is account]
        for bundle in waiting:
            del self._waiting[bundle.kind]
        self._gone(waiting)
        for bundle in (*self, *waiting):
            if bundle.account is account:
                bundle.account = None
        for bundle in waiting:
            self.put(bundle)

    def evict(self) -> list[Bundle]:
        """Take out what is for one node alone, and not for whoever serves the inbox."""
        evicted = [bundle for bundle in self if bundle.node_id not in ("", self.key)]
        self._waiting = {b.kind: b for b in self._waiting.values() if b not in evicted}
        for batch in self._batches:
            batch.bundles = [bundle for bundle in batch.bundles if bundle not in evicted]
        self._gone(evicted)
        return evicted

    def clear(self) -> list[Bundle]:
        """Give up everything: what was here."""
        cleared = list(self)
        self._waiting = {}
        self._batches.clear()
        self._begin()
        self._gone(cleared)
        return cleared

    def _gone(self, bundles: list[Bundle]) -> None:
        self.count -= sum(map(len, bundles))
        self.size_bytes -= sum(bundle.size_bytes for bundle in bundles)

    def __iter__(self) -> Iterator[Bundle]:
        """All that is here: the oldest first."""
        for batch in self._batches:
            yield from batch.bundles
        yield from self._waiting.values()
