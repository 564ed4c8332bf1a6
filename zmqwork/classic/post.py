"""What all ends of a classic pipeline have: sockets, a place to be found, and the kill signal."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from zmqwork.classic.meeting import Meeting, meet
from zmqwork.classic.places import Place, keys_at
from zmqwork.classic.roles import ADMITTED, CONTROL, VENTILATOR, may_be_at, may_say
from zmqwork.core.permissions import SINK
from zmqwork.errors import UsageError
from zmqwork.security.audit import Audit
from zmqwork.security.gate import check_role
from zmqwork.security.kinds import ROLE_VIOLATION
from zmqwork.transport import clock
from zmqwork.transport.porter import Hire, hiring
from zmqwork.transport.pushpull import Publisher, Sockets
from zmqwork.wire.pipeline import Mark

# The kill signal of the guide's second chapter. Its workers end at any message, so do ours.
KILL = b"KILL"
_KILL_INTERVAL = 0.02
_KILL_DURATION = 1.0


class Post:
    """One end's sockets, and where they are found.

    Args:
        place: where all ends meet.
        role: of this end: PRODUCER, WORKER or SINK.
        name: of this end, for people.
        raw: whether messages are raw: such a pipeline has a realm of its own.
        controls: whether this end may kill the workers.

    Attributes:
        sockets, meeting: as said.

    Raises:
        ConfigError: the place has no endpoint for that.
        KeysError: there are keys, and they cannot be used, or not for that role.
        TransportError: an endpoint is taken.
    """

    def __init__(self, place: Place, role: str, name: str, *, raw: bool, controls: bool) -> None:
        self._keys = keys_at(place)
        if self._keys is not None:
            check_role(self._keys, role)
        self._audit: Audit | None = None
        self._meetings: list[Meeting] = []
        self.sockets = Sockets(self._hire(role, name))
        self._publisher: Publisher | None = None
        try:
            # What a worker looks with is no role of its own: it binds nothing.
            own = SINK if role == SINK else VENTILATOR
            self.meeting = meet(place, own, raw=raw, keys=self._keys)
            self._meetings.append(self.meeting)
            if controls:
                control = meet(place, CONTROL, raw=raw, keys=self._keys)
                self._meetings.append(control)
                self._publisher = self.sockets.publisher()
                control.bind(self._publisher)
        except BaseException:
            self.close(0.0)
            raise

    def trusts(self, what: str) -> Callable[[str], bool]:
        """What `Dialled` asks of a public key that is at one of these endpoints."""
        keys = self._keys
        return lambda public: keys is not None and may_be_at(keys, public, what)

    def may_say(self, key: str, kind: type[Mark] | None) -> bool:
        """Whether a key may say that to this sink; None: a raw message. If not, it is noted."""
        if self._keys is None or may_say(self._keys, key, kind):
            return True
        if self._audit is not None:
            what = "a raw message" if kind is None else kind.__name__
            self._audit.note(ROLE_VIOLATION, fingerprint=key, reason=f"it may not say {what}")
        return False

    def look(self, now: float) -> None:
        """Look for others, and after what others see of us. Never waits."""
        self.sockets.check()
        self.sockets.look()
        for meeting in self._meetings:
            meeting.look(now)

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
        for meeting in self._meetings:
            meeting.withdraw()
        try:
            return self.sockets.close(linger)
        finally:
            for meeting in self._meetings:
                meeting.close()

    def _hire(self, role: str, name: str) -> Hire | None:
        if self._keys is None:
            return None
        origin: dict[str, str | int] = {"name": name, "role": role, "pid": os.getpid()}
        self._audit = Audit(origin, clock=clock.now)
        return hiring(self._keys, ADMITTED[role], self._audit)
