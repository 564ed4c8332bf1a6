"""What is behind an endpoint: nothing, something else, or a ZeroMQ socket. For people who ask why.

The look is a plain socket that connects, begins the greeting of ZMTP 3 and reads the other one;
then it is closed, before the peer has anything to tell its node.
"""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from zmqwork.errors import ConfigError
from zmqwork.transport.addresses import split_tcp

# ZMTP 3.1: signature, version, mechanism, as-server, filler (https://rfc.zeromq.org/spec/37/).
_SIGNATURE = b"\xff\0\0\0\0\0\0\0\x01\x7f"
_GREETING_BYTES = 64
_MECHANISM = slice(12, 32)
# Only how one begins: a peer with another mechanism would hang up before it has told its own.
_BEGINNING = _SIGNATURE + b"\x03\x00"

# How long the main thread may be deaf for a signal that another thread was given.
_ATTENTION_INTERVAL = 0.5

# Looks at the same time, and endpoints looked at in one go.
_AT_ONCE = 32

NODE, REFUSED, SILENT, MUTE, FOREIGN, UNKNOWN = (
    "zeromq", "refused", "timeout", "mute", "foreign", "failed",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reach:
    """What a look at an endpoint has found.

    Attributes:
        state: ``zeromq`` (a ZeroMQ socket answers), ``refused`` (nobody listens), ``timeout``
            (no answer at all), ``mute`` (connected, and then silence), ``foreign`` (it speaks
            something else) or ``failed`` (the name or the way is not known).
        text: the same for people, in half a sentence.
        mechanism: of a ZeroMQ socket: ``CURVE`` if it has keys, ``NULL`` if it has none.
    """

    state: str
    text: str
    mechanism: str = ""


def reach(endpoint: str, timeout: float) -> Reach:
    """Look at one endpoint. A host name is looked up first, which nothing bounds but the system.

    Args:
        endpoint: ``tcp://host:port`` or ``ipc:///path``.
        timeout: seconds for the connection, and again for the greeting.
    """
    try:
        connection = _connect(endpoint, timeout)
    except TimeoutError:
        text = f"no answer within {timeout:g} s: the host is off, or a firewall drops what comes"
        return Reach(SILENT, text)
    except OSError as error:
        return _unconnected(error)
    except (ConfigError, UnicodeError) as error:
        return Reach(UNKNOWN, str(error))
    with connection:
        return _greet(connection, timeout)


def reach_each(endpoints: Iterable[str], timeout: float) -> dict[str, Reach]:
    """Look at several endpoints at the same time; returns after about three times `timeout`."""
    wanted = list(dict.fromkeys(endpoints))
    found: dict[str, Reach] = {}
    todo = iter(wanted)
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                endpoint = next(todo, None)
            if endpoint is None:
                return
            found[endpoint] = reach(endpoint, timeout)

    # Daemons: a name server that does not answer holds up neither the caller nor the exit.
    threads = [threading.Thread(target=work, daemon=True) for _ in wanted[:_AT_ONCE]]
    for thread in threads:
        thread.start()
    give_up_at = time.monotonic() + 3 * timeout
    for thread in threads:
        while thread.is_alive() and (left := give_up_at - time.monotonic()) > 0.0:
            thread.join(min(left, _ATTENTION_INTERVAL))
    late = Reach(SILENT, "no answer in time: not even its name was found, perhaps")
    return {endpoint: found.get(endpoint, late) for endpoint in wanted}


def _connect(endpoint: str, timeout: float) -> socket.socket:
    if endpoint.startswith("ipc://"):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout)
        try:
            connection.connect(endpoint.removeprefix("ipc://"))
        except BaseException:
            connection.close()
            raise
        return connection
    host, port = split_tcp(endpoint)
    return socket.create_connection((host, int(port)), timeout)


def _unconnected(error: OSError) -> Reach:
    if isinstance(error, socket.gaierror):
        return Reach(UNKNOWN, f"its name is not known here: {error.strerror}")
    if error.errno == errno.ECONNREFUSED:
        return Reach(REFUSED, "connection refused: nobody listens there")
    if error.errno == errno.ENOENT:
        return Reach(
            REFUSED, "there is no such socket file: it was removed, or nobody listens there"
        )
    why = os.strerror(error.errno) if error.errno else str(error)
    return Reach(UNKNOWN, f"cannot connect: {why}")


def _greet(connection: socket.socket, timeout: float) -> Reach:
    heard = b""
    give_up_at = time.monotonic() + timeout
    try:
        connection.sendall(_BEGINNING)
        while len(heard) < _GREETING_BYTES and not _is_foreign(heard):
            connection.settimeout(max(0.001, give_up_at - time.monotonic()))
            data = connection.recv(256)
            if not data:
                break
            heard += data
    except OSError:  # the time is over, or it hung up: what was heard tells
        pass
    if not heard:
        text = "connected, but it says nothing: its process is stopped, or it is no zmqwork node"
        return Reach(MUTE, text)
    if _is_foreign(heard):
        start = heard[:24].decode("latin-1").splitlines()[0]
        return Reach(FOREIGN, f"something else than ZeroMQ listens there: it says {start!r}")
    mechanism = heard[_MECHANISM].rstrip(b"\0").decode("latin-1")
    keys = {"CURVE": "with keys", "NULL": "without keys"}.get(mechanism, mechanism or "an old one")
    return Reach(NODE, f"a ZeroMQ socket, {keys}", mechanism)


def _is_foreign(heard: bytes) -> bool:
    """Whether this cannot be how a ZeroMQ socket begins."""
    return heard[:1] not in (b"", _SIGNATURE[:1]) or (len(heard) > 9 and not heard[9] & 1)
