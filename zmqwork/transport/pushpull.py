"""PUSH, PULL, PUB and SUB for a thread of the user's own: the sockets of the classic pipeline.

No loop and no machine: a call sends or receives one message, and waits no longer than it is told.
With keys every link is CURVE, and a `porter.Porter` answers who may connect.
What these sockets lose is said in `zmqwork.patterns.pipeline`.
"""

from __future__ import annotations

import math
import os
import threading
import time
import warnings
import weakref
from collections.abc import Callable
from typing import TypeVar

import zmq

from zmqwork.errors import UsageError
from zmqwork.transport.connections import Departure
from zmqwork.transport.endpoint import Endpoint
from zmqwork.transport.frames import COPY_BYTES_MAX, DONTWAIT, POLLIN, socket_events
from zmqwork.transport.porter import Hire, Porter

# Where connections are ended, what was sent over them may be read for so long.
_READ_WITHIN = 30.0

# What a PUB has sent may leave before it is closed, but not for long.
_FAREWELL = 0.25

_RCVMORE = int(zmq.RCVMORE)

_E = TypeVar("_E", bound="Endpoint")


class Sockets:
    """The sockets of one role, in one context: for one thread at a time, and no forked child.

    Args:
        hire: makes who answers for them; None: they have no keys, and everybody may connect.

    Attributes:
        porter: who answers.

    Raises:
        TransportError: the system gives no thread for that.
    """

    def __init__(self, hire: Hire | None = None) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.porter = hire(self._context) if hire is not None else None
        self._leaving: list[tuple[Departure, float]] = []  # bound: the rosters of _READ_WITHIN
        self._all: list[Endpoint] = []  # bound: what a role opens; a PUSH for each sink
        self._why_not = ""
        _all_sockets.add(self)
        self._open: list[zmq.Socket[bytes]] = []  # bound: as `_all`, with a monitor for each
        # Whoever forgets to close must not hang: a context that is collected waits for its sockets.
        self._forgotten = weakref.finalize(
            self, _abandon, self._context, self._open, self.porter, os.getpid()
        )
        self._forgotten.atexit = False

    def push(self, hwm: int) -> Push:
        """A PUSH whose pipes hold `hwm` messages each."""
        return self._keep(Push(self, self._context, hwm))

    def pull(self, hwm: int) -> Pull:
        """A PULL whose pipes hold `hwm` messages each."""
        return self._keep(Pull(self, self._context, hwm))

    def publisher(self) -> Publisher:
        """A PUB."""
        return self._keep(Publisher(self, self._context))

    def subscriber(self) -> Subscriber:
        """A SUB that hears everything."""
        return self._keep(Subscriber(self, self._context))

    def check(self) -> None:
        """Raise `UsageError` where these sockets may not be used."""
        if self._why_not:
            raise UsageError(self._why_not)

    def look(self) -> None:
        """End the connections of keys that may not connect any more, if there are some.

        libzmq ends them all or none: who may connect does so again. What lies in their pipes here
        is lost.

        Raises:
            TransportError: somebody has taken an endpoint meanwhile.
        """
        if self.porter is None:
            return
        now = time.monotonic()
        if self.porter.take_stale():
            for endpoint in self._all:
                self._leaving.append((endpoint.rebind(), now + _READ_WITHIN))
        for leaving in list(self._leaving):
            departure, until = leaving
            if departure.let_go() or now >= until:
                departure.close()
                self._leaving.remove(leaving)

    def note(self, socket: zmq.Socket[bytes]) -> None:
        """A socket of this context that somebody has to close."""
        self._open.append(socket)

    def drop(self, endpoint: Endpoint) -> None:
        """Close one of them now; what it has not sent is lost."""
        self._all.remove(endpoint)
        endpoint.let_go(0.0)
        self._open[:] = [socket for socket in self._open if not socket.closed]

    def close(self, linger: float) -> int:
        """Close all, and wait until the other sides have what was sent; not longer than `linger`.

        Returns:
            Bytes that local peers had not read when the time was over; -1: the time was over before
            all had left.
        """
        if self._why_not:
            return 0
        self._why_not = "this end of the pipeline is closed"
        self._forgotten.detach()
        end_at = time.monotonic() + linger
        departures = [departure for departure, _ in self._leaving]
        departures += [endpoint.let_go(linger) for endpoint in self._all]
        try:
            if self.porter is not None:
                self.porter.close()
            # In a thread of its own, because libzmq's waiting cannot be interrupted by Ctrl-C.
            ending = threading.Thread(target=self._context.term, daemon=True)
            ending.start()
            ending.join(linger + _FAREWELL)
            left = end_at - time.monotonic()
            if linger and left <= 0:
                return -1
            return sum(departure.wait(left) for departure in departures)
        finally:
            for departure in departures:
                departure.close()
            for endpoint in self._all:
                endpoint.remove_files()

    def _keep(self, endpoint: _E) -> _E:
        self._all.append(endpoint)
        return endpoint


def _abandon(
    context: zmq.Context[zmq.Socket[bytes]],
    sockets: list[zmq.Socket[bytes]],
    porter: Porter | None,
    pid: int,
) -> None:
    if os.getpid() != pid:
        return
    for socket in sockets:
        if not socket.closed:
            if socket.type != zmq.PAIR:
                socket.disable_monitor()
            socket.close(0)
    if porter is not None:
        porter.close()
    context.term()
    # At the end: where warnings are errors, nothing is done behind one.
    warnings.warn("an end of a pipeline was not closed", ResourceWarning, stacklevel=2)


_all_sockets: weakref.WeakSet[Sockets] = weakref.WeakSet()


def _refuse_in_child() -> None:
    for sockets in list(_all_sockets):
        sockets._why_not = sockets._why_not or (
            "this end of the pipeline was opened before this process was forked, and its sockets "
            "belong to the parent: open one of its own here"
        )


os.register_at_fork(after_in_child=_refuse_in_child)


class Push(Endpoint):
    """The sending side: each message goes to one of those that are connected, by turns."""

    _monitored = True

    def __init__(self, owner: Sockets, context: zmq.Context[zmq.Socket[bytes]], hwm: int) -> None:
        super().__init__(owner, context, zmq.PUSH, hwm)
        # No pipe before there is somebody at its other end, and none after he has gone: nothing
        # is dealt to those who never come.
        self._socket.setsockopt(zmq.IMMEDIATE, 1)
        self._timeout = -1.0
        self._send = self._socket.send

    def send(self, message: bytes, timeout: float) -> bool:
        """Give a message to somebody; False if in that time nobody could take it."""
        self._owner.check()
        if timeout != self._timeout:
            self._timeout = timeout
            self._socket.setsockopt(zmq.SNDTIMEO, math.ceil(1000 * timeout))
        try:
            self._send(message, 0, len(message) <= COPY_BYTES_MAX)
        except zmq.Again:
            return False
        return True

    def _linger(self, linger: float) -> float:
        return linger


class Pull(Endpoint):
    """The receiving side: messages of all that are connected, by turns.

    Attributes:
        sender: the fingerprint of the key whose message the last one was, where there are keys,
            and the socket is bound.
    """

    def __init__(self, owner: Sockets, context: zmq.Context[zmq.Socket[bytes]], hwm: int) -> None:
        # IMMEDIATE stays off: with it, what was received and not read goes with the sender.
        super().__init__(owner, context, zmq.PULL, hwm)
        self._timeout = -1.0
        self._receive: Callable[[], bytes] = self._socket.recv
        self.sender = ""

    def bind(self, endpoint: str) -> str:
        """As `Endpoint.bind`."""
        if self._owner.porter is not None:
            self._receive = self._receive_named
        return super().bind(endpoint)

    def receive(self, timeout: float) -> bytes | None:
        """The next message, or its first frame; None if none came in that time."""
        self._owner.check()
        if timeout != self._timeout:
            self._timeout = timeout
            self._socket.setsockopt(zmq.RCVTIMEO, math.ceil(1000 * timeout))
        try:
            # To poll first, or to try without waiting, costs more than the message.
            return self._receive()
        except zmq.Again:
            return None

    def rest(self) -> list[bytes]:
        """The frames behind the one that `receive` has returned: ours have none."""
        self._owner.check()
        frames = []
        while self._socket.getsockopt(_RCVMORE):
            frames.append(self._socket.recv(DONTWAIT))
        return frames

    def _receive_named(self) -> bytes:
        # Asked of every message: our gatekeeper has said it of the connection.
        frame = self._socket.recv(copy=False)
        self.sender = str(frame.get("User-Id"))
        return frame.bytes


class Publisher(Endpoint):
    """A PUB: what it says reaches those who listen at that moment."""

    _monitored = True

    def __init__(self, owner: Sockets, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        super().__init__(owner, context, zmq.PUB, 1000)

    def say(self, message: bytes) -> None:
        """Tell everybody who listens. Never waits."""
        self._owner.check()
        self._socket.send(message, DONTWAIT)

    def _linger(self, linger: float) -> float:
        del linger
        return _FAREWELL


class Subscriber(Endpoint):
    """A SUB that hears all that its publishers say."""

    def __init__(self, owner: Sockets, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        super().__init__(owner, context, zmq.SUB, 1000)
        self._socket.setsockopt(zmq.SUBSCRIBE, b"")

    def heard(self) -> list[bytes]:
        """What was said since the last call. Never waits."""
        self._owner.check()
        messages: list[bytes] = []
        while socket_events(self._socket) & POLLIN:
            messages.append(b"".join(self._socket.recv_multipart(DONTWAIT)))
        return messages
