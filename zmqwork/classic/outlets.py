"""What a ventilator says to each sink itself: START and END."""

from __future__ import annotations

from collections.abc import Callable

from zmqwork.classic.dialling import Contact, Dialled
from zmqwork.transport.pushpull import Push, Sockets

# START and END are all that waits in such a pipe.
_HWM = 4


class Outlets:
    """A PUSH for each sink: marks are for all of them, and a PUSH deals out by turns.

    Args:
        sockets: of the ventilator.
        trusts: as for `Dialled`.
    """

    def __init__(self, sockets: Sockets, trusts: Callable[[str], bool]) -> None:
        self._sockets = sockets
        self._trusts = trusts
        # Bound: the sinks that are found.
        self._pushes: dict[str, tuple[Push, Dialled]] = {}
        self._untold: dict[str, Push] = {}  # of these
        # The sinks that ever came, in one run of a ventilator: some dozens of bytes each.
        self._told: set[str] = set()

    def __len__(self) -> int:
        """How many sinks were told START."""
        return len(self._told)

    def update(self, contacts: tuple[Contact, ...], now: float) -> None:
        """Connect to those that are new, and let go of those that are gone."""
        for contact in contacts:
            endpoint = contact.endpoint
            if endpoint not in self._pushes:
                push = self._sockets.push(_HWM)
                self._pushes[endpoint] = push, Dialled(push, self._trusts)
                if endpoint not in self._told:
                    self._untold[endpoint] = push
        wanted = {contact.endpoint: contact for contact in contacts}
        for endpoint in [endpoint for endpoint in self._pushes if endpoint not in wanted]:
            self._untold.pop(endpoint, None)
            self._sockets.drop(self._pushes.pop(endpoint)[0])
        for endpoint, (_, dialled) in self._pushes.items():
            dialled.update((wanted[endpoint],), now)

    def start(self, make: Callable[[], bytes]) -> None:
        """Tell START to all who can hear it and were not told. Never waits."""
        for endpoint, push in list(self._untold.items()):
            if push.send(make(), 0.0):
                del self._untold[endpoint]
                self._told.add(endpoint)

    def end(self, message: bytes, timeout: float) -> list[str]:
        """Tell END to all who were told START; those that did not hear it in time."""
        told = [
            (name, push) for name, (push, _) in self._pushes.items() if name not in self._untold
        ]
        return [endpoint for endpoint, push in told if not push.send(message, timeout)]
