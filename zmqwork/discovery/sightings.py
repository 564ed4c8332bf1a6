"""The nodes that mDNS has seen: a bounded table, filled by one thread and read by others."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping

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
    """What is seen now, for any number of readers.

    Records can be forged at will, so a full table is shared fairly: a new one takes the place of
    the newest one of the host that has most; if that is its own host, of any one there. What
    loses its place is forgotten, which ends no session that beats; and as long as it is
    announced it comes back when there is room.
    """

    def __init__(self, total_max: int = SIGHTINGS_MAX, per_host_max: int = PER_HOST_MAX) -> None:
        self._total_max = total_max
        self._per_host_max = per_host_max
        self._lock = threading.Lock()
        self._seen: dict[str, Advert] = {}  # bound: total_max, and `_ours`; by instance name
        self._ours: set[str] = set()  # bound: the nodes of this process
        self._hosts: dict[str, dict[str, None]] = {}  # bound: total_max; the names of each
        self._readers: dict[Reader, None] = {}  # bound: the nodes of this process

    def __len__(self) -> int:
        return len(self._seen)

    def __contains__(self, name: str) -> bool:
        return name in self._seen

    @property
    def strangers(self) -> int:
        """How many are seen that are not of this process."""
        return len(self._seen) - len(self._ours)

    def names(self) -> list[str]:
        """The instances that are seen."""
        with self._lock:
            return list(self._seen)

    def reader(self) -> Reader:
        """A new one, which is told of all that is seen already; `Reader.close` ends it."""
        with self._lock:
            made = Reader(self._lock, self._seen, self._readers)
            self._readers[made] = None
            return made

    def see(self, name: str, advert: Advert, *, is_ours: bool = False) -> bool:
        """Note a record, new or changed; False if another one had to go for it.

        One of this process (`is_ours`) takes nobody's place.
        """
        with self._lock:
            known = self._seen.get(name)
            if known == advert:
                return True
            had_room = True
            if known is not None:
                self._remove(name)
            elif not is_ours:
                had_room = self._make_room(advert.host)
            self._seen[name] = advert
            if is_ours:
                self._ours.add(name)
            else:
                self._hosts.setdefault(advert.host, {})[name] = None
            for reader in self._readers:
                reader.seen(name)
            return had_room

    def lose(self, name: str) -> None:
        """Note that a record was withdrawn, or has expired."""
        with self._lock:
            if name in self._seen:
                self._drop(name)

    def _make_room(self, host: str) -> bool:
        own = self._hosts.get(host, {})
        if len(own) < self._per_host_max and self.strangers < self._total_max:
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
        for reader in self._readers:
            reader.lost(name)

    def _remove(self, name: str) -> None:
        host = self._seen.pop(name).host
        if name in self._ours:
            self._ours.remove(name)
            return
        names = self._hosts[host]
        del names[name]
        if not names:
            del self._hosts[host]


class Reader:
    """What one node was told of the sightings, and what not yet; made by `Sightings.reader`.

    Attributes:
        own_id: the id of that node, which is not told of itself.
    """

    def __init__(
        self, lock: threading.Lock, seen: Mapping[str, Advert], readers: dict[Reader, None]
    ) -> None:
        self.own_id = ""
        self._lock = lock
        self._seen = seen
        self._readers = readers
        self._untold = dict.fromkeys(seen)  # bound: what is seen; in the order of coming
        self._told: set[str] = set()  # bound: what is seen, and those of `_gone`
        self._gone: dict[str, None] = {}  # bound: what was told, so as much between two polls

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
                advert = self._seen[name]
                if advert.node_id != self.own_id:
                    self._told.add(name)
                    events.append(_found(name, advert))
        return events

    @property
    def found(self) -> int:
        """How many are seen beside this node itself. O(n)."""
        with self._lock:
            return sum(advert.node_id != self.own_id for advert in self._seen.values())

    def close(self) -> None:
        """It is told of nothing any more."""
        with self._lock:
            self._readers.pop(self, None)
            self._untold, self._gone = {}, {}

    # -- of its table, which has the lock -----------------------------------------------------

    def seen(self, name: str) -> None:
        """A record is new, or another one."""
        self._untold[name] = None
        self._gone.pop(name, None)

    def lost(self, name: str) -> None:
        """A record is there no more."""
        self._untold.pop(name, None)
        if name in self._told:
            self._gone[name] = None


def _found(name: str, advert: Advert) -> PeerFound:
    return PeerFound(
        _KEY + name, advert.endpoints, advert.role, "mdns", advert.node_id, advert.fingerprint
    )
