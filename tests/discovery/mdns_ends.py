"""The two ends of real mDNS on the loopback: nodes that look, and strangers that send."""

from __future__ import annotations

import secrets
import socket

from zeroconf import DNSOutgoing, DNSPointer, DNSService, DNSText
from zeroconf._dns import DNSAddress
from zeroconf.const import (
    _CLASS_IN,
    _FLAGS_AA,
    _FLAGS_QR_RESPONSE,
    _TYPE_A,
    _TYPE_PTR,
    _TYPE_SRV,
    _TYPE_TXT,
)

from zmqwork.core.link_events import PeerFound
from zmqwork.discovery.advert import SERVICE_TYPE
from zmqwork.discovery.mdns import Mdns
from zmqwork.discovery.record import Record


class Seeker(Mdns):
    """A source whose events are kept."""

    def __init__(self, realm, chosen, keys=None):
        super().__init__(realm, chosen, keys, alone=True)
        self.events = []

    def sees(self, key_part, kind=PeerFound):
        self.events += self.poll(0.0)
        return any(type(it) is kind and key_part in repr(it) for it in self.events)


def record(realm, port=7071, role="worker", node_id=None, host="127.0.0.1"):
    node_id = node_id or secrets.token_hex(16)
    return Record(node_id, role, "w", realm, ("ipc:///x", f"tcp://{host}:{port}"), 1, "h")


class Stranger:
    """Sends records of its own making to everybody who listens on the loopback."""

    def __init__(self):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(
            socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1")
        )

    def send(self, *records):
        out = DNSOutgoing(_FLAGS_QR_RESPONSE | _FLAGS_AA)
        for it in records:
            out.add_answer_at_time(it, 0)
        for packet in out.packets():
            self._socket.sendto(packet, ("224.0.0.251", 5353))

    def send_bytes(self, data):
        self._socket.sendto(data, ("224.0.0.251", 5353))

    def node(self, label, text, host="127.0.0.1", port=9):
        name, server = f"{label}.{SERVICE_TYPE}", f"{label}.local."
        return [
            DNSPointer(SERVICE_TYPE, _TYPE_PTR, _CLASS_IN, 120, name),
            DNSService(name, _TYPE_SRV, _CLASS_IN, 120, 0, 0, port, server),
            DNSText(name, _TYPE_TXT, _CLASS_IN, 120, text),
            DNSAddress(server, _TYPE_A, _CLASS_IN, 120, socket.inet_aton(host)),
        ]

    def close(self):
        self._socket.close()


def txt(**fields):
    items = [f"{key}={value}".encode() for key, value in fields.items()]
    return b"".join(bytes([len(item)]) + item for item in items)
