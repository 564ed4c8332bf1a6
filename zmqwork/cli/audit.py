"""Look at the audit log of this user: what was let in, refused and changed."""

from __future__ import annotations

import argparse
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from zmqwork.cli import exits
from zmqwork.cli.output import Output, complain, counted
from zmqwork.cli.parser import Parser, add_output, nearest, whole
from zmqwork.errors import UsageError
from zmqwork.escaping import printable
from zmqwork.security import chain
from zmqwork.security.chain import Verdict
from zmqwork.security.following import Follower
from zmqwork.security.kinds import KINDS
from zmqwork.security.rotation import KEPT, default_path, lines_of, opened

EXAMPLES = """
zmqwork audit tail -n 20
zmqwork audit tail -f --kind auth.deny --kind role.violation
zmqwork audit tail -n 1000000 -o json | jq 'select(.member == "node7")'
zmqwork audit verify
zmqwork audit verify --from HASH              a hash that verify has printed once

verify finds what was edited, removed, put in or moved. From the files alone it cannot see that
their end was cut off or is another one, nor that all was written anew by somebody who may write
there: for that, keep the hash that it prints elsewhere, and some day give it to --from.
"""

_COLUMNS = ("AT", "KIND", "NODE", "MEMBER", "KEY", "PEER", "WHAT")
# Of lines that come one by one; a longer word moves what is behind it.
_ROOMS = (24, 15, 16, 8, 16, 15)
# What has a column of its own, or is for programs.
_SHOWN = {"at", "boot", "node", "kind", "member", "fingerprint", "peer", "reason"}
_OF_CHAIN = {"seq", "prev", "torn"}

_LOOK_INTERVAL = 0.3

_HASH = re.compile(r"[0-9a-f]{64}")


def configure(parser: Parser) -> None:
    """Add the options of ``audit``."""
    parser.add_argument(
        "action",
        metavar="ACTION",
        help="tail: its last records; verify: read all of it, and check its chain of hashes",
    )
    parser.add_argument(
        "-n",
        "--count",
        type=whole(0, 1_000_000),
        default=10,
        metavar="COUNT",
        help="records that tail shows (default: 10)",
    )
    parser.add_argument("-f", "--follow", action="store_true", help="go on, until Ctrl-C")
    parser.add_argument(
        "--kind",
        action="append",
        default=[],
        choices=tuple(KINDS),
        metavar="KIND",
        help=f"records of this kind alone; may be given again: {', '.join(KINDS)}",
    )
    parser.add_argument(
        "--from",
        dest="wanted",
        type=_hash,
        metavar="HASH",
        help="verify that the chain has the record with this hash, which was kept elsewhere",
    )
    parser.add_argument(
        "--file",
        type=Path,
        metavar="PATH",
        help="another log, of which audit.jsonl.1 and so on lie beside it (default: audit.jsonl in "
        "XDG_STATE_HOME/zmqwork, or ~/.local/state/zmqwork)",
    )
    add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Do it; 1 if the chain is broken, 74 if a file cannot be read."""
    action = _ACTIONS.get(args.action)
    if action is None:
        near = nearest(args.action, _ACTIONS) or f": choose from {', '.join(_ACTIONS)}"
        raise UsageError(f"unknown ACTION {args.action!r}{near}")
    if args.wanted and args.action != "verify":
        raise UsageError("--from is for verify")
    if (args.follow or args.kind) and args.action != "tail":
        raise UsageError(f"{'--follow' if args.follow else '--kind'} is for tail")
    try:
        path = args.file or default_path()
    except RuntimeError as error:
        raise UsageError(f"where is the log? {error}") from None
    try:
        return action(args, path, Output(args.output))
    except BrokenPipeError:
        raise
    except OSError as error:
        complain(f"zmqwork audit: cannot read {error.filename or path}: {error.strerror or error}")
        return exits.UNWRITABLE


def _tail(args: argparse.Namespace, path: Path, output: Output) -> int:
    kinds = frozenset(args.kind)
    follower = Follower(path)
    last = deque(_records(follower, kinds), maxlen=args.count)
    for record in last:
        output.json(record)
    if last and not args.follow:
        output.table(_COLUMNS, map(_row, last))
        return exits.OK
    if output.for_people:
        if not last and args.count:
            complain(f"zmqwork audit: no such record in {path}" if kinds else _nothing(path))
        if args.follow:
            output.line(_line(_COLUMNS))
    for record in last:
        output.line(_line(_row(record)))
    while args.follow:
        time.sleep(_LOOK_INTERVAL)
        for record in _records(follower, kinds):
            output.json(record)
            output.line(_line(_row(record)))
    return exits.OK


def _nothing(path: Path) -> str:
    return f"zmqwork audit: nothing was noted yet in {path}"


def _records(follower: Follower, kinds: frozenset[str]) -> Iterator[dict[str, Any]]:
    for line in follower.lines():
        record = chain.read(line)
        if record is not None and (not kinds or record.get("kind") in kinds):
            yield record


def _row(record: dict[str, Any]) -> tuple[str, ...]:
    node = record.get("node")
    node = node if isinstance(node, dict) else {}
    words = [str(record["reason"])] if record.get("reason") else []
    words += [
        f"{key}={_value(value)}"
        for key, value in record.items()
        if key not in _SHOWN | _OF_CHAIN and value not in (None, "")
    ]
    return (
        *(str(record.get(key, "")) for key in ("at", "kind")),
        f"{node.get('role', '')} {node.get('name', '')}".strip(),
        *(str(record.get(key, "")) for key in ("member", "fingerprint", "peer")),
        " ".join(words),
    )


def _value(value: object) -> str:
    if isinstance(value, dict):
        return ",".join(f"{key}:{count}" for key, count in value.items())
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _line(row: tuple[str, ...]) -> str:
    *cells, last = map(printable, row)
    padded = [cell.ljust(room) for cell, room in zip(cells, _ROOMS, strict=True)]
    return "  ".join([*padded, last]).rstrip()


def _verify(args: argparse.Namespace, path: Path, output: Output) -> int:
    with opened(path) as files:
        verdict = chain.verify(
            ((str(name), lines_of(file, size)) for name, file, size in files),
            args.wanted or "",
            is_all=len(files) <= KEPT,
        )
        count = len(files)
    fault = verdict.fault
    if fault is None and args.wanted and not verdict.wanted_at:
        why = "no record of this chain has that hash: its end was cut off, it was written anew, or "
        why += "what had it was rotated away"
    elif fault is not None:
        why = f"{fault.file}, line {fault.line}: {fault.text}"
    else:
        why = "" if verdict.records else f"there is no record in {path}"
    output.json(_values(verdict, count, why))
    if why and output.for_people:
        complain(f"zmqwork audit: {why}")
    if fault is None and verdict.records:
        _show(output, verdict, count)
    return exits.FAILED if why else exits.OK


def _values(verdict: Verdict, files: int, why: str) -> dict[str, Any]:
    fault = verdict.fault
    place = None if fault is None else {"file": fault.file, "line": fault.line, "text": fault.text}
    return {
        "whole": not why,
        "why": why or None,
        "fault": place,
        "files": files,
        "records": verdict.records,
        "first": verdict.first or None,
        "last": verdict.end.seq or None,
        "hash": verdict.end.digest if verdict.records else None,
        "torn": verdict.torn,
        "from": verdict.wanted_at or None,
    }


def _show(output: Output, verdict: Verdict, files: int) -> None:
    first, last = verdict.first, verdict.end.seq
    chained = f"{counted(verdict.records, 'record')} in {counted(files, 'file')}"
    output.line(f"{chained}, {first} to {last}: none was changed since, none is missing between")
    if first > 1:
        output.line(f"what came before record {first} was rotated away")
    if verdict.torn:
        lines = counted(verdict.torn, "line")
        output.line(f"{lines} torn by a crash or a full disk, which is no tampering")
    if verdict.wanted_at:
        newer = counted(last - verdict.wanted_at, "record")
        output.line(f"record {verdict.wanted_at} has the hash that was asked for; {newer} since")
    output.line(f"the hash of record {last}, to be kept elsewhere:")
    output.line(f"  {verdict.end.digest}")


def _hash(text: str) -> str:
    if not _HASH.fullmatch(text.lower()):
        raise argparse.ArgumentTypeError(f"{text!r} is no hash of 64 hexadecimal digits")
    return text.lower()


_ACTIONS: dict[str, Callable[[argparse.Namespace, Path, Output], int]] = {
    "tail": _tail,
    "verify": _verify,
}
