"""All network interfaces of this machine with an IPv4 address, for people who ask what is wrong.

What mDNS uses of them is decided elsewhere; here also those are told that are down, or skipped.
"""

from __future__ import annotations

import fnmatch
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

import ifaddr

# What the kernel says, and which kinds are left out, is the same for both.
from zmqwork.discovery.interfaces import _MULTICAST, _RUNNING, _SKIPPED, _UP, _flags

# As many as Linux lets a socket have memberships (igmp_max_memberships is 20), less a few.
NICS_MAX = 16


@dataclass(frozen=True, slots=True, order=True)
class Nic:
    """One IPv4 address of one interface.

    Attributes:
        name, index, ip: of the interface, as the kernel has them.
        is_up: it is switched on, and has a carrier.
        is_loopback: it is for this machine alone.
        is_multicast: it says that it can (the loopback never says so, and can).
        is_skipped: it is of a kind that mDNS leaves out unless it is named.
    """

    name: str
    index: int
    ip: str
    is_up: bool
    is_loopback: bool
    is_multicast: bool
    is_skipped: bool

    def __str__(self) -> str:
        return f"{self.name} {self.ip}"

    def is_one_of(self, names: Iterable[str]) -> bool:
        """Whether it was named: by its name, or by its address."""
        return bool({self.name, self.ip} & set(names))


def nics() -> list[Nic]:
    """All of them, the loopback first; bound: `NICS_MAX`."""
    found = []
    for adapter in ifaddr.get_adapters():
        flags = _flags(adapter.name)
        for address in adapter.ips:
            if not isinstance(address.ip, str):
                continue
            nic = Nic(
                name=adapter.name,
                index=adapter.index or 0,
                ip=address.ip,
                is_up=bool(flags & _UP and flags & _RUNNING),
                is_loopback=ipaddress.ip_address(address.ip).is_loopback,
                is_multicast=bool(flags & _MULTICAST),
                is_skipped=any(fnmatch.fnmatch(adapter.name, pattern) for pattern in _SKIPPED),
            )
            found.append(nic)
    return sorted(found, key=lambda nic: (not nic.is_loopback, nic))[:NICS_MAX]
