"""The mDNS of a process: one thread, with its sockets, for all nodes that may share what it hears.

Everything that is said by mDNS reaches everybody who listens. So nodes that each listened for
themselves would take in each record once per node, and be busy with that alone when some hundreds
of them start on one machine: what is heard, judged and kept once is told to all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
from collections import Counter, deque
from collections.abc import Sequence

from zmqwork.discovery.interfaces import Address, Interfaces
from zmqwork.discovery.record import Record
from zmqwork.discovery.sightings import PER_HOST_MAX, PER_HOST_UNSEALED_MAX, Sightings
from zmqwork.discovery.unlike import Unlike
from zmqwork.security.keyring import Keyring

_log = logging.getLogger("zmqwork")

# The goodbye is sent three times, 125 ms apart; the thread is not waited for longer than this.
_GOODBYE_TIMEOUT = 1.5

# Of those that are announced between two polls, so many are told: the latest.
_MISPLACED_MAX = 16


class Tenant:
    """A node, as its station has it.

    Attributes:
        own: its record; None: it says nothing, or goodbye.
        gone: whether it has left, so that it is forgotten after its goodbye.
    """

    def __init__(self) -> None:
        self.own: Record | None = None
        self.gone = False


class Station:
    """What one thread hears and says for some nodes of one realm.

    Args:
        realm: the app's name.
        interfaces: where to speak.
        keyring: what their records are sealed with, and those of others believed by.

    Attributes:
        tenants: the nodes. Bound: those of this process.
        sightings: whom it has heard of.
        ignored: records by the reason why. Bound: the words of `advert.judge`, "full", "failed",
            "unanswered".
        misplaced: who was announced where nobody may be, in words.
        state: how it is, in words.
    """

    def __init__(self, realm: str, interfaces: Interfaces, keyring: Keyring | None) -> None:
        self.realm = realm
        self.interfaces = interfaces
        self.keyring = keyring
        self.tenants: dict[Tenant, None] = {}
        per_host_max = PER_HOST_UNSEALED_MAX if keyring is None else PER_HOST_MAX
        self.sightings = Sightings(per_host_max=per_host_max)
        self.ignored: Counter[str] = Counter()
        self.misplaced: deque[str] = deque(maxlen=_MISPLACED_MAX)
        self.unlike = Unlike()
        self.closing = False
        self.state = "starting"
        self.addresses: Sequence[Address] = interfaces.now()
        self.thread: threading.Thread | None = None
        self._wake: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def tell(self) -> None:
        """Let the thread look at what has changed; if it is not there yet, it will.

        Safe in a signal handler.
        """
        wake = self._wake
        if wake is not None:
            with contextlib.suppress(RuntimeError):  # its loop is closed: it has ended
                wake[0].call_soon_threadsafe(wake[1].set)

    def learn(self, keyring: Keyring | None) -> None:
        """A node has read its keys anew; all of them read the same files."""
        if keyring == self.keyring or (keyring is None) != (self.keyring is None):
            return
        if keyring and self.keyring and keyring.roster.serial < self.keyring.roster.serial:
            return  # the others have read them before
        self.keyring = keyring
        self.tell()

    def _begin(self) -> None:
        self.thread = threading.Thread(target=self._run, name="zmqwork-mdns", daemon=True)
        self.thread.start()

    def _end(self) -> None:
        self.closing = True
        self.tell()
        if self.thread is not None:
            self.thread.join(_GOODBYE_TIMEOUT)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001 - the nodes live on, with their other sources
            self.state = f"failed: {error}"
            _log.warning("mDNS has ended, the node goes on without it", exc_info=True)

    async def _serve(self) -> None:
        # Here, because it costs a tenth of a second that only this thread has.
        from zmqwork.discovery.responder import Responder  # noqa: PLC0415

        changed = asyncio.Event()
        self._wake = (asyncio.get_running_loop(), changed)
        try:
            await Responder(self, changed).run()
        finally:
            self._wake = None


# What nodes must have in common to share a station: the process, the realm, the interfaces, and the
# very keys.
_Key = tuple[object, ...]

_lock = threading.Lock()
_shared: dict[_Key, Station] = {}  # bound: the kinds of nodes in this process


def enter(
    tenant: Tenant,
    realm: str,
    interfaces: Interfaces,
    keyring: Keyring | None,
    *,
    alone: bool = False,
) -> Station:
    """The station of a node, which begins with its first one.

    Args:
        tenant: the node.
        realm: as for `Station`.
        interfaces: likewise.
        keyring: likewise.
        alone: it shares its station with nobody.
    """
    key: _Key = (os.getpid(), realm, interfaces.choice, keyring)
    with _lock:
        station = None if alone else _shared.get(key)
        if station is None:
            station = Station(realm, interfaces, keyring)
            if not alone:
                _shared[key] = station
        station.tenants[tenant] = None
        if station.thread is None:
            station._begin()
    station.tell()
    return station


def leave(station: Station, tenant: Tenant) -> None:
    """Let a node say goodbye; the last one is waited for, with those that left just before."""
    with _lock:
        tenant.own, tenant.gone = None, True
        is_last = all(other.gone for other in list(station.tenants))
        if is_last:
            for key in [key for key, known in _shared.items() if known is station]:
                del _shared[key]
    if is_last:
        station._end()
    else:
        station.tell()


def _forget_in_child() -> None:
    """A forked process has no thread of its parent's."""
    global _lock  # noqa: PLW0603 - somebody may have held it
    _lock = threading.Lock()
    _shared.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
