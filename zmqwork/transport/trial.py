"""Can this process bind, be dialled and be heard? A ROUTER and a DEALER with our own options."""

from __future__ import annotations

import zmq

from zmqwork.transport.binding import remove_file
from zmqwork.transport.options import configure


def trial(endpoint: str, timeout: float) -> str:
    """Bind here, connect to it, and wait for the empty message of the ROUTER; nothing is left.

    Args:
        endpoint: ``tcp://127.0.0.1:*`` or ``ipc:///path``.
        timeout: seconds to wait.

    Returns:
        What went wrong; empty: nothing did.
    """
    try:
        return _try(endpoint, timeout)
    finally:
        remove_file(endpoint)


def _try(endpoint: str, timeout: float) -> str:
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        configure(router)
        try:
            router.bind(endpoint)
        except zmq.ZMQError as error:
            return f"cannot bind: {error.strerror}"
        with context.socket(zmq.DEALER) as dealer:
            configure(dealer)
            dealer.connect(router.getsockopt_string(zmq.LAST_ENDPOINT))
            return "" if _comes_through(router, dealer, timeout) else _nothing(timeout)


def _comes_through(router: zmq.Socket[bytes], dealer: zmq.Socket[bytes], timeout: float) -> bool:
    poller = zmq.Poller()
    poller.register(dealer, zmq.POLLIN)
    # Nothing comes in there; but a ROUTER greets when it is looked at.
    poller.register(router, zmq.POLLIN)
    return bool(poller.poll(int(timeout * 1000)))


def _nothing(timeout: float) -> str:
    return f"bound, but nothing came through within {timeout:g} s"


def library() -> dict[str, object]:
    """The ZeroMQ library that is in use: ``version`` and what it was built with."""
    return {
        "version": zmq.zmq_version(),
        "curve": zmq.has("curve"),
        "ipc": zmq.has("ipc"),
    }
