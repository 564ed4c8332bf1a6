"""Messages to and from sockets, frame by frame, and what a socket says of itself."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import zmq

from zmqwork.core.messages import Message
from zmqwork.errors import EncodeError
from zmqwork.wire.codec import encode
from zmqwork.wire.limits import FRAMES_MAX
from zmqwork.wire.parts import Frame

_log = logging.getLogger("zmqwork")

# Messages taken from one socket before the others have their turn.
RECEIVE_BUDGET = 256

# As plain integers: the operators of enum flags are Python code, and cost 2 us each.
DONTWAIT = int(zmq.DONTWAIT)
POLLIN = int(zmq.POLLIN)
_MORE = int(zmq.DONTWAIT) | int(zmq.SNDMORE)
POLLOUT = int(zmq.POLLOUT)
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


def receive_frames(socket: zmq.Socket[bytes]) -> list[Frame]:
    """Take a message that is known to be there: to try and fail costs ten times an answer.

    Its first frame is bytes. Others are large, and are views of libzmq's memory, which they keep:
    whoever puts parts together copies them once. Of more than FRAMES_MAX one more is kept, so that
    it is seen.
    """
    frames: list[Frame] = [socket.recv(DONTWAIT)]
    while socket.getsockopt(_RCVMORE):
        frame = socket.recv(DONTWAIT, copy=False)
        if len(frames) <= FRAMES_MAX:
            frames.append(frame.buffer)
    return frames


def send_frames(socket: zmq.Socket[bytes], frames: Sequence[Frame]) -> None:
    """Send one multipart message without waiting. Raises `zmq.ZMQError` if nobody takes it."""
    for frame in frames[:-1]:
        socket.send(frame, _MORE, copy=len(frame) <= COPY_BYTES_MAX)
    frame = frames[-1]
    socket.send(frame, DONTWAIT, copy=len(frame) <= COPY_BYTES_MAX)
