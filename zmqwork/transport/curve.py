"""CURVE on a socket (ZeroMQ RFC 25 and 26): who it is, whom it asks, and how a handshake went."""

from __future__ import annotations

import zmq

from zmqwork.security.pairs import Pair
from zmqwork.transport.monitor import Monitor

# One for all sockets of a node. Never empty: libzmq does not ask its handler then, and lets
# everybody in (curve_server.cpp in 4.3.5).
DOMAIN = b"zmqwork"

_SUCCEEDED = int(zmq.EVENT_HANDSHAKE_SUCCEEDED)
_NOT_OURS = int(zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL)
_DENIED = int(zmq.EVENT_HANDSHAKE_FAILED_AUTH)

# What a handshake comes to.
GREETED, OTHER_KEY, DENIED = "greeted", "other key", "denied"


def serve(socket: zmq.Socket[bytes], pair: Pair) -> None:
    """Let a socket that is about to bind admit keys alone, and only those that ZAP admits.

    For the endpoints that are bound from now on.
    """
    socket.setsockopt(zmq.ZAP_DOMAIN, DOMAIN)
    # Without it a node whose handler is gone would let everybody in.
    socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
    socket.setsockopt(zmq.CURVE_SERVER, 1)
    socket.setsockopt(zmq.CURVE_SECRETKEY, pair.secret.encode())


def dial(socket: zmq.Socket[bytes], pair: Pair, server: str) -> None:
    """Let a socket that is about to connect speak to this public key alone."""
    socket.setsockopt(zmq.CURVE_SERVERKEY, server.encode())
    socket.setsockopt(zmq.CURVE_PUBLICKEY, pair.public.encode())
    socket.setsockopt(zmq.CURVE_SECRETKEY, pair.secret.encode())


class Handshake:
    """How the first handshake of a connecting socket goes, as libzmq's monitor tells it.

    Make it before the socket connects, and close it before the socket.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], socket: zmq.Socket[bytes]) -> None:
        # (Its end is read within a turn; until then libzmq may try again.)
        self._monitor = Monitor(context, socket, _SUCCEEDED | _NOT_OURS | _DENIED)
        fd = self._monitor.ear.getsockopt(zmq.FD)
        assert isinstance(fd, int)
        self.fd = fd

    def result(self) -> str:
        """GREETED, OTHER_KEY or DENIED; empty: it is not known yet."""
        for event, _, _ in self._monitor.news():
            if event & _SUCCEEDED:
                return GREETED
            return DENIED if event & _DENIED else OTHER_KEY
        return ""

    def close(self) -> None:
        """Stop listening."""
        self._monitor.close()
