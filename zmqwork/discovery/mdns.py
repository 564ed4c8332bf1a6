"""mDNS as a source of peers: a thread of its own, and what it has seen, for the node's loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import Counter, deque
from collections.abc import Sequence
from typing import Any

from zmqwork.core.link_events import PeerForgotten, PeerFound
from zmqwork.discovery.interfaces import Address, Interfaces
from zmqwork.discovery.record import Record
from zmqwork.discovery.sightings import PER_HOST_MAX, PER_HOST_UNSEALED_MAX, Sightings
from zmqwork.discovery.unlike import Unlike
from zmqwork.security.keyring import Keyring, Watched

_log = logging.getLogger("zmqwork")

# The goodbye is sent three times, 125 ms apart; the thread is not waited for longer than this.
_GOODBYE_TIMEOUT = 1.5

# Of those that are announced between two polls, so many are told: the latest.
_MISPLACED_MAX = 16


class Mdns:
    """Announces one node by mDNS and browses for others of its realm.

    No method waits for the network, save `close`. The thread begins with the first `announce` or
    `poll`; where multicast is not to be had, `describe` says why, and it is tried again.

    Args:
        realm: the app's name.
        interfaces: where to speak.
        keys: what it seals its records with, and believes those of others by; None: there are none.
    """

    name = "mdns"

    def __init__(self, realm: str, interfaces: Interfaces, keys: Watched | None = None) -> None:
        self._realm = realm
        self._keys = keys
        self._keyring = self.keyring  # as the thread was told of it
        self.interfaces = interfaces
        per_host_max = PER_HOST_UNSEALED_MAX if keys is None else PER_HOST_MAX
        self.sightings = Sightings(per_host_max=per_host_max)
        self.ignored: Counter[str] = Counter()
        self.misplaced: deque[str] = deque(maxlen=_MISPLACED_MAX)
        self.unlike = Unlike()
        self.own: Record | None = None
        self.own_id = ""  # also after a goodbye, which the cache does not heed at once
        self.closing = False
        self.state = "starting"
        self.addresses: Sequence[Address] = interfaces.now()
        self._thread: threading.Thread | None = None
        self._wake: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    @property
    def keyring(self) -> Keyring | None:
        """The keys as they are now: what this returns never changes, so that threads share it."""
        return None if self._keys is None else self._keys.keyring

    @property
    def found(self) -> int:
        """How many nodes are seen."""
        return len(self.sightings)

    def announce(self, record: Record) -> None:
        """Make this node visible, or change what is seen of it."""
        self.own, self.own_id = record, record.node_id
        self._start()
        self._tell()

    def withdraw(self) -> None:
        """Say goodbye; sessions go on. Safe in a signal handler."""
        self.own = None
        self._tell()

    def poll(self, now: float) -> list[PeerFound | PeerForgotten]:
        """What has changed since the last call. Never waits, never raises."""
        del now
        self._start()
        keyring = self.keyring
        if keyring is not self._keyring:
            self._keyring = keyring
            self._tell()
        return self.sightings.take()

    def take_misplaced(self) -> list[str]:
        """In words, who was announced since the last call where nobody may be."""
        return [self.misplaced.popleft() for _ in range(len(self.misplaced))]

    def describe(self) -> dict[str, Any]:
        """The source with its state, for people.

        ``ignored``: records by the reason why; ``unlike``: nodes that are left alone, because
        their keys do not go with ours.
        """
        state = self.state
        if state == "ok" and self.unlike:
            state = str(self.unlike)
        return {
            "source": self.name,
            "state": state,
            "where": ", ".join(map(str, self.addresses)),
            "found": self.found,
            "ignored": dict(self.ignored),
            "unlike": len(self.unlike),
        }

    def close(self) -> None:
        """Say goodbye and end the thread."""
        self.closing = True
        self._tell()
        if self._thread is not None:
            self._thread.join(_GOODBYE_TIMEOUT)

    def _start(self) -> None:
        if self._thread is None and not self.closing:
            self._thread = threading.Thread(target=self._run, name="zmqwork-mdns", daemon=True)
            self._thread.start()

    def _tell(self) -> None:
        """Let the thread look at what has changed; if it is not there yet, it will."""
        wake = self._wake
        if wake is not None:
            with contextlib.suppress(RuntimeError):  # its loop is closed: it has ended
                wake[0].call_soon_threadsafe(wake[1].set)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001 - the node lives on, with its other sources
            self.state = f"failed: {error}"
            _log.warning("mDNS has ended, the node goes on without it", exc_info=True)

    async def _serve(self) -> None:
        # Here, because it costs a tenth of a second that only this thread has.
        from zmqwork.discovery.responder import Responder  # noqa: PLC0415

        changed = asyncio.Event()
        self._wake = (asyncio.get_running_loop(), changed)
        try:
            await Responder(self, self._realm, changed).run()
        finally:
            self._wake = None
