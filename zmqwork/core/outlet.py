"""One place where a producer's results go: an inbox, whichever node serves it, or a plain sink."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from zmqwork.core.delivery import Destination
from zmqwork.core.lifecycle import ALIVE, SUCCEEDED
from zmqwork.core.peer import OPEN, Peer
from zmqwork.core.ranges import Ranges

if TYPE_CHECKING:
    from zmqwork.core.ledger import Entry
    from zmqwork.core.messages import Welcome

# Endpoints of a sink that its workers are told.
_ENDPOINTS_MAX = 4

# Each process with a journal has numbers of its own: those that the one before gave to tasks that
# are bound to no inbox are not in the journal, and their results may yet be on their way.
EPOCH_NUMBERS = 2**32


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
        before: of each earlier process of which a number below `first` is known here: the greatest
            such number, by the least that it could give. Bound: the processes that a task of the
            ledger has seen, and the last one.
        first: no other number below this was given here.
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
        "before",
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
        self.before: dict[int, int] = {}
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
        return bool(self.spans)

    @property
    def spans(self) -> list[list[int]]:
        """The numbers that there are here, given or brought, by process: [first, last] each.

        Of a process before the last one, those that are known to have been given.
        """
        own = [(self.first, self.next - 1)] if self.next > self.first else []
        return [[first, last] for first, last in sorted(self.before.items()) + own]

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

    def remember(self, newest: int) -> None:
        """An earlier process has given numbers here up to this one."""
        if newest < self.first:
            self._remember(newest)
        else:
            self.next = max(self.next, newest + 1)

    def _remember(self, number: int) -> None:
        least = 1 + (number - 1) // EPOCH_NUMBERS * EPOCH_NUMBERS
        self.before[least] = max(self.before.get(least, 0), number)

    def give(self, entries: Iterable[Entry]) -> None:
        """Give tasks the next numbers; those that brought one keep it."""
        opened, following = self.open, self.next
        for entry in entries:
            number = entry.sink_seq
            if number:
                self.sparse = True
                if number < self.first:
                    self._remember(number)
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
        peer, node_id = server.peer, server.welcome.node_id
        endpoints = list(peer.endpoints[:_ENDPOINTS_MAX])
        return Destination(node_id, self.inbox, endpoints, producer_id, [], peer.fingerprint)
