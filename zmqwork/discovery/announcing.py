"""What one node says of itself by mDNS: when, under which name, and its goodbye."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import NamedTuple

from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from zmqwork.discovery.advert import SERVICE_TYPE, label_of, new_incarnation, txt_of
from zmqwork.discovery.interfaces import Address, reachable_at
from zmqwork.discovery.record import Record
from zmqwork.security.keyring import Keyring


class _Announced(NamedTuple):
    """All that others are told."""

    record: Record
    port: int
    hosts: list[str]
    key: bytes | None


class Announcer:
    """The record of one node on a zeroconf instance, which it may share with others.

    Attributes:
        name: of the instance, as long as it is announced; else empty.
    """

    def __init__(self) -> None:
        self.name = ""
        self._incarnation = new_incarnation()
        self._announced: _Announced | None = None
        self._info: AsyncServiceInfo | None = None
        self._sending: asyncio.Future[None] | None = None

    async def announce(
        self,
        zeroconf: AsyncZeroconf,
        own: Record | None,
        addresses: Sequence[Address],
        keyring: Keyring | None,
    ) -> None:
        """Say what there is to say, if it differs from what was said; None: goodbye.

        Raises:
            OSError, zeroconf.Error, TimeoutError: the network does not take it.
        """
        wanted = _wanted(own, addresses, keyring)
        if wanted == self._announced:
            return
        if wanted is None:
            await self.withdraw(zeroconf)
            return
        record, port, hosts, key = wanted
        if key is not None and self._announced is not None and hosts != self._announced.hosts:
            # An old address that stays in a cache beside the new one would break the seal.
            await self.withdraw(zeroconf)
        label = label_of(record, self._incarnation)
        info = AsyncServiceInfo(
            SERVICE_TYPE,
            f"{label}.{SERVICE_TYPE}",
            port=port,
            parsed_addresses=hosts,
            properties=txt_of(record, self._incarnation, key, port, hosts),
            # A name of our own: the machine's belongs to its own responder.
            server=f"{label}.local.",
        )
        self.name = info.name
        if self._announced is None:
            # Nobody else has this name, so there is nothing to ask before it is used.
            sending = zeroconf.async_register_service(info, cooperating_responders=True)
        else:
            sending = zeroconf.async_update_service(info)
        self._announced, self._info = wanted, info
        self._send(await sending)

    async def withdraw(self, zeroconf: AsyncZeroconf) -> None:
        """Say goodbye, if anything was said."""
        if self._info is None:
            return
        info = self._info
        self.forget()
        await (await zeroconf.async_unregister_service(info))

    def forget(self) -> None:
        """The instance is closed, which says goodbye: what comes next is said anew."""
        self.name = ""
        self._announced = self._info = None
        # An announcement after the goodbye would take it back.
        self._stop_sending()

    def _send(self, sending: Awaitable[None]) -> None:
        """Let three announcements go, without waiting for them."""
        self._stop_sending()
        self._sending = asyncio.ensure_future(sending)

    def _stop_sending(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None


def _wanted(
    own: Record | None, addresses: Sequence[Address], keyring: Keyring | None
) -> _Announced | None:
    port, hosts = reachable_at(own.endpoints, addresses) if own is not None else (0, [])
    if own is None or not hosts:
        return None
    if keyring is None:
        return _Announced(own, port, hosts, None)
    own = replace(own, fingerprint=keyring.fingerprint)
    return _Announced(own, port, hosts, keyring.discovery_key)
