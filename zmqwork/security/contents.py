"""The files of a keys directory, one by one; `keyring` is all of them together.

What cannot be used is refused with the name of its file, and without anything that is in it.
"""

from __future__ import annotations

import json
from pathlib import Path

from zmqwork.errors import KeysError
from zmqwork.security import files, plain_toml
from zmqwork.security.pairs import Pair, check_pair
from zmqwork.security.roster import ROSTER_BYTES_MAX, Roster, check_member_name
from zmqwork.security.roster import decode as decode_roster

NODE_FILE, ROSTER_FILE, DISCOVERY_FILE = "node.toml", "roster.toml", "discovery.key"
# A pair that waits to take the place of the one in NODE_FILE, until the others have heard of it.
NEXT_FILE = "next.toml"
FILES = (NODE_FILE, NEXT_FILE, ROSTER_FILE, DISCOVERY_FILE)

DISCOVERY_KEY_BYTES = 32
_SMALL_BYTES_MAX = 4_096

_NODE_HEAD = """\
# The key pair of one node of a zmqwork cluster. Whoever reads this file is that node.
"""


def read_node(path: Path) -> tuple[str, Pair]:
    """The name of a node, and its pair."""
    text = files.read(path, _SMALL_BYTES_MAX)
    try:
        fields = plain_toml.loads(text)
        pair = Pair(str(fields.get("public")), str(fields.get("secret")))
        check_pair(pair)
        return check_member_name(fields.get("name")), pair
    except KeysError as error:
        raise KeysError(f"{path}: {error}") from None


def write_node(path: Path, name: str, pair: Pair) -> None:
    """What `read_node` reads."""
    fields = {"name": name, "public": pair.public, "secret": pair.secret}
    # What these texts can hold is written alike in JSON and TOML.
    lines = [f"{key} = {json.dumps(value)}\n" for key, value in fields.items()]
    files.write(path, _NODE_HEAD + "".join(lines))


def read_roster(place: Path) -> Roster:
    """The roster of a keys directory."""
    path = place / ROSTER_FILE
    text = files.read(path, ROSTER_BYTES_MAX)
    try:
        return decode_roster(text)
    except KeysError as error:
        raise KeysError(f"{path}: {error}") from None


def write_roster(place: Path, roster: Roster) -> None:
    """What `read_roster` reads; one that it could not read is not written."""
    text = roster.encode()
    if decode_roster(text) != roster:
        raise KeysError(f"roster {roster.serial} of {roster.cluster} cannot be written as it is")
    files.write(place / ROSTER_FILE, text)


def read_discovery_key(place: Path) -> bytes:
    """The key that seals what is said by mDNS."""
    path = place / DISCOVERY_FILE
    text = files.read(path, _SMALL_BYTES_MAX).strip()
    try:
        return decode_discovery_key(text)
    except ValueError as error:
        raise KeysError(f"{path}: {error}") from None


def write_discovery_key(place: Path, key: bytes) -> None:
    """What `read_discovery_key` reads."""
    files.write(place / DISCOVERY_FILE, f"{key.hex()}\n")


def decode_discovery_key(text: object) -> bytes:
    """The key in its text. Raises `ValueError`, which does not quote it."""
    try:
        key = bytes.fromhex(text) if isinstance(text, str) else b""
    except ValueError:
        key = b""
    if len(key) != DISCOVERY_KEY_BYTES:
        raise ValueError(f"the discovery key has not {DISCOVERY_KEY_BYTES} bytes in hex")
    return key
