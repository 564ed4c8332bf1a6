"""The options of every socket, in one place, each with its reason (DESIGN 4)."""

from __future__ import annotations

import zmq

# One frame may not be larger; bigger payloads come in PART messages. The limit holds before a
# peer has said who it is.
FRAME_BYTES_MAX = 8 * 1024 * 1024

# Of those who knock at the same time; they wait in the kernel.
BACKLOG = 1024

_LINGER_FAREWELL_MS = 250


def configure(socket: zmq.Socket[bytes]) -> None:
    """Set what a ROUTER or a DEALER of ours must have before it binds or connects."""
    set_option = socket.setsockopt
    # Memory is bounded by credit. A full receive pipe together with ZMTP heartbeats aborts the
    # process (libzmq #3937, #4767), and a full send pipe would lose messages.
    set_option(zmq.SNDHWM, 0)
    set_option(zmq.RCVHWM, 0)
    # Nothing of value is ever left in a queue at close: only acks permit leaving.
    set_option(zmq.LINGER, 0)
    set_option(zmq.HANDSHAKE_IVL, 5_000)
    set_option(zmq.MAXMSGSIZE, FRAME_BYTES_MAX)
    # libzmq's own thread beats, whatever Python does.
    set_option(zmq.HEARTBEAT_IVL, 1_000)
    set_option(zmq.HEARTBEAT_TIMEOUT, 4_000)
    set_option(zmq.HEARTBEAT_TTL, 10_000)
    if socket.type == zmq.ROUTER:
        # A message without a route is an error to see, not to lose.
        set_option(zmq.ROUTER_MANDATORY, 1)
        # The empty message at each connection is the dealer's "connected".
        set_option(zmq.PROBE_ROUTER, 1)
        set_option(zmq.BACKLOG, BACKLOG)
    else:
        # No pipe before the handshake, none after a disconnect: POLLOUT is the link's state, and
        # nothing meant for a dead peer can reach its successor on the same endpoint.
        set_option(zmq.IMMEDIATE, 1)
        set_option(zmq.RECONNECT_IVL, 100)
        set_option(zmq.RECONNECT_IVL_MAX, 5_000)


def say_farewell(socket: zmq.Socket[bytes]) -> None:
    """Let what was just sent leave before the socket closes, but not for long."""
    socket.setsockopt(zmq.LINGER, _LINGER_FAREWELL_MS)
