"""PUSH, PULL, PUB and SUB for a thread of the user's own: the sockets of the classic pipeline.

No loop and no machine: a call sends or receives one message, and waits no longer than it is told.
What these sockets lose is said in `zmqwork.patterns.pipeline`.
"""

from __future__ import annotations

import contextlib
import math
import os
import threading
import time
import warnings
import weakref
from typing import TypeVar

import zmq

from zmqwork.errors import TransportError, UsageError
from zmqwork.transport.binding import bind, remove_file
from zmqwork.transport.connections import Connections, Departure
from zmqwork.transport.frames import COPY_BYTES_MAX, DONTWAIT, POLLIN, socket_events
from zmqwork.wire.limits import PAYLOAD_BYTES_MAX

# What a PUB has sent may leave before it is closed, but not for long.
_FAREWELL = 0.25

_IN_USE = "somebody has it: end that program, or take another port"

# Listeners whose file somebody has removed: each keeps a descriptor.
_REMOVED_MAX = 16

_RCVMORE = int(zmq.RCVMORE)

_E = TypeVar("_E", bound="Endpoint")


class Sockets:
    """The sockets of one role, in one context: for one thread at a time, and no forked child."""

    def __init__(self) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._all: list[Endpoint] = []  # bound: what a role opens; a PUSH for each sink
        self._why_not = ""
        _all_sockets.add(self)
        self._open: list[zmq.Socket[bytes]] = []  # bound: as `_all`, with a monitor for each
        # Whoever forgets to close must not hang: a context that is collected waits for its sockets.
        self._forgotten = weakref.finalize(self, _abandon, self._context, self._open, os.getpid())
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
        departures = [endpoint.let_go(linger) for endpoint in self._all]
        try:
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
    context: zmq.Context[zmq.Socket[bytes]], sockets: list[zmq.Socket[bytes]], pid: int
) -> None:
    if os.getpid() != pid:
        return
    for socket in sockets:
        if not socket.closed:
            if socket.type in (zmq.PUSH, zmq.PUB):
                socket.disable_monitor()
            socket.close(0)
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


class Endpoint:
    """One socket. `bound` holds the endpoints that it is bound to."""

    _monitored = False

    def __init__(
        self, owner: Sockets, context: zmq.Context[zmq.Socket[bytes]], kind: int, hwm: int
    ) -> None:
        owner.check()
        self._owner = owner
        self._socket = socket = context.socket(kind)
        set_option = socket.setsockopt
        set_option(zmq.SNDHWM, hwm)
        set_option(zmq.RCVHWM, hwm)
        set_option(zmq.LINGER, 0)  # until `let_go` says otherwise
        set_option(zmq.MAXMSGSIZE, PAYLOAD_BYTES_MAX)
        set_option(zmq.HANDSHAKE_IVL, 5_000)
        set_option(zmq.RECONNECT_IVL, 100)
        set_option(zmq.RECONNECT_IVL_MAX, 2_000)
        # No ZMTP heartbeats: with a full receive pipe they end healthy connections, and processes
        # (libzmq #3937, #4767). A host that vanished is noticed by the kernel, within two minutes.
        set_option(zmq.TCP_KEEPALIVE, 1)
        set_option(zmq.TCP_KEEPALIVE_IDLE, 60)
        set_option(zmq.TCP_KEEPALIVE_INTVL, 15)
        set_option(zmq.TCP_KEEPALIVE_CNT, 4)
        owner.note(socket)
        self._connections = Connections(context, socket) if self._monitored else None
        if self._connections is not None:
            owner.note(self._connections.ear)
        self.bound: list[str] = []
        self._removed = 0

    def bind(self, endpoint: str) -> str:
        """Bind, and return the endpoint with its real port.

        Raises:
            TransportError: the address is taken, or is not of this machine.
        """
        self._owner.check()
        self.bound.append(bind(self._socket, endpoint, _IN_USE))
        return self.bound[-1]

    def bind_again(self, endpoint: str) -> None:
        """Listen anew where the file of an ipc endpoint was removed; connections go on.

        Raises:
            TransportError: it cannot be made, or was removed too often.
        """
        self._owner.check()
        if self._removed == _REMOVED_MAX:
            raise TransportError(f"{endpoint} was removed {_REMOVED_MAX} times: not made again")
        bind(self._socket, endpoint, _IN_USE)
        self._removed += 1

    def connect(self, endpoint: str) -> None:
        """Connect, now or whenever somebody is there.

        Raises:
            TransportError: the endpoint makes no sense.
        """
        self._owner.check()
        try:
            self._socket.connect(endpoint)
        except zmq.ZMQError as error:
            raise TransportError(f"cannot connect to {endpoint}: {error.strerror}") from error

    def disconnect(self, endpoint: str) -> None:
        """End that connection; what was not sent or not received over it is lost."""
        self._owner.check()
        with contextlib.suppress(zmq.ZMQError):
            self._socket.disconnect(endpoint)

    def connected(self) -> int:
        """How many peers there are; of a PUSH and a PUB only."""
        self._owner.check()
        assert self._connections is not None, "not monitored"
        return self._connections.count()

    def let_go(self, linger: float) -> Departure:
        """Close the socket; what it has sent may leave within `linger` seconds."""
        descriptors: list[int] = []
        if self._connections is not None:
            descriptors = self._connections.descriptors() if linger else []
            self._connections.close()
        departure = Departure(descriptors)
        self._socket.close(linger=math.ceil(1000 * self._linger(linger)))
        return departure

    def remove_files(self) -> None:
        """Remove the files of ipc endpoints that libzmq has left."""
        for endpoint in self.bound:
            remove_file(endpoint)

    def _linger(self, linger: float) -> float:
        del linger
        return 0.0


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
    """The receiving side: messages of all that are connected, by turns."""

    def __init__(self, owner: Sockets, context: zmq.Context[zmq.Socket[bytes]], hwm: int) -> None:
        # IMMEDIATE stays off: with it, what was received and not read goes with the sender.
        super().__init__(owner, context, zmq.PULL, hwm)
        self._timeout = -1.0
        self._receive = self._socket.recv

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
