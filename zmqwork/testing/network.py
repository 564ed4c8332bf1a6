"""Links as libzmq has them (DESIGN 4), in memory, with the faults that are asked for.

A link is a DEALER that dialled a ROUTER: one FIFO pipe in each direction. What was measured of
libzmq holds here too: the dialling side learns of a vanished peer within milliseconds, and loses
what it had received but not read; the bound side learns of it only when it sends, and still reads
what had arrived; a peer that is cut off or stopped is gone after the ZMTP heartbeat time-out.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from zmqwork.core.messages import Message
from zmqwork.testing.clock import FakeClock
from zmqwork.testing.connection import Conditions, Connection, Pipe, Port
from zmqwork.wire.codec import Decoder, encode

# HEARTBEAT_TIMEOUT, and the interval in which it is noticed.
_BEAT_TIMEOUT = (4.0, 5.0)

# How soon the other end of a closed connection is told, by the kernel.
_CLOSE_DELAY = (0.003, 0.010)

# libzmq's RECONNECT_IVL, with its jitter.
_REDIAL = (0.1, 0.2)


class MemoryNetwork:
    """All links between the nodes of one run.

    Attributes:
        conditions: may be replaced at any instant; counts from the next message on.
        in_bytes: whether messages become bytes and are read again on their way.
        cut: hears of each connection that is about to break.
    """

    def __init__(
        self, clock: FakeClock, random: Random, conditions: Conditions | None = None
    ) -> None:
        self.conditions = conditions or Conditions()
        self.in_bytes = False
        self.cut: Callable[[Connection], None] = lambda _: None
        self._clock = clock
        self._random = random
        self._endpoints: dict[str, Port] = {}
        self._dials: dict[tuple[str, int], str] = {}  # what has not connected yet
        self._links: dict[tuple[str, int], Connection] = {}
        self._routes: dict[bytes, Connection] = {}
        self._ends: dict[str, dict[bytes, Connection]] = {}  # the same, by who is at its ends
        self._blocked: dict[tuple[str, str], int] = {}  # (from, to) -> when, as a count
        self._clogged: dict[tuple[str, str], float] = {}  # (from, to) -> until when
        self._frozen: dict[str, int] = {}
        self._count = 0

    # -- what nodes do ------------------------------------------------------------------------

    def bind(self, port: Port, endpoint: str) -> None:
        """Whoever dials this endpoint reaches this node."""
        self._endpoints[endpoint] = port

    def dial(self, port: Port, link: int, endpoint: str) -> None:
        """Try until it works, or `hang_up`."""
        self._dials[port.name, link] = endpoint
        self._try(port, link)

    def send(self, port: Port, link: int | bytes, number: int, message: Message) -> None:
        """Put a message on its way; the sender learns at once if there is none."""
        if isinstance(link, bytes):
            connection = self._routes.get(link)
            usable = connection is not None and connection.bound_up
        else:
            connection = self._links.get((port.name, link))
            usable = connection is not None and connection.dialler_up
        if connection is None or not usable:
            port.link_down(link)
            return
        if connection.broken:
            return  # the sender will hear of that soon
        pipe = connection.back if isinstance(link, bytes) else connection.forth
        if self.in_bytes:
            number, message = _through_bytes(number, message)
        self._launch(pipe, connection, number, message)

    def hang_up(self, port: Port, link: int, *, farewell: bool) -> None:
        """Close a dialled link; `farewell`: what is on its way still arrives."""
        self._dials.pop((port.name, link), None)
        connection = self._links.pop((port.name, link), None)
        if connection is None:
            return
        connection.dialler_up = False
        connection.back.flight.clear()
        if not farewell:
            connection.forth.cut(self._random)
        self._tell(connection)

    # -- what is done to nodes ----------------------------------------------------------------

    def vanish(self, port: Port) -> None:
        """The process is gone, with all its sockets; its peers' kernels are told."""
        for endpoint in [e for e, p in self._endpoints.items() if p is port]:
            del self._endpoints[endpoint]
        for key in [key for key in self._dials if key[0] == port.name]:
            del self._dials[key]
        for connection in self._connections(port):
            mine, theirs = connection.forth, connection.back
            if connection.bound is port:
                mine, theirs = theirs, mine
                connection.bound_up = False
            elif not connection.dialler_up:
                continue  # hung up before
            else:
                connection.dialler_up = False
                self._links.pop((port.name, connection.link), None)
            theirs.flight.clear()
            mine.cut(self._random)
            self._tell(connection)

    def reset(self, one: Port, other: Port) -> None:
        """Break the connections between two nodes, losing any suffix in both directions."""
        for connection in self._connections(one):
            if other in (connection.dialler, connection.bound):
                self._reset(connection)

    def block(self, source: str, target: str) -> None:
        """Let nothing through in this direction, not even heartbeats, until `unblock`."""
        self._count += 1
        self._blocked[source, target] = self._count
        for connection in list(self._routes.values()):
            ends = (connection.dialler.name, connection.bound.name)
            if ends in ((source, target), (target, source)):
                self._expect_silence(connection)

    def unblock(self, source: str, target: str) -> None:
        """Let through again what TCP has kept, unless a heartbeat time-out has ended the link."""
        self._blocked.pop((source, target), None)
        self._resume()

    def clog(self, source: str, target: str, seconds: float) -> None:
        """Let nothing arrive in this direction for so long, too short for a heartbeat time-out."""
        until = self._clock.now + seconds
        self._clogged[source, target] = max(until, self._clogged.get((source, target), until))
        for connection in self._routes.values():
            for pipe in (connection.forth, connection.back):
                if pipe.flight and (pipe.source.name, pipe.target.name) == (source, target):
                    pipe.arrives_at = max(pipe.arrives_at, until)

    def unblock_all(self) -> None:
        """Let everything through again."""
        self._blocked.clear()
        self._clogged.clear()
        self._resume()

    def freeze(self, port: Port) -> None:
        """SIGSTOP: neither its runtime nor its I/O thread does anything until `thaw`."""
        self._count += 1
        self._frozen[port.name] = self._count
        for connection in self._connections(port):
            self._expect_silence(connection)

    def thaw(self, port: Port) -> None:
        """SIGCONT."""
        self._frozen.pop(port.name, None)
        for connection in self._connections(port):
            if not (connection.dialler_up and connection.bound_up):
                self._tell(connection)
        self._resume()

    def connected(self, one: str, other: str) -> bool:
        """Whether nothing is between these two."""
        return not self._is_blocked(one, other) and not self._is_blocked(other, one)

    # -- dialling -----------------------------------------------------------------------------

    def _try(self, port: Port, link: int) -> None:
        endpoint = self._dials.get((port.name, link))
        if endpoint is None:
            return
        target = self._endpoints.get(endpoint)
        if target is not None and self.connected(port.name, target.name):
            delay = self._delay() + self._delay()
            self._clock.call_later(delay, self._established, port, link, target)
        else:
            self._clock.call_later(self._random.uniform(*_REDIAL), self._try, port, link)

    def _established(self, port: Port, link: int, target: Port) -> None:
        endpoint = self._dials.get((port.name, link))
        if endpoint is None:
            return
        same = self._endpoints.get(endpoint) is target
        if not same or not self.connected(port.name, target.name):
            self._try(port, link)
            return
        del self._dials[port.name, link]
        self._count += 1
        connection = Connection(port, link, target, self._count.to_bytes(5, "big"))
        self._links[port.name, link] = self._routes[connection.route] = connection
        for end in (port, target):
            self._ends.setdefault(end.name, {})[connection.route] = connection
        port.link_up(link)

    # -- messages -----------------------------------------------------------------------------

    def _delay(self) -> float:
        return self._random.uniform(*self.conditions.delay)

    def _launch(self, pipe: Pipe, connection: Connection, number: int, message: Message) -> None:
        conditions, chance = self.conditions, self._random.random
        if conditions.reset and chance() < conditions.reset:
            self._reset(connection)
            return
        if conditions.loss and chance() < conditions.loss:
            return
        copies = 2 if conditions.duplication and chance() < conditions.duplication else 1
        for _ in range(copies):
            pipe.flight.append((number, message, (pipe.source.name, self._clock.now)))
            if conditions.reordering and len(pipe.flight) > 1 and chance() < conditions.reordering:
                pipe.flight[-1], pipe.flight[-2] = pipe.flight[-2], pipe.flight[-1]
            pipe.arrives_at = max(pipe.arrives_at, self._clock.now + self._delay())
            if self._clogged:
                until = self._clogged.get((pipe.source.name, pipe.target.name), 0.0)
                pipe.arrives_at = max(pipe.arrives_at, until)
            self._clock.call_at(pipe.arrives_at, self._arrive, pipe, connection)

    def _arrive(self, pipe: Pipe, connection: Connection) -> None:
        if not pipe.flight:
            return  # cut
        if self._is_blocked(pipe.source.name, pipe.target.name):
            pipe.stalled += 1
            return
        if self._clogged:
            until = self._clogged.get((pipe.source.name, pipe.target.name), 0.0)
            if until > self._clock.now:
                self._clock.call_at(until, self._arrive, pipe, connection)
                return
        number, message, origin = pipe.flight.popleft()
        if pipe is connection.forth:
            pipe.target.deliver(connection.route, number, message, origin)
        elif connection.dialler_up:
            pipe.target.deliver(connection.link, number, message, origin)

    def _resume(self) -> None:
        for connection in list(self._routes.values()):
            for pipe in (connection.forth, connection.back):
                if pipe.stalled and not self._is_blocked(pipe.source.name, pipe.target.name):
                    count, pipe.stalled = pipe.stalled, 0
                    for _ in range(count):
                        pipe.arrives_at = max(pipe.arrives_at, self._clock.now + self._delay())
                        self._clock.call_at(pipe.arrives_at, self._arrive, pipe, connection)

    def _is_blocked(self, source: str, target: str) -> bool:
        return (source, target) in self._blocked or target in self._frozen or source in self._frozen

    # -- ends ---------------------------------------------------------------------------------

    def _connections(self, port: Port) -> list[Connection]:
        return list(self._ends.get(port.name, {}).values())

    def _reset(self, connection: Connection) -> None:
        self.cut(connection)
        connection.broken = True
        connection.forth.cut(self._random)
        connection.back.cut(self._random)
        for end in (self._end_dialler, self._end_bound):
            self._clock.call_later(self._random.uniform(*_CLOSE_DELAY), end, connection)

    def _tell(self, connection: Connection) -> None:
        """One end closed: the other one is told behind what is still on its way."""
        for pipe, end in (
            (connection.back, self._end_dialler),
            (connection.forth, self._end_bound),
        ):
            told_at = self._clock.now + self._random.uniform(*_CLOSE_DELAY)
            self._clock.call_at(max(told_at, pipe.arrives_at), end, connection)

    def _expect_silence(self, connection: Connection) -> None:
        """Each end closes by itself if it hears nothing until the heartbeat time-out."""
        since = self._count
        for end in (self._end_dialler, self._end_bound):
            delay = self._random.uniform(*_BEAT_TIMEOUT)
            self._clock.call_later(delay, self._silent, connection, end, since)

    def _silent(
        self, connection: Connection, end: Callable[[Connection], None], since: int
    ) -> None:
        one, other = connection.dialler.name, connection.bound.name
        marks = (
            self._blocked.get((one, other)),
            self._blocked.get((other, one)),
            self._frozen.get(one),
            self._frozen.get(other),
        )
        if since in marks:  # the same silence, not a later one
            end(connection)

    def _end_dialler(self, connection: Connection) -> None:
        if not connection.dialler_up or connection.dialler.name in self._frozen:
            return
        connection.dialler_up = False
        connection.back.flight.clear()
        connection.dialler.discard(connection.link)
        self._links.pop((connection.dialler.name, connection.link), None)
        connection.dialler.link_down(connection.link)
        self._bury(connection)

    def _end_bound(self, connection: Connection) -> None:
        if connection.bound.name in self._frozen:
            return
        connection.bound_up = False
        self._bury(connection)

    def _bury(self, connection: Connection) -> None:
        if not connection.dialler_up and not connection.bound_up and not connection.forth.stalled:
            self._routes.pop(connection.route, None)
            for end in (connection.dialler, connection.bound):
                self._ends[end.name].pop(connection.route, None)


def _through_bytes(number: int, message: Message) -> tuple[int, Message]:
    """What the other side reads. Raises `DecodeError` if it cannot."""
    decoder = Decoder()
    decoded = [decoder.decode([bytes(f) for f in frames]) for frames in encode(number, message)]
    assert decoded[-1] is not None
    return decoded[-1]
