"""What a sink has received and not stored yet: one queue, first in, first out."""

from __future__ import annotations

from collections import deque

from zmqwork.core.collected import Collected, spans_of
from zmqwork.core.delivery import Parcel


class Load:
    """Results that are handed over at once, until they are stored.

    Attributes:
        parcels: what is handed over.
        numbers: the numbers of these results, by producer.
        count, size_bytes: how much it is.
    """

    __slots__ = ("count", "numbers", "parcels", "size_bytes")

    def __init__(self) -> None:
        self.parcels: list[Parcel] = []
        self.numbers: dict[Collected, list[int]] = {}
        self.count = 0
        self.size_bytes = 0

    def add(self, collected: Collected, parcel: Parcel) -> None:
        """Take this along."""
        self.parcels.append(parcel)
        self.numbers.setdefault(collected, []).extend(parcel.sink_seqs)
        self.count += len(parcel.sink_seqs)
        self.size_bytes += size_of(parcel)

    def taken(self) -> list[tuple[str, int, int]]:
        """The numbers in it: (producer id, first, last) each."""
        return [
            (collected.producer_id, *span)
            for collected, numbers in self.numbers.items()
            for span in spans_of(numbers)
        ]


class Shelf:
    """The queue, and what was taken from it and is being stored: at most one load.

    Positions count the results that were ever put in. Bound: the credit of the workers.

    Attributes:
        count, size_bytes: what waits.
        load: what is being stored.
        put_count: how many results were put in, ever.
        stored_count: how many of them are stored.
    """

    __slots__ = ("_offset", "_queue", "count", "load", "put_count", "size_bytes", "stored_count")

    def __init__(self) -> None:
        self._queue: deque[tuple[Collected, Parcel, float]] = deque()
        self._offset = 0  # results of the first parcel that are gone already
        self.count = 0
        self.size_bytes = 0
        self.load: Load | None = None
        self.put_count = 0
        self.stored_count = 0

    def __len__(self) -> int:
        return self.count

    @property
    def held(self) -> tuple[int, int]:
        """Results that are here and not stored, and their bytes."""
        load = self.load
        if load is None:
            return self.count, self.size_bytes
        return self.count + load.count, self.size_bytes + load.size_bytes

    @property
    def oldest_at(self) -> float:
        """When the first one came; infinity if there is none."""
        return self._queue[0][2] if self._queue else float("inf")

    def put(self, collected: Collected, parcel: Parcel, size_bytes: int, now: float) -> None:
        """Put a parcel behind all others."""
        self._queue.append((collected, parcel, now))
        count = len(parcel.sink_seqs)
        self.count += count
        self.put_count += count
        self.size_bytes += size_bytes

    def take(self, count_max: int) -> Load:
        """Take out the first results, at most `count_max`, as the load.

        Parcels are cut where they must be.
        """
        load = self.load = Load()
        queue = self._queue
        while queue and load.count < count_max:
            collected, parcel, _ = queue[0]
            left = len(parcel.sink_seqs) - self._offset
            room = count_max - load.count
            if self._offset or left > room:
                parcel = _cut(parcel, self._offset, self._offset + room)
            if left > room:
                self._offset += room
            else:
                self._offset = 0
                queue.popleft()
            load.add(collected, parcel)
        self.count -= load.count
        self.size_bytes -= load.size_bytes
        return load

    def stored(self, load: Load) -> None:
        """The load is stored."""
        self.load = None
        self.stored_count += load.count
        for collected, numbers in load.numbers.items():
            collected.store(numbers)


def size_of(parcel: Parcel) -> int:
    """The bytes of a parcel's values."""
    return sum(map(len, parcel.values))


def _cut(parcel: Parcel, start: int, end: int) -> Parcel:
    return Parcel(
        parcel.producer_id,
        parcel.name,
        parcel.sink_seqs[start:end],
        parcel.seqs[start:end],
        parcel.values[start:end],
    )
