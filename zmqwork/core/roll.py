"""All producers that a sink knows: by their ids, as long as they may come again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from zmqwork.core.collected import Collected
from zmqwork.core.ranges import Ranges

# Beyond so many, those that are gone are forgotten, the one that was heard of first, first. What a
# forgotten one sends again is stored again. A sink without inbox forgets them all at its end; for
# one with inbox it would break its word, so that it keeps far more (some 700 bytes each), and the
# machine tells people when it is too many.
PRODUCERS_MAX = 4096
INBOX_PRODUCERS_MAX = 65_536


class Roll:
    """The producers of a sink.

    Args:
        taken: what an inbox remembers: the ranges of each producer id, the latest last.
        counts: how many results it has of each.
        producers_max: see PRODUCERS_MAX. Those that are connected, or of whom something is held,
            are kept beyond it.

    Attributes:
        met: those that were connected in the life of this process, or sent a result.
        forgotten: how many were.
    """

    __slots__ = ("_all", "_by_node", "_complete", "_max", "forgotten", "met")

    def __init__(
        self, taken: Mapping[str, Ranges], counts: Mapping[str, int], producers_max: int
    ) -> None:
        self._max = producers_max
        self._all = {
            key: Collected(key, ranges, counts.get(key, 0)) for key, ranges in taken.items()
        }
        self._by_node: dict[str, Collected] = {}  # bound: the listener's clients
        self.met: dict[str, Collected] = {}
        self.forgotten = 0
        self._complete: bool | None = None
        self._forget()

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Collected]:
        return iter(self._all.values())

    def of(self, producer_id: str) -> Collected:
        """The producer of this id, known or new."""
        collected = self.met.get(producer_id)
        if collected is None:
            collected = self._all.pop(producer_id, None) or Collected(producer_id)
            self._all[producer_id] = collected  # behind the others
            self.met[producer_id] = collected
            self._complete = None
            self._forget()
        return collected

    def of_node(self, node_id: str) -> Collected | None:
        """The producer that this connected node is."""
        return self._by_node.get(node_id)

    def connect(self, node_id: str, producer_id: str, name: str) -> Collected:
        """A node of this producer said HELLO, perhaps again."""
        before = self._by_node.get(node_id)
        if before is not None and before.producer_id != producer_id:
            self.disconnect(node_id)
            before = None
        collected = self.of(producer_id)
        if before is None:
            # Another node has gone on with it: there will be another end.
            collected.end = None
            collected.sessions += 1
            collected.name = name
            self._by_node[node_id] = collected
            self._complete = None
        return collected

    def disconnect(self, node_id: str) -> None:
        """A node is gone; nothing happens if it was no producer."""
        collected = self._by_node.pop(node_id, None)
        if collected is None:
            return
        collected.sessions -= 1
        collected.ending.pop(node_id, None)
        if not collected.sessions and not collected.received and collected.end is None:
            # It had nothing for us: nobody waits for its end.
            del self.met[collected.producer_id]
        self._complete = None

    def changed(self) -> None:
        """Somebody said END, or goes on after it."""
        self._complete = None

    @property
    def is_complete(self) -> bool:
        """Whether all that were met have said END, and somebody has."""
        if self._complete is None:
            met = self.met.values()
            self._complete = bool(met) and all(collected.end is not None for collected in met)
        return self._complete

    def _forget(self) -> None:
        """Forget who is gone, if there are too many; whoever is passed over goes to the end."""
        # (Never the newest, which may be about to be connected.)
        for producer_id in list(islice(self._all, max(0, len(self._all) - self._max))):
            collected = self._all.pop(producer_id)
            if collected.is_idle:
                self.met.pop(producer_id, None)
                self._complete = None
                self.forgotten += 1
            else:
                self._all[producer_id] = collected
