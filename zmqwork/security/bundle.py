"""A bundle: all that a machine needs to be a node of a cluster, in one file to carry over."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zmqwork.errors import KeysError
from zmqwork.security import files
from zmqwork.security.contents import decode_discovery_key
from zmqwork.security.pairs import Pair, check_pair
from zmqwork.security.roster import ROSTER_BYTES_MAX, Roster, check_member_name
from zmqwork.security.roster import decode as decode_roster

SUFFIX = ".zwk"
BUNDLE_BYTES_MAX = ROSTER_BYTES_MAX + 4_096

_FORMAT = 1
_FIELDS = {"format", "name", "public", "secret", "discovery_key", "roster"}

_HEAD = """\
# One node of a zmqwork cluster: whoever has this file is that node. Carry it to its machine, let
# `zmqwork keys join` read it there, and remove it.
"""


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a node has of its cluster, before it is in a keys directory.

    Attributes:
        name: of the member that it makes.
        pair: its key.
        roster: whom it trusts.
        discovery_key: seals what is said by mDNS.
    """

    name: str
    pair: Pair
    roster: Roster
    discovery_key: bytes = field(repr=False)

    def write(self, path: Path) -> None:
        """Write the file, for this user alone.

        Raises:
            KeysError: it is there already, or cannot be written.
        """
        fields = {
            "name": self.name,
            "public": self.pair.public,
            "secret": self.pair.secret,
            "discovery_key": self.discovery_key.hex(),
        }
        lines = [f"format = {_FORMAT}", *(f"{k} = {json.dumps(v)}" for k, v in fields.items())]
        text = "\n".join(lines)
        # (No roster that was encoded has such quotes: names and keys cannot.)
        files.write(
            path, f"{_HEAD}{text}\nroster = '''\n{self.roster.encode()}'''\n", replace=False
        )


def read(path: Path) -> Bundle:
    """The bundle in a file.

    Raises:
        KeysError: others can read it, it is cut off, or is none; its name is in the text, and
            nothing of what is in it.
    """
    text = files.read(path, BUNDLE_BYTES_MAX)
    try:
        fields = tomllib.loads(text)
    except (ValueError, RecursionError):
        # (Its text may quote what is in the file.)
        raise KeysError(f"{path} is no bundle of `zmqwork keys add`, or was cut off") from None
    try:
        return _decode(fields)
    except ValueError as error:
        raise KeysError(f"{path} cannot be joined: {error}") from None


def _decode(fields: dict[str, Any]) -> Bundle:
    if fields.get("format") != _FORMAT:
        raise KeysError(f"it is no bundle of format {_FORMAT}, which this zmqwork reads")
    if set(fields) != _FIELDS:
        raise KeysError(f"it has not the fields {', '.join(sorted(_FIELDS))}, or others as well")
    pair = Pair(str(fields["public"]), str(fields["secret"]))
    check_pair(pair)
    roster = decode_roster(str(fields["roster"]))
    name = check_member_name(fields["name"])
    return Bundle(name, pair, roster, decode_discovery_key(fields["discovery_key"]))
