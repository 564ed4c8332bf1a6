"""Binding a socket, and what a bound one leaves behind."""

from __future__ import annotations

import time
from pathlib import Path

import zmq

from zmqwork.errors import TransportError

_IPC = "ipc://"

_TRIES, _TRY_INTERVAL = 100, 0.002


def bind(socket: zmq.Socket[bytes], endpoint: str, in_use: str) -> str:
    """Bind, and return the endpoint with its real port.

    Args:
        socket: what listens there from now on.
        endpoint: ``tcp://127.0.0.1:*`` or ``ipc:///path``.
        in_use: what to tell who wants an endpoint that somebody has.

    Raises:
        TransportError: the address is taken, or is not of this machine.
    """
    try:
        socket.bind(endpoint)
    except zmq.ZMQError as error:
        hint = f"; {in_use}" if error.errno == zmq.EADDRINUSE else ""
        raise TransportError(f"cannot bind {endpoint}: {error.strerror}{hint}") from error
    bound = socket.getsockopt(zmq.LAST_ENDPOINT)
    assert isinstance(bound, bytes)
    return bound.rstrip(b"\0").decode()


def bind_when_free(socket: zmq.Socket[bytes], endpoint: str, in_use: str) -> str:
    """As `bind`, where a socket of ours has just been unbound: libzmq closes it a little later.

    Raises:
        TransportError: somebody else has it, or it is not free within some tenths of one second.
    """
    for _ in range(_TRIES - 1):
        try:
            return bind(socket, endpoint, in_use)
        except TransportError as error:
            if getattr(error.__cause__, "errno", None) != zmq.EADDRINUSE:
                raise
            time.sleep(_TRY_INTERVAL)
    return bind(socket, endpoint, in_use)


def remove_file(endpoint: str) -> None:
    """Remove the file of an ipc endpoint, which libzmq 4.3.5 leaves there."""
    if endpoint.startswith(_IPC):
        Path(endpoint.removeprefix(_IPC)).unlink(missing_ok=True)
