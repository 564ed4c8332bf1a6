"""Is everybody else kept out? A node with keys tries it at its start, on each of its endpoints.

libzmq fails open: a forgotten option lets everybody in, and all goes on working. So a node dials
itself without a key, and with one that nobody knows, and does not start if either gets in.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import zmq

from zmqwork.errors import KeysError
from zmqwork.security.pairs import Pair, new_pair
from zmqwork.transport import curve
from zmqwork.transport.curve import GREETED, Handshake
from zmqwork.transport.options import configure

# A refusal takes some milliseconds. What is not answered by then was not let in either.
_TIMEOUT = 1.0
_LOOK_INTERVAL = 0.001


def check(
    endpoints: Sequence[str],
    server: Pair,
    serve: Callable[[], object],
    announce: Callable[[str], None],
    kind: int = zmq.DEALER,
) -> None:
    """Try to get in.

    Args:
        endpoints: where the node is bound.
        server: its own key.
        serve: lets its gatekeeper answer.
        announce: told of the public key that will be tried, so that it is no news.
        kind: of a socket that fits those that are bound: libzmq would send away any other.

    Raises:
        KeysError: somebody got in who must not.
    """
    stranger = new_pair()
    announce(stranger.public)
    ways = (("without a key", None), ("with a key that is in no roster", stranger))
    with zmq.Context() as context:
        attempts = [
            (how, endpoint, *_dial(context, kind, endpoint, pair, server.public))
            for endpoint in map(_reachable, endpoints)
            for how, pair in ways
        ]
        try:
            _watch(attempts, serve)
        finally:
            for _, _, socket, handshake in attempts:
                handshake.close()
                socket.close(0)


def _watch(
    attempts: list[tuple[str, str, zmq.Socket[bytes], Handshake]], serve: Callable[[], object]
) -> None:
    until = time.monotonic() + _TIMEOUT
    waiting = list(attempts)
    while waiting and time.monotonic() < until:
        serve()
        for attempt in list(waiting):
            how, endpoint, _, handshake = attempt
            result = handshake.result()
            if result == GREETED:
                raise KeysError(f"the self-test has got in at {endpoint} {how}: this is not safe")
            if result:
                waiting.remove(attempt)
        time.sleep(_LOOK_INTERVAL)


def _dial(
    context: zmq.Context[zmq.Socket[bytes]],
    kind: int,
    endpoint: str,
    pair: Pair | None,
    server: str,
) -> tuple[zmq.Socket[bytes], Handshake]:
    socket = context.socket(kind)
    configure(socket)
    if "[" in endpoint:
        socket.setsockopt(zmq.IPV6, 1)
    if pair is not None:
        curve.dial(socket, pair, server)
    handshake = Handshake(context, socket)
    socket.connect(endpoint)
    return socket, handshake


def _reachable(endpoint: str) -> str:
    """An address of this machine, for one that stands for all of them."""
    return endpoint.replace("tcp://0.0.0.0:", "tcp://127.0.0.1:").replace(
        "tcp://[::]:", "tcp://[::1]:"
    )
