"""The bound socket of a node: one ROUTER, on as many endpoints as it has."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import zmq

from zmqwork.core.events import Event
from zmqwork.core.link_events import Garbled, LinkDown, Received
from zmqwork.core.messages import Message
from zmqwork.errors import DecodeError, TransportError
from zmqwork.security.pairs import Pair
from zmqwork.transport import curve
from zmqwork.transport.binding import bind, bind_when_free, remove_file
from zmqwork.transport.endless import Endless
from zmqwork.transport.errands import Errands
from zmqwork.transport.frames import (
    DONTWAIT,
    POLLIN,
    RECEIVE_BUDGET,
    encode_or_drop,
    receive_frames,
    send_frames,
    socket_events,
)
from zmqwork.transport.options import configure
from zmqwork.transport.visitors import Visitors
from zmqwork.wire.codec import Decoder
from zmqwork.wire.parts import Frame

# Each costs a descriptor, for as long as the sessions that began with it go on.
REMOVED_MAX = 16

_IN_USE = "another process has it: let * pick a free port (tcp://127.0.0.1:*)"


class Router:
    """The bound ROUTER. Its links are routing ids, which libzmq makes anew at each connection.

    Args:
        context: of the node.
        pair: its own key, if it has one: then whose each message is, the gatekeeper has said.
    """

    __slots__ = (
        "_decoders", "_endless", "_is_keyed", "_removed", "_socket", "endpoints", "fd", "unbound",
        "visitors",
    )  # fmt: skip

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], pair: Pair | None = None) -> None:
        self._socket = context.socket(zmq.ROUTER)
        configure(self._socket)
        self._is_keyed = pair is not None
        if pair is not None:
            curve.serve(self._socket, pair)
        # Of links with a session, and of those that the machine has not judged yet; whose they
        # are stands beside them. Bound: the listener's clients, and the links whose first message
        # was read in this turn.
        self._decoders: dict[bytes, tuple[str, Decoder]] = {}
        self._endless = Endless()
        self.visitors: Visitors | None = None
        self.endpoints: list[str] = []
        self.unbound: list[str] = []  # of these
        self._removed = 0
        fd = self._socket.getsockopt(zmq.FD)
        assert isinstance(fd, int)
        self.fd = fd

    def watch(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        errands: Errands,
        on_hostile: Callable[[bytes, str, str], None] | None = None,
    ) -> Visitors:
        """Watch who comes from now on; as `Visitors` has it."""
        self.visitors = Visitors(
            context,
            self._socket,
            self._endless,
            has_more=self._readable,
            errands=errands,
            on_hostile=on_hostile,
        )
        return self.visitors

    def bind(self, endpoint: str) -> str:
        """Bind, and return the endpoint with its real port.

        Raises:
            TransportError: the address is taken, or is not of this machine.
        """
        self.endpoints.append(bind(self._socket, endpoint, _IN_USE))
        return self.endpoints[-1]

    def bind_again(self, endpoint: str) -> None:
        """Listen anew where the file of an ipc endpoint was removed; sessions go on.

        Each time leaves a listener behind that nobody can reach. When there are too many of
        them all sessions are ended, and their peers dial anew.

        Raises:
            TransportError: there is no directory for it, or it may not be written.
        """
        # Not unbound first: libzmq ends the sessions of a listener together with it.
        if self._removed == REMOVED_MAX:
            with contextlib.suppress(zmq.ZMQError):
                self._socket.unbind(endpoint)
            self._removed = 0
        bind(self._socket, endpoint, _IN_USE)
        self._removed += 1

    def rebind(self, pair: Pair | None = None) -> str:
        """End all connections, and listen where it did; with another key if one is given.

        Returns:
            As `bind_unbound`.
        """
        if pair is not None:
            curve.serve(self._socket, pair)
        for endpoint in self.endpoints:
            with contextlib.suppress(zmq.ZMQError):
                self._socket.unbind(endpoint)
        self.unbound = list(self.endpoints)
        self._removed = 0
        return self.bind_unbound()

    def bind_unbound(self) -> str:
        """Bind what `rebind` has unbound; why the last of what could not be bound is not."""
        why = ""
        for endpoint in list(self.unbound):
            try:
                bind_when_free(self._socket, endpoint, _IN_USE)
            except TransportError as error:
                why = str(error)
            else:
                self.unbound.remove(endpoint)
        return why

    def receive(self, events: list[Event]) -> bool:
        """Append what arrived; True if there may be more to read. Call it after every send."""
        if not self._readable():
            return False
        socket, receive_link = self._socket, self._receive_link
        by_link: dict[tuple[bytes, str], list[tuple[int, Message]]] = {}
        more = True
        for _ in range(RECEIVE_BUDGET):
            link, fingerprint = origin = receive_link()  # which others follow, always
            frames = receive_frames(socket)
            messages = by_link.setdefault(origin, [])
            try:
                # (A single empty frame is somebody's own probe.)
                numbered = self._decode(origin, frames) if frames != [b""] else None
            except DecodeError as error:
                events.append(Received(link, messages, fingerprint))
                by_link[origin] = []
                events.append(Garbled(link, str(error), fingerprint))
            else:
                if numbered is not None:
                    messages.append(numbered)
            more = self._readable()
            if not more:
                break
        events += [Received(link, said, whose) for (link, whose), said in by_link.items()]
        return more

    def _receive_link(self) -> tuple[bytes, str]:
        """The first frame of a message: its link, and whose it is.

        That is said of every message anew: a routing id is what its peer has chosen.
        """
        suspects = self._endless.suspects
        if not (self._is_keyed or suspects):
            return self._socket.recv(DONTWAIT), ""
        frame = self._socket.recv(DONTWAIT, copy=False)
        link = frame.bytes
        fingerprint = str(frame.get("User-Id")) if self._is_keyed else ""
        if self.visitors is not None and (suspects or link not in self._decoders):
            descriptor = frame.get(zmq.SRCFD)
            assert isinstance(descriptor, int)
            self.visitors.heard(descriptor, link, fingerprint)
        return link, fingerprint

    def send(self, link: bytes, number: int, message: Message) -> LinkDown | None:
        """Send a message; a `LinkDown` if nobody is there any more."""
        try:
            for frames in encode_or_drop(number, message):
                send_frames(self._socket, [link, *frames])
        except zmq.ZMQError:
            return LinkDown(link)
        return None

    def forget(self, link: bytes) -> None:
        """Drop what this link has sent of transfers that are not complete."""
        self._decoders.pop(link, None)

    def close(self) -> None:
        """Unbind and close; ipc files are removed."""
        if self.visitors is not None:
            self.visitors.close()
        for endpoint in self.endpoints:
            with contextlib.suppress(zmq.ZMQError):
                self._socket.unbind(endpoint)
            remove_file(endpoint)
        self._socket.close()

    def _readable(self) -> bool:
        return bool(socket_events(self._socket) & POLLIN)

    def _decode(self, origin: tuple[bytes, str], frames: list[Frame]) -> tuple[int, Message] | None:
        link, fingerprint = origin
        known = self._decoders.get(link)
        if known is not None and known[0] == fingerprint:
            return known[1].decode(frames)
        decoder = Decoder()
        numbered = decoder.decode(frames)
        if numbered is None:
            raise DecodeError("a PART before any message: nobody said HELLO on this link")
        if known is None:  # else the machine will not hear who took the link over
            self._decoders[link] = fingerprint, decoder
        return numbered
