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
from zmqwork.core.lifecycle import ALIVE, LOST, SUCCEEDED
from zmqwork.core.peer import OPEN, Peer
from zmqwork.core.ranges import Ranges

if TYPE_CHECKING:
    from zmqwork.core.lanes import Lane
    from zmqwork.core.ledger import Entry, TaskSpec
    from zmqwork.core.messages import Welcome

# Endpoints of a sink that its workers are told.
_ENDPOINTS_MAX = 4

# Outlets that are gone and owe nothing are forgotten, the oldest first, beyond so many.
OUTLETS_MAX = 4096

# Kinds of tasks, bound to an inbox each, that are remembered: one that comes again is the same.
SPECS_MAX = 1024

# Each process with a journal has numbers of its own: those that the one before gave to tasks that
# are bound to no inbox are not in the journal, and their results may yet be on their way.
_EPOCH_NUMBERS = 2**32


class Server:
    """A node that serves an outlet.

    Attributes:
        peer: its peer, until it is gone: then another node may answer there.
        welcome: what it said of itself.
        draining: whether it said that it takes nothing new.
        gone: how it went, ``lost`` or ``left``; empty as long as it is in session or doubt.
    """

    __slots__ = ("draining", "gone", "peer", "welcome")

    def __init__(self, peer: Peer, welcome: Welcome) -> None:
        self.peer = peer
        self.welcome = welcome
        self.draining = False
        self.gone = ""

    @property
    def state(self) -> str:
        """What is believed of it."""
        return self.gone or self.peer.state

    @property
    def in_session(self) -> bool:
        """Whether it can be told something."""
        return not self.gone and self.peer.stage == OPEN

    @property
    def usable(self) -> bool:
        """Whether it is alive, in session and not draining."""
        return self.in_session and self.peer.state == ALIVE and not self.draining

    @property
    def label(self) -> str:
        """How people tell it apart."""
        return f"{self.welcome.name}#{self.welcome.node_id[:4]}"


class Outlet:
    """Everything between this producer and one place where results go.

    Attributes:
        id: the inbox's, or the sink's node id.
        inbox: the inbox's id; empty for a sink without.
        server: the sink that serves it, or did last; None: none was met yet.
        servers: all that do, by node id, the newest last: a new process of an inbox may come before
            the old one goes. Bound: the sinks in session or doubt.
        first: below this no number was given here.
        next: the number that is given next.
        open: the tasks with a number here that are not settled, by seq, in the order of their
            numbers unless it is `sparse`. Bound: the ledger.
        asked: of these, those whose worker was lost: whether the result is here is being asked.
        succeeded: numbers that have a result here, as far as that is certain: where the result of
            a task is that has changed its outlet, its worker's DONE does not say.
        taken: what the sink said to have at the beginning of its session.
        sparse: whether numbers are given out of order, so that no floor can be told.
        floor: the floor told last in this session.
    """

    __slots__ = (
        "_moved_first",
        "_moved_last",
        "asked",
        "first",
        "floor",
        "id",
        "inbox",
        "next",
        "open",
        "server",
        "servers",
        "sparse",
        "succeeded",
        "taken",
    )

    def __init__(self, outlet_id: str, inbox: str, first: int = 1) -> None:
        self.id = outlet_id
        self.inbox = inbox
        self.server: Server | None = None
        self.servers: dict[str, Server] = {}
        self.first = self.next = first
        self.open: dict[int, Entry] = {}
        self.asked: dict[int, Entry] = {}
        self.succeeded = 0
        self.taken = Ranges()
        self.sparse = False
        self.floor = 0
        # Of numbers whose tasks went elsewhere: the lowest, and the newest such task; zeros: none.
        self._moved_first = self._moved_last = 0

    def __repr__(self) -> str:
        return f"<Outlet {self.id}, {len(self.open)} of {self.next - 1} open>"

    @property
    def is_used(self) -> bool:
        """Whether any number was ever given here."""
        return self.next > self.first

    @property
    def names(self) -> list[str]:
        """The names under which it takes results."""
        return self.server.welcome.sinks if self.server is not None else []

    @property
    def usable(self) -> bool:
        """Whether results may be sent there now."""
        return self.server is not None and self.server.usable

    @property
    def state(self) -> str:
        """What is believed of its sink: a peer's state, ``draining`` or ``unknown``."""
        if self.server is None:
            return "unknown"
        return "draining" if self.server.draining and self.server.in_session else self.server.state

    @property
    def gone(self) -> bool:
        """Whether its sink was given up, so that what need not go there goes elsewhere."""
        return self.server is not None and bool(self.server.gone)

    @property
    def session(self) -> Peer | None:
        """The sink, if it can be told something."""
        return self.server.peer if self.server is not None and self.server.in_session else None

    @property
    def label(self) -> str:
        """How people tell it apart."""
        name = self.server.label if self.server is not None else ""
        return f"{name} (inbox {self.inbox})".lstrip() if self.inbox else name

    def give(self, entries: Iterable[Entry]) -> None:
        """Give tasks the next numbers; those that brought one keep it."""
        opened, following = self.open, self.next
        for entry in entries:
            number = entry.sink_seq
            if number:
                self.sparse = True
            else:
                entry.sink_seq = number = following
            if number >= following:
                following = number + 1
            entry.outlet = self
            opened[entry.seq] = entry
        self.next = following

    def take_back(self, entry: Entry) -> None:
        """The task's result goes elsewhere: its number is not used again."""
        self.open.pop(entry.seq, None)
        self.asked.pop(entry.seq, None)
        # A worker that has not heard of it may deliver it here still.
        if entry.attempt:
            entry.troubled().moved = True
        first = self._moved_first
        self._moved_first = min(first, entry.sink_seq) if first else entry.sink_seq
        self._moved_last = max(self._moved_last, entry.seq)
        entry.outlet = None
        entry.sink_seq = 0

    def settle(self, entry: Entry) -> None:
        """The task is settled; nothing happens if that is known."""
        if self.open.pop(entry.seq, None) is None:
            return
        if self.asked:
            self.asked.pop(entry.seq, None)
        if entry.state == SUCCEEDED and not (entry.trouble is not None and entry.trouble.moved):
            self.succeeded += 1

    def lowest(self, oldest: int) -> int:
        """The lowest number whose task is not settled; `oldest` is the seq of the oldest task."""
        if self._moved_last < oldest:
            self._moved_first = self._moved_last = 0
        first = next(iter(self.open.values()), None)
        lowest = self.next if first is None else first.sink_seq
        return min(lowest, self._moved_first) if self._moved_first else lowest

    def destination(self, producer_id: str) -> Destination:
        """What workers are told of it, without numbers."""
        server = self.server
        if server is None:
            return Destination("", self.inbox, [], producer_id, [])
        endpoints = list(server.peer.endpoints[:_ENDPOINTS_MAX])
        return Destination(server.welcome.node_id, self.inbox, endpoints, producer_id, [])


class Outlets:
    """All outlets by id. Bound: the sinks, the inboxes that tasks name, OUTLETS_MAX gone ones."""

    __slots__ = ("_beyond", "_by_id", "_by_node", "_first", "_living", "_specs", "producer_id")

    def __init__(self, producer_id: str, epoch: int = 0) -> None:
        self.producer_id = producer_id
        self._first = 1 + max(0, epoch - 1) * _EPOCH_NUMBERS
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
