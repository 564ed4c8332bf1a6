"""What libzmq's own thread tells of a socket's connections, as events to read."""

from __future__ import annotations

import itertools
import struct
import sys
from collections.abc import Iterator

import zmq

from zmqwork.transport.frames import DONTWAIT, POLLIN, socket_events

_names = itertools.count()
_EVENT = struct.Struct("=Hi")


class Monitor:
    """The monitor of one socket.

    Open it before the socket is bound or connected, and close it before the socket: libzmq's own
    thread would wait for somebody to read the news (libzmq #3575).

    Attributes:
        ear: where the news arrive; `zmq.FD` of it tells that there are some.
    """

    def __init__(
        self, context: zmq.Context[zmq.Socket[bytes]], socket: zmq.Socket[bytes], events: int
    ) -> None:
        name = f"inproc://zmqwork-monitor-{next(_names)}"
        socket.monitor(name, events)
        self._socket = socket
        self.ear = context.socket(zmq.PAIR)
        # libzmq's thread waits where this queue is full, and its messages with it. Bound: six
        # bytes and an endpoint for each connection that came or went since the last look.
        self.ear.setsockopt(zmq.RCVHWM, 0)
        self.ear.setsockopt(zmq.LINGER, 0)
        self.ear.connect(name)
        # Its descriptor signals only what comes after a look that has found nothing.
        socket_events(self.ear)

    def news(self, most: int = sys.maxsize) -> Iterator[tuple[int, int, bytes]]:
        """What has happened since the last call: the event, its value, the endpoint.

        After `most` of them there may be more, of which the descriptor tells nothing.
        """
        while most > 0 and socket_events(self.ear) & POLLIN:
            most -= 1
            event, value = _EVENT.unpack(self.ear.recv(DONTWAIT))
            yield event, value, self.ear.recv(DONTWAIT)

    def close(self) -> None:
        """Stop listening."""
        self._socket.disable_monitor()
        self.ear.close()
