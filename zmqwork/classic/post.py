"""What all ends of a classic pipeline have: sockets, a place to be found, and the kill signal."""

from __future__ import annotations

import time

from zmqwork.classic.meeting import CONTROL, meet
from zmqwork.classic.places import Place
from zmqwork.errors import UsageError
from zmqwork.transport.pushpull import Publisher, Sockets

# The kill signal of the guide's second chapter. Its workers end at any message, so do ours.
KILL = b"KILL"
_KILL_INTERVAL = 0.02
_KILL_DURATION = 1.0


class Post:
    """One end's sockets, and where they are found.

    Args:
        place: where all ends meet.
        role: of the socket that this end binds, or looks for others with.
        raw: whether messages are raw: such a pipeline has a realm of its own.
        controls: whether this end may kill the workers.

    Attributes:
        sockets, meeting: as said.

    Raises:
        ConfigError: the place has no endpoint for that.
        TransportError: an endpoint is taken.
    """

    def __init__(self, place: Place, role: str, *, raw: bool, controls: bool) -> None:
        self.meeting = meet(place, role, raw=raw)
        self._control = meet(place, CONTROL, raw=raw) if controls else None
        self.sockets = Sockets()
        self._publisher: Publisher | None = None
        if self._control is not None:
            try:
                self._publisher = self.sockets.publisher()
                self._control.bind(self._publisher)
            except BaseException:
                self.close(0.0)
                raise

    def look(self, now: float) -> None:
        """Look for others, and after what others see of us. Never waits."""
        self.sockets.check()
        self.meeting.look(now)
        if self._control is not None:
            self._control.look(now)

    def kill(self) -> None:
        """Tell all workers that listen to end, until they have gone, or for a second.

        Raises:
            UsageError: this end may not.
        """
        publisher = self._publisher
        if publisher is None:
            raise UsageError("only an end that was made with controls=True may kill the workers")
        end_at = time.monotonic() + _KILL_DURATION
        # Once is not enough: who has just connected may have work already, and does not listen yet.
        listened = listening = publisher.connected()
        while listening or not listened:
            publisher.say(KILL)
            if time.monotonic() >= end_at:
                return
            time.sleep(_KILL_INTERVAL)
            listening = publisher.connected()
            listened = listened or listening

    def close(self, linger: float) -> int:
        """Be found by nobody, wait until the others have what was sent, and close.

        Returns:
            As `Sockets.close`.
        """
        meetings = [it for it in (self.meeting, self._control) if it is not None]
        for meeting in meetings:
            meeting.withdraw()
        try:
            return self.sockets.close(linger)
        finally:
            for meeting in meetings:
                meeting.close()
