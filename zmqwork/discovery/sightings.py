"""The nodes that mDNS has seen: a bounded table, filled by one thread and read by another."""

from __future__ import annotations

import random
import threading

from zmqwork.core.link_events import PeerForgotten, PeerFound
from zmqwork.discovery.advert import Advert

# A node costs its finder two descriptors and 59 KiB while it is dialled (DESIGN 4).
SIGHTINGS_MAX = 1_024
# Nodes of one machine: more than it has processors. Of records that anybody can make, fewer.
PER_HOST_MAX = 256
PER_HOST_UNSEALED_MAX = 64
# So many new ones are told at once: to dial a thousand in one turn would stop the heartbeats.
BATCH_MAX = 64

_KEY = "mdns:"


class Sightings:
    """What is seen now, and what of that was not told yet.

    Records can be forged at will, so a full table is shared fairly: a new one takes the place of
    the newest one of the host that has most; if that is its own host, of any one there. What
    loses its place is forgotten, which ends no session that beats; and as long as it is
    announced it comes back when there is room.
    """

    def __init__(self, total_max: int = SIGHTINGS_MAX, per_host_max: int = PER_HOST_MAX) -> None:
        self._total_max = total_max
        self._per_host_max = per_host_max
        self._lock = threading.Lock()
        self._seen: dict[str, Advert] = {}  # bound: total_max; by instance name
        self._hosts: dict[str, dict[str, None]] = {}  # bound: total_max; the names of each
        self._untold: dict[str, None] = {}  # bound: total_max; in the order of coming
        self._told: set[str] = set()  # bound: total_max, and those of `_gone`
        self._gone: dict[str, None] = {}  # bound: what was told, so `total_max` between two polls

    def __len__(self) -> int:
        return len(self._seen)

    def __contains__(self, name: str) -> bool:
        return name in self._seen

    def names(self) -> list[str]:
        """The instances that are seen."""
        with self._lock:
            return list(self._seen)

    def see(self, name: str, advert: Advert) -> bool:
        """Note a record, new or changed; False if another one had to go for it."""
        with self._lock:
            known = self._seen.get(name)
            if known == advert:
                return True
            had_room = True
            if known is not None:
                self._remove(name)
            else:
                had_room = self._make_room(advert.host)
            self._seen[name] = advert
            self._hosts.setdefault(advert.host, {})[name] = None
            self._untold[name] = None
            self._gone.pop(name, None)
            return had_room

    def lose(self, name: str) -> None:
        """Note that a record was withdrawn, or has expired."""
        with self._lock:
            if name in self._seen:
                self._drop(name)

    def take(self) -> list[PeerFound | PeerForgotten]:
        """What has changed since the last call; new ones `BATCH_MAX` at a time."""
        if not self._untold and not self._gone:  # the usual case; a hair late is early enough
            return []
        with self._lock:
            gone, self._gone = self._gone, {}
            self._told.difference_update(gone)
            events: list[PeerFound | PeerForgotten] = [PeerForgotten(_KEY + n) for n in gone]
            for name in list(self._untold)[:BATCH_MAX]:
                del self._untold[name]
                self._told.add(name)
                advert = self._seen[name]
                events.append(_found(name, advert))
        return events

    def _make_room(self, host: str) -> bool:
        own = self._hosts.get(host, {})
        if len(own) < self._per_host_max and len(self._seen) < self._total_max:
            return True
        greedy = max(self._hosts.values(), key=len)
        if len(own) >= self._per_host_max or len(own) >= len(greedy) - 1:
            greedy = own or greedy
            # No secret: a forger who could foresee it would have to be heard first.
            self._drop(random.choice(list(greedy)))  # noqa: S311
        else:
            self._drop(next(reversed(greedy)))
        return False

    def _drop(self, name: str) -> None:
        self._remove(name)
        if name in self._told:
            self._gone[name] = None

    def _remove(self, name: str) -> None:
        host = self._seen.pop(name).host
        names = self._hosts[host]
        del names[name]
        if not names:
            del self._hosts[host]
        self._untold.pop(name, None)


def _found(name: str, advert: Advert) -> PeerFound:
    return PeerFound(
        _KEY + name, advert.endpoints, advert.role, "mdns", advert.node_id, advert.fingerprint
    )
