"""The workers of a sink: what each may bring, and which of its batches are owed an ack.

All workers share the sink's credit evenly. A share is a power of two of it: a worker that comes or
goes changes the credit of the others at every doubling only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from zmqwork.config import SinkConfig
from zmqwork.core.client import Client


class Carrier:
    """A worker that brings results.

    Attributes:
        client: its session.
        granted: the credit that it was told in this session: results, bytes; None: none yet.
        unacked_count, unacked_bytes: what it brought in this session and is not acked.
        heard: its last batch in this session.
        gone: it was lost, with batches that are not stored yet.
    """

    __slots__ = ("client", "gone", "granted", "heard", "unacked_bytes", "unacked_count")

    def __init__(self, client: Client) -> None:
        self.client = client
        self.gone = False
        self.begin()

    def begin(self) -> None:
        """A session begins: whatever is not acked comes again in it."""
        self.granted: tuple[int, int] | None = None
        self.unacked_count = 0
        self.unacked_bytes = 0
        self.heard = 0

    @property
    def is_pressed(self) -> bool:
        """Whether it may soon have to wait for an ack."""
        count, size_bytes = self.granted or (0, 0)
        return 2 * self.unacked_count >= count or 2 * self.unacked_bytes >= size_bytes


class Carriers:
    """All workers of a sink, by node id. Bound: the listener's clients.

    A batch that came is owed an ack when the shelf is stored up to the position that it had then,
    behind the batch: that also holds for results which were on the shelf before, from elsewhere.
    """

    def __init__(self, config: SinkConfig) -> None:
        self._count_max = config.credit_count
        self._bytes_max = config.credit_bytes
        self._by_node: dict[str, Carrier] = {}
        # (position, carrier, batch, results, bytes) in the order of arrival, hence of positions.
        # Bound: `objection`, and one batch of each.
        self._owed: deque[tuple[int, Carrier, int, int, int]] = deque()
        self._gone_count = self._gone_bytes = 0
        self._divisor = 1
        self._stale = False

    def __len__(self) -> int:
        return len(self._by_node)

    def __iter__(self) -> Iterator[Carrier]:
        return iter(self._by_node.values())

    def get(self, node_id: str) -> Carrier | None:
        """The worker that is this node."""
        return self._by_node.get(node_id)

    def opened(self, client: Client) -> None:
        """A worker opened a session."""
        carrier = self._by_node.get(client.node_id)
        if carrier is None:
            carrier = self._by_node[client.node_id] = Carrier(client)
        else:
            if carrier.unacked_count:
                self._owed = deque(owed for owed in self._owed if owed[1] is not carrier)
            carrier.begin()
        self._stale = True

    def lost(self, node_id: str) -> None:
        """A worker is gone; what it brought is stored all the same."""
        carrier = self._by_node.pop(node_id, None)
        if carrier is not None:
            carrier.gone = True
            self._gone_count += carrier.unacked_count
            self._gone_bytes += carrier.unacked_bytes
            self._stale = True

    def objection(self, carrier: Carrier, batch: int, count: int, size_bytes: int) -> str:
        """Why this batch cannot be taken from an honest worker; empty: it can.

        One may have been granted all there is before others came, and with nothing unacked it
        may send one batch however large: so that none is refused for what it was allowed.
        """
        if batch <= carrier.heard:
            return f"batch {batch} of RESULTS came after batch {carrier.heard}"
        if carrier.unacked_count and (
            carrier.unacked_count + count > 2 * self._count_max
            or carrier.unacked_bytes + size_bytes > 2 * self._bytes_max
        ):
            return "more RESULTS are unacked than twice the credit of all workers together"
        return ""

    def took(
        self, carrier: Carrier, batch: int, count: int, size_bytes: int, position: int
    ) -> None:
        """A batch was taken in; it is owed an ack when all up to `position` is stored."""
        count = max(1, count)  # even an empty one costs memory here
        carrier.heard = batch
        carrier.unacked_count += count
        carrier.unacked_bytes += size_bytes
        self._owed.append((position, carrier, batch, count, size_bytes))

    def stored(self, position: int) -> dict[Carrier, int]:
        """All up to this position is stored: the acks to send, the last batch of each worker."""
        acks: dict[Carrier, int] = {}
        owed = self._owed
        while owed and owed[0][0] <= position:
            _, carrier, batch, count, size_bytes = owed.popleft()
            carrier.unacked_count -= count
            carrier.unacked_bytes -= size_bytes
            if carrier.gone:
                self._gone_count -= count
                self._gone_bytes -= size_bytes
                self._stale = True
            else:
                acks[carrier] = batch
        return acks

    def grants(self) -> list[tuple[Carrier, int, int]]:
        """The credit to tell anew: worker, results, bytes. None at all for most turns."""
        if not self._stale:
            return []
        self._stale = False
        count = len(self._by_node)
        if count > self._divisor or count * 4 <= self._divisor:
            self._divisor = 1 << max(0, count - 1).bit_length()
        share = (
            max(1, self._count_max // self._divisor),
            max(1, self._bytes_max // self._divisor),
        )
        # What workers that are gone have left takes the place of what others might bring.
        if 2 * self._gone_count > self._count_max or 2 * self._gone_bytes > self._bytes_max:
            share = (0, 0)
        told = [carrier for carrier in self._by_node.values() if carrier.granted != share]
        for carrier in told:
            carrier.granted = share
        return [(carrier, *share) for carrier in told]
