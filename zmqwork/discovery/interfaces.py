"""Which network interfaces mDNS speaks on: named ones, the loopback, or the network's."""

from __future__ import annotations

import difflib
import fnmatch
import ipaddress
import socket
import struct
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import ifaddr

from zmqwork.errors import ConfigError, InsecureBind

# Bridges and tunnels of containers and virtual machines: what is behind them is this machine
# again, under addresses that nobody else can reach. Who wants one names it.
_SKIPPED = ("docker*", "veth*", "br-*", "virbr*", "tun*", "tap*", "wg*", "cni*", "flannel*")
# Where clouds answer to their machines with what those may know, secrets among it (IPv4's one).
METADATA = ipaddress.IPv4Address("169.254.169.254")
# Linux lets a socket join 20 multicast groups (igmp_max_memberships).
ADDRESSES_MAX = 16

_SIOCGIFFLAGS = 0x8913
_UP, _LOOPBACK, _POINT_TO_POINT, _RUNNING, _MULTICAST = 0x1, 0x8, 0x10, 0x40, 0x1000


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """One IPv4 address of an interface that is up and connected.

    Attributes:
        interface: its name.
        ip: the address.
        network: whoever is in it can be reached without a router, which is as far as mDNS goes.
    """

    interface: str
    ip: str
    network: ipaddress.IPv4Network

    @property
    def is_loopback(self) -> bool:
        """Whether it is for this machine alone."""
        return self.network.is_loopback

    def __str__(self) -> str:
        return f"{self.interface} {self.ip}"


_REFUSAL = """\
refusing to use the interface {name}: other machines could reach this node there, and without keys \
whoever reaches it can run the tasks of this app.
  with keys, one command here:    zmqwork keys init
    and for each other machine:   zmqwork keys add NODE --role worker,sink,observer -o NODE.zwk
    carried over, and there:      zmqwork keys join NODE.zwk
  where another machine has keys already, join its cluster instead: the last two commands
  on this machine only:           --interface lo   (or no --interface at all)
  without keys, on a network where you trust everybody: --insecure-lan"""


class Interfaces:
    """The choice of one node, made once; what there is to choose from changes.

    Args:
        names: interfaces by name or by address; none: the loopback, or with keys or
            `insecure_lan` all that lead to a network.
        insecure_lan: permit interfaces that others reach, without keys.
        keyed: the node has keys: what others reach is not open to them.

    Raises:
        ConfigError: a name is no interface; the nearest is named.
        InsecureBind: a name leads to a network, and neither is there.
    """

    def __init__(
        self, names: Iterable[str] = (), *, insecure_lan: bool = False, keyed: bool = False
    ) -> None:
        self._names = tuple(dict.fromkeys(names))
        self._is_open = insecure_lan or keyed
        known = _all_addresses() if self._names else []
        for name in self._names:
            found = [address for address in known if name in (address.interface, address.ip)]
            if not found:
                raise ConfigError(_unknown(name, known))
            if not self._is_open and not all(address.is_loopback for address in found):
                raise InsecureBind(_REFUSAL.format(name=name))

    @property
    def choice(self) -> tuple[tuple[str, ...], bool]:
        """What it was made of: the same for two of them that choose the same."""
        return self._names, self._is_open

    @property
    def default_bind(self) -> tuple[str, ...]:
        """Where a node binds that was not told where: nowhere else than mDNS would say."""
        if self._names:  # also one that is down now: it may come up
            named = (it for it in _all_addresses() if self._is_named(it))
            return tuple(f"tcp://{address.ip}:*" for address in named)
        # All addresses, because those of a network come and go. What is open to one network of
        # this machine by --insecure-lan is open to all: that is what the option says.
        return ("tcp://0.0.0.0:*",) if self._is_open else ("tcp://127.0.0.1:*",)

    def now(self) -> tuple[Address, ...]:
        """The addresses to use at this moment; bound: `ADDRESSES_MAX`."""
        chosen = sorted(address for address in _all_addresses() if self._is_chosen(address))
        return tuple(chosen[:ADDRESSES_MAX])

    def _is_chosen(self, address: Address) -> bool:
        flags = _flags(address.interface)
        if not flags & _UP or not flags & _RUNNING:
            return False
        if self._names:
            return self._is_named(address)
        if not self._is_open or address.is_loopback:
            return address.is_loopback and not self._is_open
        skipped = any(fnmatch.fnmatch(address.interface, pattern) for pattern in _SKIPPED)
        return bool(flags & _MULTICAST) and not flags & _POINT_TO_POINT and not skipped

    def _is_named(self, address: Address) -> bool:
        return address.interface in self._names or address.ip in self._names


def reachable_at(endpoints: Iterable[str], addresses: Iterable[Address]) -> tuple[int, list[str]]:
    """The port, and the addresses of it, at which bound tcp endpoints can be reached.

    An mDNS record has one port: of endpoints with several ports the first one counts that can
    be reached. Port 0: none can.
    """
    addresses = list(addresses)
    for endpoint in endpoints:
        host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
        if not endpoint.startswith("tcp://") or not port.isdecimal():
            continue
        found = [address.ip for address in addresses if host in ("0.0.0.0", "*", address.ip)]  # noqa: S104
        if found:
            return int(port), found
    return 0, []


def is_near(host: str, addresses: Sequence[Address]) -> bool:
    """Whether a record may send us there: to one machine that our networks lead to.

    The loopback counts only for a node that is on nothing else: for another one it would be a way
    to services of its own machine. A forged record must not make us call what is no node.
    """
    try:
        ip = ipaddress.IPv4Address(host)
    except ValueError:
        return False
    if ip.is_loopback and not all(address.is_loopback for address in addresses):
        return False
    # 0 is "this network", 224 and up are groups and what has no use yet.
    if ip == METADATA or not 0 < int(ip) >> 24 < 224:
        return False
    return any(_is_host_of(ip, address) for address in addresses)


def _is_host_of(ip: ipaddress.IPv4Address, address: Address) -> bool:
    network = address.network
    if ip.is_link_local and not ipaddress.IPv4Address(address.ip).is_link_local:
        return False
    # The first and the last address are the network and its broadcast; not of two or one.
    ends = (network.network_address, network.broadcast_address)
    return ip in network and (network.prefixlen >= 31 or ip not in ends)


def _all_addresses() -> list[Address]:
    return [
        Address(adapter.name, ip.ip, ipaddress.IPv4Network((ip.ip, ip.network_prefix), False))
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
        if isinstance(ip.ip, str)
    ]


def _flags(interface: str) -> int:
    """What the kernel says of an interface; where it cannot be asked, all that is good."""
    if not sys.platform.startswith("linux"):
        return _UP | _RUNNING | _MULTICAST
    import fcntl  # noqa: PLC0415 - not on Windows

    request = struct.pack("256s", interface.encode()[:15])
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            answer = fcntl.ioctl(asking.fileno(), _SIOCGIFFLAGS, request)
    except OSError:
        return 0  # it has just gone
    return int(struct.unpack_from("H", answer, 16)[0])


def _unknown(name: str, known: list[Address]) -> str:
    names = list(dict.fromkeys(address.interface for address in known))
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(names) or 'none'}"
    return f"there is no interface {name!r} with an IPv4 address: {hint}"
