"""Is the process behind an endpoint gone? A refused connection proves it; nothing else does."""

from __future__ import annotations

import errno
import ipaddress
import selectors
import socket
from collections.abc import Callable

from zmqwork.errors import ConfigError
from zmqwork.transport.addresses import split_tcp

_GONE = (errno.ECONNREFUSED, errno.ENOENT)


def connect(endpoint: str) -> socket.socket | bool:
    """Try to connect without waiting: True if refused, False if accepted or not to be told.

    A socket is returned when the answer is still under way; it becomes writable with it, and
    `answer` reads it.
    """
    if endpoint.startswith("ipc://"):
        path = endpoint.removeprefix("ipc://")
        family, address = socket.AF_UNIX, "\0" + path[1:] if path.startswith("@") else path
        target: str | tuple[str, int] = address
    else:
        try:
            host, port = split_tcp(endpoint)
            # A host name is not looked up: that may take seconds, and the heartbeats would wait.
            target = (str(ipaddress.ip_address(host)), int(port))
        except (ConfigError, ValueError):
            return False
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        probe = socket.socket(family, socket.SOCK_STREAM)
    except OSError:
        return False  # no descriptor left: that says nothing of the peer
    probe.setblocking(False)
    try:
        error = probe.connect_ex(target)
    except (OSError, UnicodeError):  # a path too long, a name that is none
        error = 0
    if error in (errno.EINPROGRESS, errno.EALREADY):
        return probe
    probe.close()
    return error in _GONE


def answer(probe: socket.socket) -> bool:
    """Whether the finished attempt was refused; closes the probe."""
    error = probe.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    probe.close()
    return error in _GONE


class Probes:
    """Attempts under way. Bound: one per key; a newer one replaces the older."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._under_way: dict[str, socket.socket] = {}

    def start(self, key: str, endpoint: str, report: Callable[[bool], None]) -> None:
        """Find out, and call `report` with the answer, perhaps at once."""
        self._drop(key)
        found = connect(endpoint)
        if isinstance(found, bool):
            report(found)
            return
        self._under_way[key] = found

        def finished() -> None:
            del self._under_way[key]
            self._selector.unregister(found)
            report(answer(found))

        self._selector.register(found, selectors.EVENT_WRITE, finished)

    def close(self) -> None:
        """Give up whatever is under way."""
        for key in list(self._under_way):
            self._drop(key)

    def _drop(self, key: str) -> None:
        probe = self._under_way.pop(key, None)
        if probe is not None:
            self._selector.unregister(probe)
            probe.close()
