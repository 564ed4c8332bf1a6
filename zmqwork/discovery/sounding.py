"""Does multicast go out and come back, on each interface, and does anybody else speak mDNS there?

The questions are those that any mDNS browser asks: which services there are, and which nodes of
zmqwork; with them goes a question for a name that nobody has, by which we know our own again.
That our own come back tells of this machine (its firewall, its interface); that others answer
tells of the network. Nothing is announced.
"""

from __future__ import annotations

import errno
import secrets
import selectors
import socket
import struct
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from zeroconf import (  # type: ignore[attr-defined]  # all of them are in its documentation
    DNSIncoming,
    DNSOutgoing,
    DNSPointer,
    DNSQuestion,
)

from zmqwork.discovery.nics import Nic
from zmqwork.discovery.nics import nics as all_nics

MDNS_GROUP, MDNS_PORT = "224.0.0.251", 5353
# Where to send ours when the port of mDNS cannot be had; organisation-local, and nobody's.
_OWN_GROUP = "239.255.90.109"

_SERVICES = "_services._dns-sd._udp.local."
_NODES = "_zmqwork._tcp.local."
_PTR, _IN = 12, 1

# Asked again, because a responder does not repeat within a second what it has just said.
_ASK_INTERVAL = 1.0
_LOOK_INTERVAL = 0.05
# What one interface may tell; a network with more has multicast for certain.
_NAMES_MAX = 200
_DATAGRAM_BYTES_MAX = 9_000

# Of the kernel's interface; Python 3.11 does not name them.
_IP_PKTINFO = 8
_IP_MULTICAST_ALL = 49


@dataclass(slots=True)
class Echo:
    """What came of the questions on one interface. Bound: `_NAMES_MAX` of each.

    Attributes:
        nic: which.
        port: 5353, or the own one where that could not be had.
        error: why it could not be spoken on, or empty.
        came_back: our own question came back.
        heard_on: the names of other interfaces where it came in too: they share a network.
        hosts: addresses of other machines that answered, or asked.
        has_local: another program on this machine answered.
        services: types of services that others offer.
        nodes: names of instances of zmqwork.
    """

    nic: Nic
    port: int = MDNS_PORT
    error: str = ""
    came_back: bool = False
    heard_on: set[str] = field(default_factory=set)
    hosts: set[str] = field(default_factory=set)
    has_local: bool = False
    services: set[str] = field(default_factory=set)
    nodes: set[str] = field(default_factory=set)


def sound(
    nics: Sequence[Nic], duration: float, *, is_wanted: Callable[[], bool] = lambda: True
) -> list[Echo]:
    """Ask on each of these interfaces, and listen.

    Args:
        nics: interfaces that are up.
        duration: seconds to listen.
        is_wanted: asked now and then; False ends the listening.

    Returns:
        One `Echo` per interface, in their order.
    """
    sounding = _Sounding(nics)
    try:
        sounding.run(time.monotonic() + duration, is_wanted)
    finally:
        sounding.close()
    return sounding.echoes


class _Sounding:
    def __init__(self, nics: Sequence[Nic]) -> None:
        self.echoes = [Echo(nic) for nic in nics]
        # Also of those that are not listened on: a responder may answer under any of them.
        self._own = {nic.ip for nic in [*nics, *all_nics()]}
        nonce = secrets.token_hex(6)
        self._marks = {f"_{nonce}-{n}._udp.local.": e for n, e in enumerate(self.echoes)}
        self._socket, self._group, self._port = _open()
        # Indices are not unique: one interface may have several addresses.
        self._by_index: dict[int, Echo] = {}
        for echo in self.echoes:
            echo.port = self._port
            self._by_index.setdefault(echo.nic.index, echo)
            try:
                self._join(echo.nic)
            except OSError as error:
                echo.error = f"cannot listen: {error.strerror}"

    def _join(self, nic: Nic) -> None:
        group, ip = socket.inet_aton(self._group), socket.inet_aton(nic.ip)
        member = struct.pack("4s4si", group, ip, nic.index)
        try:
            self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:  # by another address of the same interface
                raise

    def run(self, give_up_at: float, is_wanted: Callable[[], bool]) -> None:
        ask_at = time.monotonic()
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            while (now := time.monotonic()) < give_up_at and is_wanted():
                if now >= ask_at:
                    ask_at = now + _ASK_INTERVAL
                    self._ask()
                if selector.select(min(_LOOK_INTERVAL, give_up_at - now)):
                    self._receive()

    def close(self) -> None:
        self._socket.close()

    def _ask(self) -> None:
        for mark, echo in self._marks.items():
            nic = echo.nic
            try:
                here = struct.pack("4s4si", bytes(4), socket.inet_aton(nic.ip), nic.index)
                self._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, here)
                for question in (_question(_SERVICES, _NODES), _question(mark)):
                    self._socket.sendto(question, (MDNS_GROUP, MDNS_PORT))
                if self._group != MDNS_GROUP:
                    self._socket.sendto(_question(mark), (self._group, self._port))
            except OSError as error:
                echo.error = f"cannot send: {error.strerror}"

    def _receive(self) -> None:
        try:
            data, ancillary, _, source = self._socket.recvmsg(_DATAGRAM_BYTES_MAX, 256)
        except OSError:
            return
        message = DNSIncoming(data, source)
        if not message.valid:
            return
        arrived = self._by_index.get(_index(ancillary))
        for question in message.questions:
            self._came_back(self._marks.get(question.name), arrived)
        if arrived is not None:
            self._overheard(arrived, message, source[0])

    def _came_back(self, echo: Echo | None, arrived: Echo | None) -> None:
        if echo is None:
            return
        if arrived is None or arrived.nic.index == echo.nic.index:
            echo.came_back = True
        else:
            echo.heard_on.add(arrived.nic.name)

    def _overheard(self, echo: Echo, message: DNSIncoming, source: str) -> None:
        if source not in self._own:
            _add(echo.hosts, source)
        if not message.is_response():
            return
        for record in message.answers():
            if not isinstance(record, DNSPointer):
                continue
            echo.has_local = echo.has_local or source in self._own
            if record.name.lower() == _SERVICES:
                _add(echo.services, record.alias)
            elif record.name.lower() == _NODES:
                _add(echo.nodes, record.alias)


def _add(names: set[str], name: str) -> None:
    if len(names) < _NAMES_MAX:
        names.add(name)


def _open() -> tuple[socket.socket, str, int]:
    """A socket on the port of mDNS, together with whoever has it; else on a port of our own."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if hasattr(socket, "SO_REUSEPORT"):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.setblocking(False)
    # A multicast packet for this machine comes back to it, and goes no further than the network.
    listener.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
    listener.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
    for option, value in ((_IP_MULTICAST_ALL, 0), (_IP_PKTINFO, 1)):
        try:
            listener.setsockopt(socket.IPPROTO_IP, option, value)
        except OSError:  # not Linux: then what comes back is not told apart by interface
            continue
    group = MDNS_GROUP
    try:
        listener.bind(("", MDNS_PORT))
    except OSError:
        listener.bind(("", 0))
        group = _OWN_GROUP
    return listener, group, listener.getsockname()[1]


def _index(ancillary: Iterable[tuple[int, int, bytes]]) -> int:
    """The interface at which a packet came in; 0 where that is not told."""
    for level, kind, data in ancillary:
        if level == socket.IPPROTO_IP and kind == _IP_PKTINFO and len(data) >= 4:
            return int(struct.unpack_from("i", data)[0])
    return 0


def _question(*names: str) -> bytes:
    query = DNSOutgoing(0)
    for name in names:
        query.add_question(DNSQuestion(name, _PTR, _IN))
    return query.packets()[0]
