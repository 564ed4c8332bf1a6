"""What systemd is told of a service: ready, how it is, that it lives, stopping (sd_notify(3))."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import MutableMapping
from typing import Self

# Without a watchdog the status is renewed this often, in seconds.
_STATUS_INTERVAL = 5.0


class Notifier:
    """Sends to the socket that systemd has given; what it cannot send it lets go.

    Args:
        address: of the socket: a path, or ``@name`` for an abstract one.
        watchdog: seconds within which systemd wants a sign of life; 0: it wants none.

    Attributes:
        interval: seconds between two of them.
    """

    def __init__(self, address: str, watchdog: float = 0.0) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._watchdog = watchdog
        self._stopping = False
        self.interval = min(watchdog / 2, _STATUS_INTERVAL) if watchdog else _STATUS_INTERVAL

    @classmethod
    def of(cls, environment: MutableMapping[str, str]) -> Self | None:
        """That of this process; None: it has none. What tells of it is taken out."""
        address = environment.pop("NOTIFY_SOCKET", "")
        usec = environment.pop("WATCHDOG_USEC", "")
        pid = environment.pop("WATCHDOG_PID", "")
        if not address.startswith(("/", "@")):
            return None
        meant = usec.isdecimal() and pid in ("", str(os.getpid()))
        return cls(address, int(usec) / 1e6 if meant else 0.0)

    def ready(self) -> None:
        """It serves."""
        self._send("READY=1")

    def alive(self, status: str, *, stopping: bool = False) -> None:
        """To be called at each `interval`, by what must not get stuck."""
        lines = [f"STATUS={status}"]
        if self._watchdog:
            lines.append("WATCHDOG=1")
        if stopping and not self._stopping:
            self._stopping = True
            lines.append("STOPPING=1")
        self._send("\n".join(lines))

    def _send(self, text: str) -> None:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as it:
            it.setblocking(False)
            it.sendto(text.encode(), self._address)
