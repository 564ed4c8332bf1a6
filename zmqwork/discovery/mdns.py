"""mDNS as a source of peers: what one node has of the station that speaks for it."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

from zmqwork.core.link_events import PeerForgotten, PeerFound
from zmqwork.discovery import station
from zmqwork.discovery.interfaces import Interfaces
from zmqwork.discovery.record import Record
from zmqwork.discovery.sightings import Reader
from zmqwork.discovery.station import Station, Tenant
from zmqwork.security.keyring import Keyring, Watched


class Mdns:
    """Announces one node by mDNS and browses for others of its realm.

    No method waits for the network, save `close`. The thread begins with the first `announce` or
    `poll`; where multicast is not to be had, `describe` says why, and it is tried again.

    Args:
        realm: the app's name.
        interfaces: where to speak.
        keys: what it seals its records with, and believes those of others by; None: there are none.
        alone: it shares its thread, and what is heard, with no other node of this process.
    """

    name = "mdns"

    def __init__(
        self,
        realm: str,
        interfaces: Interfaces,
        keys: Watched | None = None,
        *,
        alone: bool = False,
    ) -> None:
        self._realm = realm
        self._interfaces = interfaces
        self._keys = keys
        self._keyring = self._keyring_now()  # as the station was told of it
        self._alone = alone
        self._tenant = Tenant()
        self._own_id = ""  # also after a goodbye, which is not heeded at once
        self._station: Station | None = None  # None: it has not begun, or was closed
        self._reader: Reader | None = None
        self._closed = False
        # For `describe`, and until it begins.
        self._shown = Station(realm, interfaces, self._keyring)

    @property
    def state(self) -> str:
        """How it is, in words."""
        return self._shown.state

    @property
    def ignored(self) -> Counter[str]:
        """Records that do not count, by the reason why."""
        return self._shown.ignored

    @property
    def thread(self) -> threading.Thread | None:
        """The one that speaks for this node; None: it has not begun."""
        return self._shown.thread

    @property
    def found(self) -> int:
        """How many nodes are seen."""
        return 0 if self._reader is None else self._reader.found

    def announce(self, record: Record) -> None:
        """Make this node visible, or change what is seen of it."""
        self._tenant.own, self._own_id = record, record.node_id
        self._begin()
        self._shown.tell()

    def withdraw(self) -> None:
        """Say goodbye; sessions go on. Safe in a signal handler."""
        self._tenant.own = None
        self._shown.tell()

    def poll(self, now: float) -> list[PeerFound | PeerForgotten]:
        """What has changed since the last call. Never waits, never raises."""
        del now
        self._begin()
        keyring = self._keyring_now()
        if keyring is not self._keyring:
            self._keyring = keyring
            self._shown.learn(keyring)
        return [] if self._reader is None else self._reader.take()

    def take_misplaced(self) -> list[str]:
        """In words, who was announced where nobody may be; told to one of those who share this."""
        misplaced = self._shown.misplaced
        return [misplaced.popleft() for _ in range(len(misplaced))]

    def describe(self) -> dict[str, Any]:
        """The source with its state, for people.

        ``ignored``: records by the reason why; ``unlike``: nodes that are left alone, because
        their keys do not go with ours.
        """
        shown = self._shown
        state = shown.state
        if state == "ok" and shown.unlike:
            state = str(shown.unlike)
        return {
            "source": self.name,
            "state": state,
            "where": ", ".join(map(str, shown.addresses)),
            "found": self.found,
            "ignored": dict(shown.ignored),
            "unlike": len(shown.unlike),
        }

    def close(self) -> None:
        """Say goodbye; the last one that shares the thread waits for its end."""
        self._closed = True
        if self._reader is not None:
            self._reader.close()
        if self._station is not None:
            left, self._station = self._station, None
            station.leave(left, self._tenant)

    def _begin(self) -> None:
        if self._station is None and not self._closed:
            self._station = self._shown = station.enter(
                self._tenant, self._realm, self._interfaces, self._keyring, alone=self._alone
            )
            self._reader = self._shown.sightings.reader()
        if self._reader is not None:
            self._reader.own_id = self._own_id

    def _keyring_now(self) -> Keyring | None:
        """What this returns never changes, so that threads share it."""
        return None if self._keys is None else self._keys.keyring
