"""What an mDNS record says of a node, and how one of somebody else's is judged.

Anybody on the network can send such records, so nothing here raises for what they hold. Where
there are keys, a record counts that has a seal, and names a key out of the roster.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from zmqwork.discovery.interfaces import ADDRESSES_MAX, Address, is_near
from zmqwork.discovery.record import Record
from zmqwork.discovery.runtime import hashed
from zmqwork.discovery.seal import SEAL_FIELD, is_sealed, seal

SERVICE_TYPE = "_zmqwork._tcp.local."
TXT_VERSION = "1"
# Ours take 142 at most; a label holds 63, a string of a TXT record 255 (RFC 6763), and what exceeds
# 400 in all may not fit one packet with the rest.
TXT_BYTES_MAX = 400
LABEL_BYTES_MAX = 63
# Of one node; more than this were not found on interfaces.
_ENDPOINTS_MAX = 4
_REALM_DIGITS = 16

# What `judge` says of a record that has no seal of ours, or was changed since; of one whose node
# has keys, where we have none; and of one whose key is not in our roster.
UNSEALED, KEYED, UNKNOWN_KEY = "unsealed", "keyed", "unknown_key"
# And of one that would have us call who is in none of our networks.
MISPLACED = "address"

_ROLES = frozenset({"producer", "worker", "sink", "observer"})
_NODE_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Advert:
    """One node as an mDNS record describes it, checked.

    Attributes:
        node_id, role: what it claims to be; WELCOME will tell.
        endpoints: where it can be reached from here.
        host: the address that they have, for caps.
        fingerprint: of the key that is said to be there; empty where there are no keys.
    """

    node_id: str
    role: str
    endpoints: tuple[str, ...]
    host: str
    fingerprint: str = ""


def realm_hash(realm: str) -> str:
    """What stands for a realm in records: enough to tell realms apart, and not its name."""
    return hashed(realm, _REALM_DIGITS)


def new_incarnation() -> str:
    """A random number for each start: the same node under the same name would be no news."""
    return secrets.token_hex(4)


def label_of(record: Record, incarnation: str) -> str:
    """The instance name, unique without asking the network first; 33 bytes."""
    return f"{record.node_id[:24]}-{incarnation}"


def txt_of(
    record: Record,
    incarnation: str,
    key: bytes | None = None,
    port: int = 0,
    hosts: Iterable[str] = (),
) -> dict[str, str]:
    """The TXT record of a node, sealed if there is a key.

    Args:
        record: the node's.
        incarnation: as in its label.
        key: the discovery key.
        port: that of the SRV record beside it, which is sealed as well.
        hosts: likewise, its A records.
    """
    fields = {
        "v": TXT_VERSION,
        "id": record.node_id,
        "inc": incarnation,
        "r": record.role,
        "realm": realm_hash(record.realm),
        "pk": record.fingerprint,
    }
    if key is not None:
        fields[SEAL_FIELD] = seal(key, label_of(record, incarnation), fields, port, hosts)
    return fields


def judge(
    text: bytes,
    port: int | None,
    hosts: Sequence[str],
    *,
    label: str,
    realm: str,
    addresses: Sequence[Address],
    key: bytes | None = None,
    members: Collection[str] = (),
) -> Advert | str:
    """A record as an `Advert`, or the reason why it is none: a word for the counters.

    Args:
        text: its TXT record.
        port: that of its SRV record.
        hosts: its A records.
        label: the name of its instance.
        realm: the hash of ours.
        addresses: ours. Whoever is in none of their networks did not send this by mDNS, or
            wants us to call somebody else.
        key: the discovery key; None: this node has no keys.
        members: the fingerprints of the keys that count now.
    """
    fields = _split(text)
    if fields is None or not port or not 1 <= port <= 65_535 or not label.isprintable():
        return "malformed"  # (of labels, RFC 6763, 4.1.1: no control characters)
    why = _foreign(fields, realm) or _untrusted(fields, port, hosts, label, key, members)
    if why:
        return why
    node_id, role = fields.get("id", ""), fields.get("r", "")
    if not _NODE_ID.fullmatch(node_id) or role not in _ROLES:
        return "malformed"
    near = [host for host in hosts if is_near(host, addresses)][:_ENDPOINTS_MAX]
    if not near:
        return MISPLACED
    endpoints = tuple(f"tcp://{host}:{port}" for host in near)
    return Advert(node_id, role, endpoints, near[0], fields.get("pk", ""))


def _foreign(fields: Mapping[str, str], realm: str) -> str:
    if fields.get("v") != TXT_VERSION:
        return "version"
    return "" if fields.get("realm") == realm else "realm"


def _untrusted(
    fields: Mapping[str, str],
    port: int,
    hosts: Sequence[str],
    label: str,
    key: bytes | None,
    members: Collection[str],
) -> str:
    fingerprint = fields.get("pk", "")
    if key is None:
        return KEYED if fingerprint else ""  # who has keys talks to nobody without
    # (No node has more addresses: a forger could let us sort thousands.)
    if len(hosts) > ADDRESSES_MAX or not is_sealed(key, label, fields, port, hosts):
        return UNSEALED
    return "" if fingerprint in members else UNKNOWN_KEY


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
