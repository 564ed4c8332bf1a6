"""What a node says of itself where others look for it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from zmqwork.config import NodeConfig

# A record is a few hundred bytes; more than this was not written by a node.
RECORD_BYTES_MAX = 64 * 1024
# Written into each record. A reader skips versions that it does not know: two releases of the
# package may share a machine.
RECORD_VERSION = 1

_FINGERPRINT = re.compile(r"[0-9a-f]{16}", re.ASCII)

# Best first: no network at all, the loopback, the rest (DESIGN 4).
_LOOPBACK = ("tcp://127.", "tcp://localhost", "tcp://[::1]")


@dataclass(frozen=True, slots=True)
class Record:
    """One announced node.

    Attributes:
        node_id: 32 hexadecimal digits, random per process: never seen again once it is gone.
        role: ``producer``, ``worker``, ``sink`` or ``observer``.
        name: a label for people.
        realm: the app's name.
        endpoints: where its ROUTER is bound.
        pid, host: where it runs, for people.
        fingerprint: of its key; empty: it has none. Only whoever has that key in the roster knows
            the key itself, so that a forged record leads nowhere.
    """

    node_id: str
    role: str
    name: str
    realm: str
    endpoints: tuple[str, ...]
    pid: int
    host: str
    fingerprint: str = ""

    def encode(self) -> bytes:
        """The record as the content of its file."""
        return json.dumps({"version": RECORD_VERSION, **asdict(self)}).encode()

    def best_first(self) -> tuple[str, ...]:
        """The endpoints in the order in which they should be tried."""
        return tuple(sorted(self.endpoints, key=_distance))


def record_of(
    config: NodeConfig, role: str, endpoints: Iterable[str], fingerprint: str = ""
) -> Record:
    """The record of a node that is bound to these endpoints."""
    return Record(
        node_id=config.node_id,
        role=role,
        name=config.name,
        realm=config.realm,
        endpoints=tuple(endpoints),
        pid=config.pid,
        host=config.host,
        fingerprint=fingerprint,
    )


def _distance(endpoint: str) -> int:
    if endpoint.startswith("ipc://"):
        return 0
    return 1 if endpoint.startswith(_LOOPBACK) else 2


def decode_record(data: bytes) -> Record | None:
    """The record in a file's content; None if it is none that this version understands."""
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict) or fields.get("version") != RECORD_VERSION:
        return None
    names = ("node_id", "role", "name", "realm", "host")
    texts: list[Any] = [fields.get(name) for name in names]
    endpoints: Any = fields.get("endpoints")
    pid: Any = fields.get("pid")
    if not all(isinstance(text, str) for text in texts) or type(pid) is not int:
        return None
    if not isinstance(endpoints, list) or not all(isinstance(e, str) for e in endpoints):
        return None
    fingerprint = fields.get("fingerprint", "")  # older releases do not say it: they have no keys
    if fingerprint != "" and not is_fingerprint(fingerprint):
        return None
    node_id, role, name, realm, host = texts
    return Record(node_id, role, name, realm, tuple(endpoints), pid, host, fingerprint)


def is_fingerprint(value: object) -> bool:
    """Whether this is that of a key: 16 hexadecimal digits."""
    return isinstance(value, str) and _FINGERPRINT.fullmatch(value) is not None
