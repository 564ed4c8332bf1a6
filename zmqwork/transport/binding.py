"""Binding a socket, and what a bound one leaves behind."""

from __future__ import annotations

from pathlib import Path

import zmq

from zmqwork.errors import TransportError

_IPC = "ipc://"


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


def remove_file(endpoint: str) -> None:
    """Remove the file of an ipc endpoint, which libzmq 4.3.5 leaves there."""
    if endpoint.startswith(_IPC):
        Path(endpoint.removeprefix(_IPC)).unlink(missing_ok=True)
