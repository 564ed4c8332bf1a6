"""The seal of an mDNS record: who has not the discovery key can neither make nor change one.

It is no signature: whoever has the key, and so every member of the cluster, can seal for any other.
That is enough, because a record only suggests whom to call: CURVE proves who answers.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from hashlib import blake2b

# The field that holds it, and all others are what it is about.
SEAL_FIELD = "m"
SEAL_DIGITS = 32

# What this key says here it says nowhere else (blake2b takes up to 16 bytes).
_PURPOSE = b"zmqwork mdns 1"
_LENGTH_BYTES = 4


def seal(key: bytes, label: str, fields: Mapping[str, str], port: int, hosts: Iterable[str]) -> str:
    """The seal of a record: SEAL_DIGITS hexadecimal digits.

    Args:
        key: `Keyring.discovery_key`.
        label: the name of the instance: one record under a thousand names would fill tables.
        fields: those of its TXT record, as they are read; a seal among them is passed over.
        port: that of its SRV record.
        hosts: its A records, in any order.
    """
    named = sorted((name, value) for name, value in fields.items() if name != SEAL_FIELD)
    addresses = sorted(set(hosts))
    texts = [label, str(port), str(len(named)), *(text for pair in named for text in pair)]
    hashed = blake2b(digest_size=SEAL_DIGITS // 2, key=key, person=_PURPOSE)
    for text in [*texts, str(len(addresses)), *addresses]:
        data = text.encode()
        # With its length, so that no two records are one row of bytes.
        hashed.update(len(data).to_bytes(_LENGTH_BYTES, "big") + data)
    return hashed.hexdigest()


def is_sealed(
    key: bytes, label: str, fields: Mapping[str, str], port: int, hosts: Iterable[str]
) -> bool:
    """Whether a record has the seal that it should have; it takes as long if it has not."""
    made = seal(key, label, fields, port, hosts)
    return hmac.compare_digest(made.encode(), fields.get(SEAL_FIELD, "").encode())
