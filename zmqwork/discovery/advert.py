"""What an mDNS record says of a node, and how one of somebody else's is judged.

Anybody on the network can send such records, so nothing here raises for what they hold.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from zmqwork.discovery.interfaces import Address
from zmqwork.discovery.record import Record
from zmqwork.discovery.runtime import hashed

SERVICE_TYPE = "_zmqwork._tcp.local."
TXT_VERSION = "1"
# Ours take 130; a label holds 63, a string of a TXT record 255 (RFC 6763), and what exceeds
# 400 in all may not fit one packet with the rest.
TXT_BYTES_MAX = 400
LABEL_BYTES_MAX = 63
# Of one node; more than this were not found on interfaces.
_ENDPOINTS_MAX = 4
_REALM_DIGITS = 16

_ROLES = frozenset({"producer", "worker", "sink", "observer"})
_NODE_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Advert:
    """One node as an mDNS record describes it, checked.

    Attributes:
        node_id, role: what it claims to be; WELCOME will tell.
        endpoints: where it can be reached from here.
        host: the address that they have, for caps.
    """

    node_id: str
    role: str
    endpoints: tuple[str, ...]
    host: str


def realm_hash(realm: str) -> str:
    """What stands for a realm in records: enough to tell realms apart, and not its name."""
    return hashed(realm, _REALM_DIGITS)


def new_incarnation() -> str:
    """A random number for each start: the same node under the same name would be no news."""
    return secrets.token_hex(4)


def label_of(record: Record, incarnation: str) -> str:
    """The instance name, unique without asking the network first; 33 bytes."""
    return f"{record.node_id[:24]}-{incarnation}"


def txt_of(record: Record, incarnation: str) -> dict[str, str]:
    """The TXT record of a node."""
    return {
        "v": TXT_VERSION,
        "id": record.node_id,
        "inc": incarnation,
        "r": record.role,
        "realm": realm_hash(record.realm),
        "pk": "",  # the fingerprint of its key, once there are keys
    }


def judge(
    text: bytes,
    port: int | None,
    hosts: Iterable[str],
    *,
    realm: str,
    addresses: Sequence[Address],
) -> Advert | str:
    """A record as an `Advert`, or the reason why it is none: a word for the counters.

    Args:
        text: its TXT record.
        port: that of its SRV record.
        hosts: its A records.
        realm: the hash of ours.
        addresses: ours. Whoever is in none of their networks did not send this by mDNS, or
            wants us to call somebody else.
    """
    fields = _split(text)
    if fields is None or not port or not 1 <= port <= 65_535:
        return "malformed"
    if fields.get("v") != TXT_VERSION:
        return "version"
    if fields.get("realm") != realm:
        return "realm"
    node_id, role = fields.get("id", ""), fields.get("r", "")
    if not _NODE_ID.fullmatch(node_id) or role not in _ROLES:
        return "malformed"
    near = [host for host in hosts if _is_near(host, addresses)][:_ENDPOINTS_MAX]
    if not near:
        return "address"
    return Advert(node_id, role, tuple(f"tcp://{host}:{port}" for host in near), near[0])


def _is_near(host: str, addresses: Sequence[Address]) -> bool:
    try:
        ip = ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return any(ip in address.network for address in addresses)


def _split(text: bytes) -> dict[str, str] | None:
    """The fields of a TXT record (RFC 6763, 6); None if it is none of ours."""
    if len(text) > TXT_BYTES_MAX:
        return None
    fields: dict[str, str] = {}
    at = 0
    while at < len(text):
        end = at + 1 + text[at]
        if end > len(text):
            return None
        key, _, value = text[at + 1 : end].partition(b"=")
        at = end
        if not (key.isascii() and value.isascii()):
            continue  # none that we know
        # "silently ignored if it appears again": the first one counts.
        fields.setdefault(key.decode().lower(), value.decode())
    return fields
