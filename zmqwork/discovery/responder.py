"""What runs in the thread of a `station`: announces, browses, follows the interfaces.

All that it is told by the network goes through `advert.judge`, and none of it can end the thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from zeroconf import DNSQuestionType, IPVersion, ServiceStateChange, Zeroconf
from zeroconf import Error as ZeroconfError
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from zmqwork.discovery.advert import (
    MISPLACED,
    SERVICE_TYPE,
    UNSEALED,
    Advert,
    judge,
    realm_hash,
)
from zmqwork.discovery.announcing import Announcer
from zmqwork.discovery.interfaces import ADDRESSES_MAX, Address
from zmqwork.discovery.sweeping import sweep

if TYPE_CHECKING:
    from zmqwork.discovery.station import Station, Tenant

_log = logging.getLogger("zmqwork")

# Interfaces change at the pace of cables and radio; a look costs a fraction of a millisecond.
_LOOK_INTERVAL = 2.0
# After an error of the system (port 5353 taken, no right to join the group).
_AGAIN_DELAY = 10.0
# zeroconf asks at the start and then when records grow old, after an hour. Who was announced
# while a switch was down would be found then. Sooner if nobody is known; longer by the number of
# nodes, so that all of them together ask the network about once a second, if they are that
# many processes.
_BROWSE_INTERVAL = 60.0
_LONELY_INTERVAL = 10.0
_BROWSE_INTERVAL_PER_NODE = 1.0
# After so many names we look whether they have filled the cache. (The browser remembers each for as
# long as its time to live says, or until there is another browser.)
_NOTICED_MAX = 1_000
# Names whose records did not come with them: asked for, so many at a time.
_ASKED_MAX = 16
_UNASKED_MAX = 1_024
_ASK_TIMEOUT_MS = 3_000
# If the goodbye of an old address is lost, it expires a second after the new one has come
# (RFC 6762, 10.2). Until then the seal does not fit.
_DOUBT_DELAY = 2.0


class Responder:
    """One zeroconf instance for all nodes of a station, or the attempts to have one."""

    def __init__(self, board: Station, changed: asyncio.Event) -> None:
        self._board = board
        self._realm = realm_hash(board.realm)
        self._changed = changed
        self._zeroconf: AsyncZeroconf | None = None
        self._browser: AsyncServiceBrowser | None = None
        self._browse_at = self._browsed_at = 0.0
        self._noticed_count = 0
        self._announcers: dict[Tenant, Announcer] = {}  # bound: the station's nodes
        self._keyring = board.keyring
        self._members: Collection[str] = ()  # bound: the roster; when it was browsed last
        self._unasked: deque[str] = deque()  # bound: _UNASKED_MAX
        self._asking: dict[str, asyncio.Task[None]] = {}  # bound: _ASKED_MAX
        # Names that are looked at again. Bound: the sightings.
        self._doubted: dict[str, asyncio.TimerHandle] = {}

    async def run(self) -> None:
        """Serve until the board says that it is closing."""
        try:
            while not self._board.closing:
                delay = _LOOK_INTERVAL
                try:
                    await self._step()
                except (OSError, ZeroconfError, TimeoutError) as error:
                    self._board.state = f"failed: {str(error) or type(error).__name__}"
                    await self._close()
                    delay = _AGAIN_DELAY
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), delay)
                self._changed.clear()
        finally:
            await self._close()

    async def _step(self) -> None:
        board = self._board
        addresses = board.interfaces.now()
        ips = [address.ip for address in addresses]
        if self._zeroconf is None:
            board.addresses = addresses
            if not ips:
                board.state = "waiting for an interface that is up"
                self._forget(self._leaving())
                return
            self._zeroconf = AsyncZeroconf(interfaces=list(ips), ip_version=IPVersion.V4Only)
            board.state = "ok"
        elif addresses != board.addresses:
            _log.info("mDNS: the addresses are now %s", ", ".join(map(str, addresses)) or "none")
            board.addresses = addresses
            board.state = "ok" if ips else "waiting for an interface that is up"
            # It announces again by itself where an interface was added.
            await self._zeroconf.async_update_interfaces(list(ips))
            self._browse_at = 0.0
        if board.keyring is not self._keyring:
            self._keyring = board.keyring
            self._browse_at = 0.0  # what is in the cache is judged anew
        await self._announce(addresses)
        self._sweep()
        await self._browse()

    # -- announcing ---------------------------------------------------------------------------

    async def _announce(self, addresses: Sequence[Address]) -> None:
        """Let each node say what it has to say, side by side: a goodbye takes a while."""
        assert self._zeroconf is not None
        leaving = self._leaving()
        saying = []
        for tenant in list(self._board.tenants):
            announcer = self._announcers.setdefault(tenant, Announcer())
            own, keyring = tenant.own, self._keyring
            saying.append(announcer.announce(self._zeroconf, own, addresses, keyring))
        said = await asyncio.gather(*saying, return_exceptions=True)
        self._forget(leaving)
        for error in said:
            if error is not None:
                raise error

    def _leaving(self) -> list[Tenant]:
        """Those that have left, and of which nothing may be told but their goodbye."""
        return [tenant for tenant in list(self._board.tenants) if tenant.gone]

    def _forget(self, tenants: list[Tenant]) -> None:
        for tenant in tenants:
            self._announcers.pop(tenant, None)
            self._board.tenants.pop(tenant, None)

    # -- browsing -----------------------------------------------------------------------------

    async def _browse(self) -> None:
        assert self._zeroconf is not None
        now = asyncio.get_running_loop().time()
        if now < self._browse_at:
            return
        seen = self._board.sightings.strangers
        interval = _BROWSE_INTERVAL if seen else _LONELY_INTERVAL
        self._browsed_at = now
        self._browse_at = now + interval + _BROWSE_INTERVAL_PER_NODE * seen
        if self._keyring is not None:
            self._members = frozenset(self._keyring.accesses())
        if self._browser is not None:
            await self._browser.async_cancel()
        # A new browser asks at once, and tells again what is in the cache. It asks everybody to
        # hear the answer (QM): one to the asker alone goes to any process here that has port 5353.
        self._browser = AsyncServiceBrowser(
            self._zeroconf.zeroconf,
            SERVICE_TYPE,
            handlers=[self._noticed],
            question_type=DNSQuestionType.QM,
        )

    def _noticed(
        self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
    ) -> None:
        del service_type
        self._noticed_count += 1
        if self._noticed_count == _NOTICED_MAX:
            asyncio.get_running_loop().call_soon(self._sweep)
        try:
            if state_change is ServiceStateChange.Removed and self._is_ours(name):
                pass  # anybody can say goodbye for it; that it lives is known here
            elif state_change is ServiceStateChange.Removed:
                self._board.sightings.lose(name)
                self._board.unlike.judged(name)
            elif not self._read(zeroconf, AsyncServiceInfo(SERVICE_TYPE, name)):
                self._ask_later(name)
        except Exception:  # noqa: BLE001 - whatever a stranger has sent, we go on listening
            self._board.ignored["failed"] += 1
            _log.debug("an mDNS record could not be read: %r", name, exc_info=True)

    def _read(self, zeroconf: Zeroconf, info: AsyncServiceInfo) -> bool:
        """Take in what the cache knows of that name; False if it does not know all."""
        if not info.load_from_cache(zeroconf):
            return False
        board, keyring = self._board, self._keyring
        advert = judge(
            info.text or b"",
            info.port,
            info.parsed_addresses(IPVersion.V4Only),
            label=info.name.removesuffix(f".{SERVICE_TYPE}"),
            realm=self._realm,
            addresses=board.addresses,
            key=None if keyring is None else keyring.discovery_key,
            members=self._members,
        )
        board.unlike.judged(info.name, advert if isinstance(advert, str) else "")
        if not isinstance(advert, Advert):
            board.ignored[advert] += 1
            if advert == MISPLACED:
                where = ", ".join(info.parsed_addresses(IPVersion.V4Only)[:ADDRESSES_MAX])
                board.misplaced.append(f"{info.name} is announced at {where}")
            if advert == UNSEALED:
                self._doubt(info.name)
            else:
                board.sightings.lose(info.name)
        elif not board.sightings.see(info.name, advert, is_ours=self._is_ours(info.name)):
            board.ignored["full"] += 1
        return True

    def _is_ours(self, name: str) -> bool:
        """Whether a node of this station is announced under that name."""
        return any(announcer.name == name for announcer in self._announcers.values())

    def _sweep(self) -> None:
        """Make room in the cache if strangers have filled it; who is honest is asked for again."""
        self._noticed_count = 0
        if self._zeroconf is None:
            return
        if sweep(self._zeroconf.zeroconf.cache, self._board.sightings.names()):
            self._browse_at = min(self._browse_at, self._browsed_at + _LONELY_INTERVAL)

    def _doubt(self, name: str) -> None:
        """What was sealed is not any more: keep it, and look again, once.

        Its node has another address, and the old one is still in the cache; or a stranger has added
        one, which shall not take the node away.
        """
        if name in self._board.sightings and name not in self._doubted:
            loop = asyncio.get_running_loop()
            self._doubted[name] = loop.call_later(_DOUBT_DELAY, self._look_again, name)

    def _look_again(self, name: str) -> None:
        try:
            if self._zeroconf is not None:
                self._read(self._zeroconf.zeroconf, AsyncServiceInfo(SERVICE_TYPE, name))
        except Exception:  # noqa: BLE001 - as in `_noticed`
            self._board.ignored["failed"] += 1
        finally:
            del self._doubted[name]

    def _ask_later(self, name: str) -> None:
        if name in self._asking or name in self._unasked:
            return
        if len(self._unasked) >= _UNASKED_MAX:
            self._board.ignored["full"] += 1
            return
        self._unasked.append(name)
        self._ask_next()

    def _ask_next(self) -> None:
        while self._unasked and len(self._asking) < _ASKED_MAX:
            name = self._unasked.popleft()
            self._asking[name] = asyncio.create_task(self._ask(name))

    async def _ask(self, name: str) -> None:
        try:
            assert self._zeroconf is not None
            zeroconf = self._zeroconf.zeroconf
            info = AsyncServiceInfo(SERVICE_TYPE, name)
            if not await info.async_request(zeroconf, _ASK_TIMEOUT_MS, DNSQuestionType.QM):
                self._board.ignored["unanswered"] += 1
            else:
                self._read(zeroconf, info)
        except asyncio.CancelledError:
            raise
        except Exception:  # noqa: BLE001 - as above
            self._board.ignored["failed"] += 1
        finally:
            self._asking.pop(name, None)
            if self._zeroconf is not None:
                self._ask_next()

    # -- the end ------------------------------------------------------------------------------

    async def _close(self) -> None:
        """Say goodbye and close the sockets; what was seen stays known."""
        zeroconf, self._zeroconf = self._zeroconf, None
        self._browse_at = 0.0
        for announcer in self._announcers.values():
            announcer.forget()
        self._unasked.clear()
        for timer in self._doubted.values():
            timer.cancel()
        self._doubted.clear()
        asking = list(self._asking.values())
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        if zeroconf is None:
            return
        # A socket that fails now was what we close for, or goes with us.
        with contextlib.suppress(OSError, ZeroconfError, TimeoutError):
            if self._browser is not None:
                await self._browser.async_cancel()
        self._browser = None
        with contextlib.suppress(OSError, ZeroconfError, TimeoutError):
            await zeroconf.async_close()
