"""One socket of the classic pipeline: what all four kinds have in common."""

from __future__ import annotations

import contextlib
import math
from typing import Protocol

import zmq

from zmqwork.errors import TransportError, UsageError
from zmqwork.transport import curve
from zmqwork.transport.binding import bind, bind_when_free, remove_file
from zmqwork.transport.connections import Connections, Departure
from zmqwork.transport.porter import Porter
from zmqwork.wire.limits import PAYLOAD_BYTES_MAX

_IN_USE = "somebody has it: end that program, or take another port"

# Listeners whose file somebody has removed: each keeps a descriptor.
_REMOVED_MAX = 16

# What talks to what.
_COUNTERPARTS: dict[int, int] = {zmq.PUSH: zmq.PULL, zmq.PULL: zmq.PUSH, zmq.PUB: zmq.SUB}


class Owner(Protocol):
    """What an endpoint knows of the `Sockets` that it belongs to."""

    porter: Porter | None

    def check(self) -> None: ...  # noqa: D102

    def note(self, socket: zmq.Socket[bytes]) -> None: ...  # noqa: D102


class Endpoint:
    """One socket. `bound` holds the endpoints that it is bound to."""

    _monitored = False

    def __init__(
        self, owner: Owner, context: zmq.Context[zmq.Socket[bytes]], kind: int, hwm: int
    ) -> None:
        owner.check()
        self._owner = owner
        self._kind = kind
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
        self._context = context
        self._connections: Connections | None = None
        if self._monitored:
            self._watch()
        self.bound: list[str] = []
        self._removed = 0

    def bind(self, endpoint: str) -> str:
        """Bind, and return the endpoint with its real port.

        Raises:
            TransportError: the address is taken, or is not of this machine.
        """
        self._owner.check()
        self._serve()
        self.bound.append(bind(self._socket, endpoint, _IN_USE))
        return self.bound[-1]

    def check(self) -> None:
        """With keys, try whether others get in; call it when all is bound.

        Raises:
            KeysError: they do.
        """
        if self._owner.porter is not None and self.bound:
            self._owner.porter.check(self.bound, _COUNTERPARTS[self._kind])

    def rebind(self) -> Departure:
        """End all connections of those who have come, and listen where it did.

        What waits here for them is lost. What the kernel has is theirs: the descriptors stay open
        until the departure that is returned is closed.

        Raises:
            TransportError: somebody else was quicker.
        """
        departure = self._departure()
        for endpoint in self.bound:
            with contextlib.suppress(zmq.ZMQError):
                self._socket.unbind(endpoint)
        if self.bound:
            self._serve()
            if self._connections is not None:
                self._connections.forget()
        try:
            for endpoint in self.bound:
                bind_when_free(self._socket, endpoint, _IN_USE)
        except BaseException:
            departure.close()
            raise
        self._removed = 0
        return departure

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

    def connect(self, endpoint: str, server: str = "") -> None:
        """Connect, now or whenever somebody is there.

        Args:
            endpoint: where.
            server: with keys, the public one that must be there.

        Raises:
            TransportError: the endpoint makes no sense.
            UsageError: there are keys, and nobody said which one is there.
        """
        self._owner.check()
        porter = self._owner.porter
        if porter is not None:
            if not server:
                raise UsageError(f"whose key is at {endpoint}? With keys, nobody else is dialled")
            if self._connections is None:
                self._watch()
            curve.dial(self._socket, porter.pair, server)
        try:
            self._socket.connect(endpoint)
        except zmq.ZMQError as error:
            raise TransportError(f"cannot connect to {endpoint}: {error.strerror}") from error

    def disconnect(self, endpoint: str) -> None:
        """End that connection; what was not sent or not received over it is lost."""
        self._owner.check()
        with contextlib.suppress(zmq.ZMQError):
            self._socket.disconnect(endpoint)
        if self._connections is not None:
            self._connections.forget_failure(endpoint)

    def failed(self) -> set[str]:
        """Those of its endpoints whose keys did not fit at the last try; connect them anew."""
        if self._owner.porter is None or self._connections is None:
            return set()
        return self._connections.failed()

    def connected(self) -> int:
        """How many peers there are; of a PUSH and a PUB only."""
        self._owner.check()
        assert self._connections is not None, "not monitored"
        return self._connections.count()

    def let_go(self, linger: float) -> Departure:
        """Close the socket; what it has sent may leave within `linger` seconds."""
        departure = self._departure() if linger else Departure(())
        if self._connections is not None:
            self._connections.close()
        self._socket.close(linger=math.ceil(1000 * self._linger(linger)))
        return departure

    def remove_files(self) -> None:
        """Remove the files of ipc endpoints that libzmq has left."""
        for endpoint in self.bound:
            remove_file(endpoint)

    def _linger(self, linger: float) -> float:
        del linger
        return 0.0

    def _departure(self) -> Departure:
        # (What only receives has sent nothing that others might not have read.)
        watched = self._connections if self._monitored else None
        return Departure(watched.descriptors() if watched is not None else ())

    def _watch(self) -> None:
        self._connections = Connections(self._context, self._socket)
        self._owner.note(self._connections.ear)

    def _serve(self) -> None:
        if self._owner.porter is not None:
            curve.serve(self._socket, self._owner.porter.pair)
