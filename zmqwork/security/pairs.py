"""CURVE key pairs, and the short form by which a public key is known."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field
from functools import lru_cache

import zmq
from zmq.utils import z85

from zmqwork.errors import KeysError

# A key has 32 bytes, which Z85 writes as 40 characters (ZeroMQ RFC 32).
KEY_CHARACTERS = 40
_FINGERPRINT_BYTES = 8


@dataclass(frozen=True, slots=True)
class Pair:
    """A key pair in Z85; the secret half is in no repr, and so in no log."""

    public: str
    secret: str = field(repr=False)


def new_pair() -> Pair:
    """A fresh pair.

    Raises:
        KeysError: libzmq was built without CURVE.
    """
    try:
        public, secret = zmq.curve_keypair()
    except zmq.ZMQError as error:
        raise KeysError(f"this libzmq has no CURVE, so there are no keys: {error}") from error
    return Pair(public.decode(), secret.decode())


def check_pair(pair: Pair) -> None:
    """Raise `KeysError` unless both are keys, and belong together. Neither is in the text."""
    decode(pair.public)
    decode(pair.secret)
    if zmq.curve_public(pair.secret.encode()).decode() != pair.public:
        raise KeysError("the secret key does not belong to the public one")


def decode(public: str) -> bytes:
    """The 32 bytes of a key.

    Raises:
        KeysError: it is none.
    """
    if len(public) == KEY_CHARACTERS and public.isascii():
        try:
            return z85.decode(public.encode())
        except (ValueError, KeyError, struct.error):
            pass
    raise KeysError(f"a key has {KEY_CHARACTERS} characters of Z85, and this is none")


@lru_cache(maxsize=2 * 4_096)  # a full roster, and some more
def fingerprint(public: str) -> str:
    """16 hexadecimal digits that stand for a public key in records and logs.

    Raises:
        KeysError: it is no key.
    """
    return hashlib.blake2b(decode(public), digest_size=_FINGERPRINT_BYTES).hexdigest()
