"""What a ventilator says to each sink itself: START and END."""

from __future__ import annotations

from collections.abc import Callable

from zmqwork.transport.pushpull import Push, Sockets

# START and END are all that waits in such a pipe.
_HWM = 4


class Outlets:
    """A PUSH for each sink: marks are for all of them, and a PUSH deals out by turns."""

    def __init__(self, sockets: Sockets) -> None:
        self._sockets = sockets
        self._pushes: dict[str, Push] = {}  # bound: the sinks that are found
        self._told: dict[str, None] = {}

    def __len__(self) -> int:
        """How many sinks were told START."""
        return len(self._told)

    def update(self, endpoints: tuple[str, ...]) -> None:
        """Connect to those that are new, and let go of those that are gone."""
        for endpoint in endpoints:
            if endpoint not in self._pushes:
                push = self._sockets.push(_HWM)
                self._pushes[endpoint] = push
                push.connect(endpoint)
        for endpoint in [endpoint for endpoint in self._pushes if endpoint not in endpoints]:
            self._sockets.drop(self._pushes.pop(endpoint))

    def start(self, make: Callable[[], bytes]) -> None:
        """Tell START to all who can hear it and were not told. Never waits."""
        if len(self._told) < len(self._pushes):
            for endpoint, push in self._pushes.items():
                if endpoint not in self._told and push.send(make(), 0.0):
                    self._told[endpoint] = None

    def end(self, message: bytes, timeout: float) -> list[str]:
        """Tell END to all who were told START; those that did not hear it in time."""
        deaf = []
        for endpoint, push in self._pushes.items():
            if endpoint in self._told and not push.send(message, timeout):
                deaf.append(endpoint)
        return deaf
