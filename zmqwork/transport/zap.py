"""Who may connect: the answers to libzmq's questions (ZAP, ZeroMQ RFC 27).

pyzmq has a handler of its own, which keeps a revoked key when another one's file is broken, and
dies of an exception (docs/decisions/0025). This one is a socket of the node's loop: it asks one
function, and whatever goes wrong means no.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import zmq
from zmq.utils import z85

from zmqwork.core.events import Event
from zmqwork.transport.curve import DOMAIN
from zmqwork.transport.frames import DONTWAIT, POLLIN, socket_events

_log = logging.getLogger("zmqwork")

_ENDPOINT = "inproc://zeromq.zap.01"
_VERSION = b"1.0"
# Version, request id, domain, address, identity, mechanism, and with CURVE the key.
_FRAMES = 7
_BUDGET = 256

# Told of a public key in Z85 and the address that it comes from: the name under which it is let
# in, which `Router` finds in its messages; empty: it is not.
Admit = Callable[[str, str], str]


class Gatekeeper:
    """Answers for all sockets of a context. It must exist before one of them binds.

    Attributes:
        fd: signals questions; edges only, as with every ZeroMQ socket.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], admit: Admit) -> None:
        self._admit = admit
        # A ROUTER: with REP, one question that cannot be answered would be the last.
        self._socket = context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.bind(_ENDPOINT)
        fd = self._socket.getsockopt(zmq.FD)
        assert isinstance(fd, int)
        self.fd = fd

    def receive(self, events: list[Event]) -> bool:
        """Answer what was asked, within the budget; whether there is more."""
        del events
        for _ in range(_BUDGET):
            if not socket_events(self._socket) & POLLIN:
                return False
            self._answer(self._socket.recv_multipart(DONTWAIT))
        return True

    def close(self) -> None:
        """Answer no more: nobody is let in from now on."""
        self._socket.close()

    def _answer(self, frames: list[bytes]) -> None:
        split = frames.index(b"") + 1 if b"" in frames else len(frames)
        route, question = frames[:split], frames[split:]
        try:
            name = self._judge(question)
        except Exception:  # noqa: BLE001 - whatever it is, it must neither let in nor end the node
            _log.exception("a key could not be judged, and is not let in")
            name = ""
        code, text = (b"200", b"OK") if name else (b"400", b"denied")
        request = question[1] if len(question) > 1 else b""
        self._socket.send_multipart(
            [*route, _VERSION, request, code, text, name.encode(), b""], DONTWAIT
        )

    def _judge(self, question: list[bytes]) -> str:
        if len(question) != _FRAMES or question[0] != _VERSION or question[2] != DOMAIN:
            return ""
        if question[5] != b"CURVE":
            return ""
        return self._admit(z85.encode(question[6]).decode(), question[3].decode())
