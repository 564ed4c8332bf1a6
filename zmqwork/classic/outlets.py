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
        self._untold: dict[str, Push] = {}  # of these
        # The sinks that ever came, in one run of a ventilator: some dozens of bytes each.
        self._told: set[str] = set()

    def __len__(self) -> int:
        """How many sinks were told START."""
        return len(self._told)

    def update(self, endpoints: tuple[str, ...]) -> None:
        """Connect to those that are new, and let go of those that are gone."""
        for endpoint in endpoints:
            if endpoint not in self._pushes:
                push = self._pushes[endpoint] = self._sockets.push(_HWM)
                push.connect(endpoint)
                if endpoint not in self._told:
                    self._untold[endpoint] = push
        for endpoint in [endpoint for endpoint in self._pushes if endpoint not in endpoints]:
            self._untold.pop(endpoint, None)
            self._sockets.drop(self._pushes.pop(endpoint))

    def start(self, make: Callable[[], bytes]) -> None:
        """Tell START to all who can hear it and were not told. Never waits."""
        for endpoint, push in list(self._untold.items()):
            if push.send(make(), 0.0):
                del self._untold[endpoint]
                self._told.add(endpoint)

    def end(self, message: bytes, timeout: float) -> list[str]:
        """Tell END to all who were told START; those that did not hear it in time."""
        told = [it for it in self._pushes.items() if it[0] not in self._untold]
        return [endpoint for endpoint, push in told if not push.send(message, timeout)]
