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

from zmqwork.core.lifecycle import LOST
from zmqwork.core.outlet import EPOCH_NUMBERS, Outlet, Server
from zmqwork.core.peer import Peer
from zmqwork.core.ranges import Ranges

if TYPE_CHECKING:
    from zmqwork.core.lanes import Lane
    from zmqwork.core.ledger import Entry, TaskSpec
    from zmqwork.core.messages import Welcome

# Outlets that are gone and owe nothing are forgotten, the oldest first, beyond so many.
OUTLETS_MAX = 4096

# Kinds of tasks, bound to an inbox each, that are remembered: one that comes again is the same.
SPECS_MAX = 1024


class Outlets:
    """All outlets by id. Bound: the sinks, the inboxes that tasks name, OUTLETS_MAX gone ones."""

    __slots__ = ("_beyond", "_by_id", "_by_node", "_first", "_living", "_specs", "producer_id")

    def __init__(self, producer_id: str, epoch: int = 0) -> None:
        self.producer_id = producer_id
        self._first = 1 + max(0, epoch - 1) * EPOCH_NUMBERS
        self._by_id: dict[str, Outlet] = {}
        # What each node serves. Bound: the sinks in session or doubt.
        self._by_node: dict[str, Outlet] = {}
        # Specs of tasks, by identity, and what they are when bound to one inbox. Bound: SPECS_MAX.
        self._specs: dict[tuple[int, str], tuple[TaskSpec, TaskSpec]] = {}
        # Who takes results of each name, until that changes. Bound: the names that tasks have.
        self._living: dict[str, list[Outlet]] = {}
        # Above all numbers that were given for outlets that are forgotten.
        self._beyond = 0

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Outlet]:
        return iter(self._by_id.values())

    def get(self, outlet_id: str) -> Outlet | None:
        """The outlet with this id."""
        return self._by_id.get(outlet_id)

    def of_inbox(self, inbox: str) -> Outlet:
        """The outlet of this inbox, known or new."""
        outlet = self._by_id.get(inbox)
        if outlet is None:
            outlet = self._by_id[inbox] = Outlet(inbox, inbox, self._first)
        return outlet

    # -- sinks --------------------------------------------------------------------------------

    def of_peer(self, peer: Peer) -> tuple[Outlet, Server] | None:
        """The outlet that this sink serves, first or as a second one."""
        outlet = self._by_node.get(peer.node_id)
        server = outlet.servers.get(peer.node_id) if outlet is not None else None
        if outlet is None or server is None or server.peer is not peer:
            return None  # no sink, or the same node under another peer
        return outlet, server

    def admit(self, peer: Peer, welcome: Welcome) -> Outlet:
        """A sink said what it is: the outlet that it serves from now on."""
        outlet_id = welcome.inbox or peer.node_id
        outlet = self._by_id.get(outlet_id)
        taken = Ranges(welcome.taken)
        if outlet is None:
            outlet = self._by_id[outlet_id] = Outlet(outlet_id, welcome.inbox, self._first)
            if not welcome.inbox:
                # Perhaps it was forgotten here, or knows this producer id from an earlier process.
                outlet.next = max(outlet.next, taken.end, self._beyond)
        before = self._by_node.get(peer.node_id)
        if before is not None:  # the same outlet, unless the node says another thing than it did
            before.servers.pop(peer.node_id).gone = LOST
        outlet.server = Server(peer, welcome)
        outlet.servers[peer.node_id] = outlet.server
        outlet.taken = taken
        outlet.floor = 0
        self._by_node[peer.node_id] = outlet
        self.changed()
        self._prune()
        return outlet

    def dismiss(self, outlet: Outlet, server: Server, how: str = LOST) -> None:
        """A node is gone, and with it what it served, unless another one does that, too."""
        node_id = server.welcome.node_id
        server.gone = how
        del outlet.servers[node_id], self._by_node[node_id]
        self.changed()

    def changed(self) -> None:
        """Somebody can be used from now on, or no more."""
        self._living.clear()

    def _prune(self) -> None:
        spare = len(self._by_id) - OUTLETS_MAX
        if spare <= 0:
            return
        # (The numbers of an inbox are never given again, so that it is kept if it has any.)
        idle = [o for o in self if o.gone and not o.open and (not o.inbox or not o.is_used)]
        for outlet in idle[:spare]:
            self._beyond = max(self._beyond, outlet.next)
            del self._by_id[outlet.id]

    # -- tasks --------------------------------------------------------------------------------

    def bind(self, entry: Entry) -> None:
        """Bind a task to one of the inboxes that it names, and number it there."""
        given = entry.spec
        inbox = given.inbox
        if not inbox:
            inboxes = given.options.inboxes
            inbox = inboxes[0] if len(inboxes) == 1 else highest(inboxes, self._key(entry))
            entry.spec = self._bound(given, inbox)
        self.of_inbox(inbox).give((entry,))

    def _bound(self, given: TaskSpec, inbox: str) -> TaskSpec:
        found = self._specs.get((id(given), inbox))
        if found is None:
            if len(self._specs) >= SPECS_MAX:
                self._specs.clear()
            found = self._specs[id(given), inbox] = given, replace(given, inbox=inbox)
        return found[1]

    def serves(self, lane: Lane) -> bool:
        """Whether results of this lane's tasks could be taken by somebody now."""
        if lane.inbox:
            outlet = self._by_id.get(lane.inbox)
            return outlet is not None and outlet.usable
        return not lane.sink or bool(self.living(lane.sink))

    def living(self, name: str) -> list[Outlet]:
        """Those that take results under this name now."""
        living = self._living.get(name)
        if living is None:
            living = self._living[name] = [o for o in self if o.usable and name in o.names]
        return living

    def choose(self, entry: Entry, living: list[Outlet]) -> Outlet:
        """Give a task that is not bound to an inbox one of these, and a number there."""
        chosen = highest([outlet.id for outlet in living], self._key(entry))
        outlet = self._by_id[chosen]
        outlet.give((entry,))
        return outlet

    def part(self, lane: Lane, entries: list[Entry]) -> list[tuple[Outlet, list[Entry]]]:
        """Part tasks of this lane by their outlets; those get one that have none living."""
        if lane.inbox:
            return [(self.of_inbox(lane.inbox), entries)]
        living = self.living(lane.sink)
        if len(living) == 1 and not any(entry.outlet for entry in entries):
            living[0].give(entries)
            return [(living[0], entries)]
        parts: dict[str, tuple[Outlet, list[Entry]]] = {}
        for entry in entries:
            outlet = entry.outlet
            if outlet is not None and outlet.gone:
                outlet.take_back(entry)
                outlet = None
            if outlet is None:
                outlet = self.choose(entry, living)
            parts.setdefault(outlet.id, (outlet, []))[1].append(entry)
        return list(parts.values())

    def _key(self, entry: Entry) -> str:
        return entry.spec.options.key or f"{self.producer_id}-{entry.seq}"


def highest(ids: Iterable[str], key: str) -> str:
    """Which of these outlets takes what has this key."""
    return max(ids, key=lambda id_: blake2b(f"{id_}\0{key}".encode(), digest_size=8).digest())
