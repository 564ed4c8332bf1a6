"""The records of an audit log as lines that are chained by hashes, and the check of such a chain.

Each record names the hash of the record before it, in ``prev``, and its own number, in ``seq``. So
none can be changed, taken out, put in or moved without the next one showing it. A line that was
torn by a crash is no record: the record behind it names its hash in ``torn``, and vouches for it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

# Before the first record of all.
GENESIS = "0" * 64

# What is noted is cut to fit (`audit`); whatever is longer was not written by us.
LINE_BYTES_MAX = 64 * 1024

_HASH = re.compile(r"[0-9a-f]{64}")


class Link(NamedTuple):
    """Where a chain has got to: the number and the hash of a record."""

    seq: int
    digest: str


ROOT = Link(0, GENESIS)


def digest(data: bytes) -> str:
    """The hash of a line, without its end: BLAKE2b with 256 bits."""
    return hashlib.blake2b(data, digest_size=32).hexdigest()


def seal(record: Mapping[str, Any], after: Link, torn: bytes = b"") -> tuple[bytes, Link]:
    """The line of a record, with its end, and the link that it is.

    Args:
        record: what it says, for JSON.
        after: the record before it.
        torn: what stands between them and is no record.
    """
    vouched = {"torn": digest(torn)} if torn else {}
    chained = {**record, **vouched, "seq": after.seq + 1, "prev": after.digest}
    line = json.dumps(chained, separators=(",", ":")).encode()
    return line + b"\n", Link(after.seq + 1, digest(line))


def read(line: bytes) -> dict[str, Any] | None:
    """The record that a line is; None: it is none."""
    if not line.startswith(b"{") or len(line) > LINE_BYTES_MAX:
        return None
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    seq, prev = record.get("seq"), record.get("prev")
    if type(seq) is not int or seq < 1 or not isinstance(prev, str) or not _HASH.fullmatch(prev):
        return None
    return record


class End(NamedTuple):
    """How a file ends.

    Attributes:
        link: its last record; None: it has none.
        rest: what stands behind that, with an end.
    """

    link: Link | None
    rest: bytes


def end_of(data: bytes, *, whole: bool) -> End:
    """How a file ends that ends with these bytes; `whole`: they are all that it has."""
    lines = data.removesuffix(b"\n").split(b"\n") if data else []
    for index in range(len(lines) - 1, -1 if whole else 0, -1):
        record = read(lines[index])
        if record is not None:
            rest = b"".join(line + b"\n" for line in lines[index + 1 :])
            return End(Link(record["seq"], digest(lines[index])), rest)
    return End(None, b"".join(line + b"\n" for line in lines))


class Fault(NamedTuple):
    """Where a chain is broken, and how."""

    file: str
    line: int
    text: str


@dataclass(slots=True)
class Verdict:
    """What the check of a chain has found; it ends at the first fault.

    Attributes:
        records: how many are chained.
        first: the number of the first one; what came before was rotated away, or never was.
        end: the last one.
        torn: lines that a crash has torn.
        wanted_at: the number of the record whose hash was looked for; 0: it is not there.
        fault: where the chain is broken; None: it is whole.
    """

    records: int = 0
    first: int = 0
    end: Link = ROOT
    torn: int = 0
    wanted_at: int = 0
    fault: Fault | None = None


def verify(
    files: Iterable[tuple[str, Iterable[bytes]]], wanted: str = "", *, is_all: bool = True
) -> Verdict:
    """Check a chain.

    Args:
        files: the name and the lines of each, the oldest first.
        wanted: a hash that should be in it.
        is_all: nothing was rotated away yet, so that it must begin with record 1.
    """
    verdict = Verdict()
    rest, is_torn = hashlib.blake2b(digest_size=32), False
    at = ("", 0)  # the record before
    for name, lines in files:
        for number, raw in enumerate(lines, 1):
            line = raw.removesuffix(b"\n")
            record = read(line)
            if record is None:
                verdict.torn += 1
                is_torn = True
                rest.update(line + b"\n")
                continue
            why = ""
            if verdict.records or is_all or record["seq"] == 1:
                why = _broken(record, verdict.end, rest.hexdigest() if is_torn else "")
            if why:
                place = at if why.startswith(_EDITED) else (name, number)
                verdict.fault = Fault(*place, why)
                return verdict
            if is_torn:
                rest, is_torn = hashlib.blake2b(digest_size=32), False
            at = (name, number)
            verdict.records += 1
            verdict.first = verdict.first or record["seq"]
            verdict.end = Link(record["seq"], digest(line))
            if verdict.end.digest == wanted:
                verdict.wanted_at = record["seq"]
    return verdict


_EDITED = "it is not what it was"


def _broken(record: Mapping[str, Any], before: Link, torn: str) -> str:
    """Why this record does not follow that one; `_EDITED`: that one is at fault."""
    seq = record["seq"]
    if seq > before.seq + 1:
        first, last = before.seq + 1, seq - 1
        gone = f"record {first} is" if first == last else f"records {first} to {last} are"
        return f"{gone} missing before it: removed, made illegible, or in a file that is gone"
    if seq <= before.seq:
        return f"record {seq} stands behind record {before.seq}: moved, or put in"
    if record["prev"] != before.digest:
        known = f"{_EDITED} when record {seq} was written behind it: edited, or replaced"
        return known if before.seq else "it is the first record, and names one before it"
    if record.get("torn", "") == torn:
        return ""
    if not torn:
        return "a line that was torn by a crash should stand before it, and was removed"
    return "what stands before it is no record, and not what a crash has left: put in, or edited"
