"""One dialled link: a DEALER with one endpoint, whose POLLOUT says whether the peer is there."""

from __future__ import annotations

import zmq

from zmqwork.core.events import Event
from zmqwork.core.link_events import (
    Garbled,
    LinkDown,
    LinkUp,
    Received,
)
from zmqwork.core.messages import Message
from zmqwork.errors import DecodeError
from zmqwork.security.pairs import Pair
from zmqwork.transport import curve
from zmqwork.transport.curve import Handshake
from zmqwork.transport.frames import (
    POLLIN,
    POLLOUT,
    RECEIVE_BUDGET,
    encode_or_drop,
    receive_frames,
    send_frames,
    socket_events,
)
from zmqwork.transport.options import configure, say_farewell
from zmqwork.wire.codec import Decoder

# From here on a message ends an event: what a batch of results brings is settled before the next
# one is looked at, while it is in the processor's cache.
_LARGE_BYTES = 4096


class Dealer:
    """A dialled link.

    The bound ROUTER sends an empty message at each connection. A second one means that the peer
    was gone and is back between two looks: the session is over all the same.
    """

    __slots__ = ("_decoder", "_greeted", "_socket", "_up", "endpoint", "fd", "handshake", "link")

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        link: int,
        endpoint: str,
        keys: tuple[Pair, str] | None = None,
    ) -> None:
        """Begin to connect; with `keys`, our own and the public one of who must be there.

        Raises `zmq.ZMQError` if the endpoint makes no sense.
        """
        self.handshake: Handshake | None = None
        self.link = link
        self.endpoint = endpoint
        self._socket = context.socket(zmq.DEALER)
        self._decoder = Decoder()
        self._up = False
        self._greeted = False
        try:
            configure(self._socket)
            if "[" in endpoint:  # libzmq takes no IPv6 address without being told
                self._socket.setsockopt(zmq.IPV6, 1)
            if keys is not None:
                curve.dial(self._socket, *keys)
                self.handshake = Handshake(context, self._socket)
            self._socket.connect(endpoint)
        except zmq.ZMQError:
            self.end_handshake()
            self._socket.close(0)
            raise
        fd = self._socket.getsockopt(zmq.FD)
        assert isinstance(fd, int)
        self.fd = fd

    def receive(self, events: list[Event]) -> bool:
        """Append what has happened on the link; True if there may be more to read.

        The descriptor signals edges only, so call this after every send, too.
        """
        state = socket_events(self._socket)
        if state & POLLIN:
            self._rise(events)
            state = self._drain(events)
        if state < 0:
            return False
        if state & POLLOUT:
            self._rise(events)
        elif self._up:
            self._lose(events)
            return False
        return bool(state & POLLIN)

    def _drain(self, events: list[Event]) -> int:
        """Read what is there, within the budget; then the socket's events, or -1: session over."""
        socket, decode = self._socket, self._decoder.decode
        messages: list[tuple[int, Message]] = []
        for _ in range(RECEIVE_BUDGET):
            frames = receive_frames(socket)
            if frames == [b""]:
                if self._greeted:
                    self._lose(events)
                    return -1
                self._greeted = True
            else:
                try:
                    numbered = decode(frames)
                except DecodeError as error:
                    events.append(Garbled(self.link, str(error)))
                    return -1
                if numbered is not None:
                    messages.append(numbered)
                    if sum(map(len, frames)) >= _LARGE_BYTES:
                        events.append(Received(self.link, messages))
                        messages = []
            state = socket_events(socket)
            if not state & POLLIN:
                break
        events.append(Received(self.link, messages))
        return state

    def send(self, number: int, message: Message) -> bool:
        """Send a message; False if the peer is gone."""
        try:
            for frames in encode_or_drop(number, message):
                send_frames(self._socket, frames)
        except zmq.ZMQError:
            return False
        return True

    def end_handshake(self) -> None:
        """It is known how it went, or of no interest."""
        if self.handshake is not None:
            self.handshake.close()
            self.handshake = None

    def close(self, *, farewell: bool = False) -> None:
        """Close the link; `farewell`: what was sent may still leave, for a moment."""
        self.end_handshake()
        if farewell:
            say_farewell(self._socket)
        self._socket.close()

    def _rise(self, events: list[Event]) -> None:
        if not self._up:
            self._up = True
            events.append(LinkUp(self.link))

    def _lose(self, events: list[Event]) -> None:
        self._up = False
        events.append(LinkDown(self.link))
