"""Who is connected to a socket, told by libzmq's monitor; and leaving without taking data along.

PUSH and PULL say nothing of their peers. The monitor does: how many there are, and the descriptors
of their connections, which `Departure` needs.
"""

from __future__ import annotations

import fcntl
import os
import socket as sockets
import struct
import sys
import termios
import time
from collections.abc import Iterable

import zmq

from zmqwork.transport.monitor import Monitor

_OPENED = int(zmq.EVENT_ACCEPTED | zmq.EVENT_CONNECTED)
_GREETED = int(zmq.EVENT_HANDSHAKE_SUCCEEDED)
_CLOSED = int(zmq.EVENT_DISCONNECTED)
_FAILED = int(
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)
_ALL = _OPENED | _GREETED | _CLOSED | _FAILED

_LOOK_INTERVAL = 0.005


class Connections:
    """The connections of one socket, as its monitor tells; opened and closed as a `Monitor` is."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], socket: zmq.Socket[bytes]) -> None:
        self._monitor = Monitor(context, socket, _ALL)
        self.ear = self._monitor.ear
        # Bound: the descriptors of this process.
        self._greeted: set[int] = set()
        self._strangers: list[int] = []
        self._failed: set[str] = set()  # bound: the endpoints of the socket

    def count(self) -> int:
        """How many peers are connected now and speak ZeroMQ with a socket that fits ours."""
        self._read()
        return len(self._greeted)

    def failed(self) -> set[str]:
        """The endpoints whose last handshake came to nothing.

        libzmq does not try again where it was refused, or understood nothing.
        """
        self._read()
        return self._failed

    def forget_failure(self, endpoint: str) -> None:
        """This one is tried anew, or not wanted any more."""
        self._read()
        self._failed.discard(endpoint)

    def forget(self) -> None:
        """All that the socket was bound to is unbound: libzmq does not say that it ends them."""
        self._read()
        self._greeted.clear()
        self._strangers.clear()

    def descriptors(self) -> list[int]:
        """The descriptors of the connections. libzmq owns them, and may close them at any time."""
        self._read()
        return [*self._strangers, *sorted(self._greeted)]

    def close(self) -> None:
        """Stop listening."""
        self._monitor.close()

    def _read(self) -> None:
        for event, value, endpoint in self._monitor.news():
            if event & _OPENED:
                self._strangers.append(value)
            elif event & _GREETED:
                self._failed.discard(endpoint.decode())
                self._promote()
            elif event & _FAILED:
                self._failed.add(endpoint.decode())
            elif value in self._strangers:
                self._strangers.remove(value)
            elif value in self._greeted:
                self._greeted.discard(value)
                self._promote()

    def _promote(self) -> None:
        # Whose handshake succeeded is not told. The oldest one is taken for it; if that was wrong,
        # it goes within seconds, and the next one takes its place.
        if self._strangers:
            self._greeted.add(self._strangers.pop(0))


class Departure:
    """Local connections kept open until the other side has read what lies in them.

    libzmq lets go of a connection as soon as the kernel has taken the last byte. Where the other
    side's receive queue is full at that moment, it has stopped reading, learns of the end, and
    throws away what the kernel still holds (libzmq #4660; a unix socket only: with tcp the end
    stands in line behind the data). A copy of the descriptor delays the end.

    Args:
        descriptors: of connections whose sockets are about to be closed.
    """

    def __init__(self, descriptors: Iterable[int]) -> None:
        self._kept: list[int] = []
        if not sys.platform.startswith("linux"):
            return  # nothing there tells how much is unread
        for descriptor in descriptors:
            try:
                copy = os.dup(descriptor)
            except OSError:
                continue  # closed meanwhile, or no descriptor is left: then it ends as libzmq does
            if _is_local(copy):
                self._kept.append(copy)
            else:
                os.close(copy)

    def wait(self, timeout: float) -> int:
        """Wait until all is read; the bytes that are not when the time is over."""
        end_at = time.monotonic() + timeout
        while (unread := sum(map(_unread, self._kept))) and time.monotonic() < end_at:
            time.sleep(_LOOK_INTERVAL)
        return unread

    def let_go(self) -> bool:
        """Let those see the end that have read all; whether no others are left. Never waits."""
        for descriptor in list(self._kept):
            if not _unread(descriptor):
                self._kept.remove(descriptor)
                os.close(descriptor)
        return not self._kept

    def close(self) -> None:
        """Let the other side see the end."""
        for descriptor in self._kept:
            os.close(descriptor)
        self._kept = []


def _is_local(descriptor: int) -> bool:
    try:
        with sockets.socket(fileno=os.dup(descriptor)) as found:
            return found.family == sockets.AF_UNIX
    except OSError:
        return False


def _unread(descriptor: int) -> int:
    """Bytes that the other side of a unix socket has not read."""
    try:
        (size,) = struct.unpack("i", fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4)))
    except OSError:
        return 0
    return int(size)
