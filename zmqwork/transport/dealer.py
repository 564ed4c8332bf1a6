"""One dialled link: a DEALER with one endpoint, whose POLLOUT says whether the peer is there."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import zmq

from zmqwork.core.events import Event
from zmqwork.core.link_events import (
    Garbled,
    LinkDown,
    LinkUp,
    Received,
)
from zmqwork.core.messages import Message
from zmqwork.errors import DecodeError, EncodeError
from zmqwork.transport.options import configure, say_farewell
from zmqwork.wire.codec import Decoder, encode
from zmqwork.wire.parts import Frame

_log = logging.getLogger("zmqwork")

# Messages taken from one socket before the others have their turn.
RECEIVE_BUDGET = 256

# As plain integers: the operators of enum flags are Python code, and cost 2 us each.
DONTWAIT = int(zmq.DONTWAIT)
POLLIN = int(zmq.POLLIN)
_MORE = int(zmq.DONTWAIT) | int(zmq.SNDMORE)
_POLLOUT = int(zmq.POLLOUT)
_EVENTS = int(zmq.EVENTS)
_RCVMORE = int(zmq.RCVMORE)

# From here on a frame is sent without a copy: below, the bookkeeping costs more (pyzmq's notes).
COPY_BYTES_MAX = 65_536


def socket_events(socket: zmq.Socket[bytes]) -> int:
    """POLLIN and POLLOUT of a socket; asking also lets libzmq process its commands."""
    state = socket.getsockopt(_EVENTS)
    assert isinstance(state, int)
    return state


def encode_or_drop(number: int, message: Message) -> list[list[Frame]]:
    """The frames of a message; none for one that cannot be encoded, which is a bug of ours.

    Its number is missing then at the other side, which ends the session; the next one tells what
    did not arrive. The node itself goes on.
    """
    try:
        return encode(number, message)
    except EncodeError:
        _log.exception("message %d (%s) is dropped", number, type(message).__name__)
        return []


def receive_frames(socket: zmq.Socket[bytes]) -> list[bytes]:
    """Take a message that is known to be there: to try and fail costs ten times an answer."""
    frames = [socket.recv(DONTWAIT)]
    while socket.getsockopt(_RCVMORE):
        frames.append(socket.recv(DONTWAIT))
    return frames


def send_frames(socket: zmq.Socket[bytes], frames: Sequence[Frame]) -> None:
    """Send one multipart message without waiting. Raises `zmq.ZMQError` if nobody takes it."""
    for frame in frames[:-1]:
        socket.send(frame, _MORE, copy=len(frame) <= COPY_BYTES_MAX)
    frame = frames[-1]
    socket.send(frame, DONTWAIT, copy=len(frame) <= COPY_BYTES_MAX)


class Dealer:
    """A dialled link.

    The bound ROUTER sends an empty message at each connection. A second one means that the peer
    was gone and is back between two looks: the session is over all the same.
    """

    __slots__ = ("_decoder", "_greeted", "_socket", "_up", "endpoint", "fd", "link")

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], link: int, endpoint: str) -> None:
        """Begin to connect. Raises `zmq.ZMQError` if the endpoint makes no sense."""
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
            self._socket.connect(endpoint)
        except zmq.ZMQError:
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
        if state & _POLLOUT:
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

    def close(self, *, farewell: bool = False) -> None:
        """Close the link; `farewell`: what was sent may still leave, for a moment."""
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
