"""Where a producer's results go: its outlets, and the numbers that it has given for them.

An **outlet** is an inbox, whichever node serves it, or one node of a sink without inbox. Of several
that could take a result, the one with the highest hash over its id and the task's key takes it
(rendezvous hashing: when one goes, only what it had is moved; Thaler and Ravishankar, 1998).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from zmqwork.core.delivery import Destination
from zmqwork.core.lifecycle import SUCCEEDED
from zmqwork.core.peer import OPEN, Peer
from zmqwork.core.ranges import Ranges

if TYPE_CHECKING:
    from zmqwork.core.lanes import Lane
    from zmqwork.core.ledger import Entry, TaskSpec

# Endpoints of a sink that its workers are told.
_ENDPOINTS_MAX = 4

# Outlets that are gone and owe nothing are forgotten, the oldest first, beyond so many.
OUTLETS_MAX = 4096


class Outlet:
    """Everything between this producer and one place where results go.

    Attributes:
        id: the inbox's, or the sink's node id.
        inbox: the inbox's id; empty for a sink without.
        names: the names under which it takes results.
        peer: the sink that serves it, or did last; None: none was met yet.
        usable: whether that sink is alive, in session and not draining.
        draining: whether it said that it takes nothing new.
        next: the number that is given next.
        open: the tasks with a number here that are not settled. Bound: the ledger.
        asked: of these, those whose worker was lost: whether the result is here is being asked.
        succeeded: numbers that have a result here.
        taken: what the sink said to have at the beginning of its session.
        sparse: whether numbers are given out of order, so that no floor can be told.
        floor: the floor told last.
    """

    __slots__ = (
        "asked",
        "draining",
        "floor",
        "id",
        "inbox",
        "names",
        "next",
        "open",
        "peer",
        "sparse",
        "succeeded",
        "taken",
        "usable",
    )

    def __init__(self, outlet_id: str, inbox: str) -> None:
        self.id = outlet_id
        self.inbox = inbox
        self.names: tuple[str, ...] = ()
        self.peer: Peer | None = None
        self.usable = self.draining = False
        self.next = 1
        self.open: dict[int, Entry] = {}
        self.asked: dict[int, Entry] = {}
        self.succeeded = 0
        self.taken = Ranges()
        self.sparse = False
        self.floor = 0

    def __repr__(self) -> str:
        return f"<Outlet {self.id}, {len(self.open)} of {self.next - 1} open>"

    @property
    def session(self) -> Peer | None:
        """The sink, if it can be told something."""
        peer = self.peer
        return peer if peer is not None and peer.stage == OPEN else None

    @property
    def label(self) -> str:
        """How people tell it apart."""
        name = self.peer.label if self.peer is not None else ""
        return f"{name} (inbox {self.inbox})" if self.inbox else name

    def give(self, entry: Entry) -> None:
        """Give a task the next number, or keep the one that it brought."""
        if entry.sink_seq:
            self.sparse = True
        else:
            entry.sink_seq = self.next
        self.next = max(self.next, entry.sink_seq + 1)
        entry.outlet = self
        self.open[entry.sink_seq] = entry

    def take_back(self, entry: Entry) -> None:
        """The task's result goes elsewhere: its number is not used."""
        self.open.pop(entry.sink_seq, None)
        self.asked.pop(entry.sink_seq, None)
        entry.outlet = None
        entry.sink_seq = 0

    def settle(self, entry: Entry) -> None:
        """The task is settled."""
        self.open.pop(entry.sink_seq, None)
        if entry.state == SUCCEEDED:
            self.succeeded += 1

    def lowest(self) -> int:
        """The lowest number that is not settled."""
        return next(iter(self.open), self.next)

    def destination(self, producer_id: str) -> Destination:
        """What workers are told of it, without numbers."""
        peer = self.peer
        node_id = peer.node_id if peer is not None else ""
        endpoints = list(peer.endpoints[:_ENDPOINTS_MAX]) if peer is not None else []
        return Destination(node_id, self.inbox, endpoints, producer_id, [])


class Outlets:
    """All outlets by id. Bound: the sinks, the inboxes that tasks name, OUTLETS_MAX gone ones."""

    __slots__ = ("_by_id", "_specs", "producer_id")

    def __init__(self, producer_id: str) -> None:
        self.producer_id = producer_id
        self._by_id: dict[str, Outlet] = {}
        # Specs of tasks that are bound to one inbox. Bound: one per kind of task and inbox.
        self._specs: dict[tuple[TaskSpec, str], TaskSpec] = {}

    def __iter__(self) -> Iterator[Outlet]:
        return iter(self._by_id.values())

    def of_inbox(self, inbox: str) -> Outlet:
        """The outlet of this inbox, known or new."""
        return self._by_id.setdefault(inbox, Outlet(inbox, inbox))

    def of_peer(self, peer: Peer) -> Outlet | None:
        """The outlet that this sink serves."""
        for outlet in self._by_id.values():
            if outlet.peer is peer:
                return outlet
        return None

    def admit(self, peer: Peer, names: Iterable[str], inbox: str) -> Outlet:
        """A sink said what it is: the outlet that it serves."""
        outlet_id = inbox or peer.node_id
        outlet = self._by_id.setdefault(outlet_id, Outlet(outlet_id, inbox))
        outlet.peer = peer
        outlet.names = tuple(names)
        self._prune()
        return outlet

    def _prune(self) -> None:
        spare = len(self._by_id) - OUTLETS_MAX
        for outlet in list(self._by_id.values())[: max(0, spare)]:
            if not outlet.usable and not outlet.open:
                del self._by_id[outlet.id]

    def bind(self, entry: Entry) -> Outlet:
        """Bind a task to one of the inboxes that it names, and number it there."""
        given = entry.spec
        inbox = given.inbox
        if not inbox:
            inboxes = given.options.inboxes
            inbox = inboxes[0] if len(inboxes) == 1 else highest(inboxes, self._key(entry))
            bound = self._specs.get((given, inbox))
            if bound is None:
                bound = self._specs[given, inbox] = replace(given, inbox=inbox)
            entry.spec = bound
        outlet = self.of_inbox(inbox)
        outlet.give(entry)
        return outlet

    def serves(self, lane: Lane) -> bool:
        """Whether results of this lane's tasks could be taken by somebody now."""
        if lane.inbox:
            return self.of_inbox(lane.inbox).usable
        return not lane.sink or any(lane.sink in o.names and o.usable for o in self)

    def living(self, name: str) -> list[Outlet]:
        """Those that take results under this name now."""
        return [o for o in self._by_id.values() if o.usable and name in o.names]

    def choose(self, entry: Entry, living: list[Outlet]) -> None:
        """Give a task that is not bound to an inbox one of these, and a number there."""
        if len(living) == 1:
            living[0].give(entry)
            return
        chosen = highest([outlet.id for outlet in living], self._key(entry))
        self._by_id[chosen].give(entry)

    def _key(self, entry: Entry) -> str:
        return entry.spec.options.key or f"{self.producer_id}-{entry.seq}"


def highest(ids: Iterable[str], key: str) -> str:
    """Which of these outlets takes what has this key."""
    return max(ids, key=lambda outlet_id: _weight(outlet_id, key))


def _weight(outlet_id: str, key: str) -> bytes:
    return blake2b(f"{outlet_id}\0{key}".encode(), digest_size=8).digest()
