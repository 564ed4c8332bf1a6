"""One socket that is connected to all who are found."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

# A cleaner of old files may take a record away whose owner lives, and puts it back within seconds.
FORGET_DELAY = 10.0


class Connecting(Protocol):
    """The two calls of an `Endpoint`."""

    def connect(self, endpoint: str) -> None: ...  # noqa: D102

    def disconnect(self, endpoint: str) -> None: ...  # noqa: D102


class Dialled:
    """The connections of one socket, kept as they are found.

    Whoever is found no more is disconnected some time later, and then only while nothing is left
    to read, because that would be lost.
    """

    def __init__(self, socket: Connecting) -> None:
        self._socket = socket
        self._wanted: tuple[str, ...] = ()
        # Bound: what is found, and what was found in the last seconds.
        self._dialled: dict[str, None] = {}
        self._forgotten: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._dialled)

    def update(self, endpoints: tuple[str, ...], now: float) -> None:
        """Connect to those that are new. Raises `TransportError`."""
        if endpoints is self._wanted:
            return
        self._wanted = endpoints
        for endpoint in endpoints:
            self._forgotten.pop(endpoint, None)
            if endpoint not in self._dialled:
                self._socket.connect(endpoint)
                self._dialled[endpoint] = None
        for endpoint in self._gone(endpoints):
            self._forgotten.setdefault(endpoint, now)

    def tidy(self, now: float) -> None:
        """Disconnect from those that are gone for long. Call it when nothing is left to read."""
        if not self._forgotten:
            return
        due = [e for e, since in self._forgotten.items() if now - since >= FORGET_DELAY]
        for endpoint in due:
            del self._forgotten[endpoint], self._dialled[endpoint]
            self._socket.disconnect(endpoint)

    def _gone(self, endpoints: Iterable[str]) -> list[str]:
        return [endpoint for endpoint in self._dialled if endpoint not in set(endpoints)]
