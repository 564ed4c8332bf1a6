"""Look after journals: what is in them, whether they can be read, how large they are.

ACTION is one of: ls (each journal, and who has it: a producer that runs is asked), verify (read all
of it), tail (its last records), compact (as small as can be), export (its tasks, as lines of JSON),
adopt (it was moved to this machine). PATH is a journal's file, or a directory of them.
"""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from zmqwork.cli import exits
from zmqwork.cli.control import Control, add_control
from zmqwork.cli.journal_records import described, exported
from zmqwork.cli.output import JSON, Output, complain, counted
from zmqwork.cli.parser import Parser, nearest, whole
from zmqwork.core.lifecycle import SETTLED
from zmqwork.errors import JournalError, JournalInUse, UsageError
from zmqwork.journal.folder import SUFFIX
from zmqwork.journal.inspection import Inspection
from zmqwork.journal.machine import machine_id
from zmqwork.journal.sqlite import Sizes, SqliteJournal

EXAMPLES = """
zmqwork journal ls journal/
zmqwork journal tail journal/ -n 20
zmqwork journal verify journal/ && echo all can be read
zmqwork journal export journal/ > tasks.jsonl
zmqwork journal compact --drop-damaged journal/8ea7c1.db
"""

_COLUMNS = ("JOURNAL", "REALM", "STATE", "TASKS", "LETTERS", "EVER", "BYTES")

# A look needs no reserve.
_SIZES = Sizes(reserve_bytes=0)


def configure(parser: Parser) -> None:
    """Add the options of ``journal``."""
    add_control(parser)
    parser.add_argument("action", metavar="ACTION", help=", ".join(_ACTIONS))
    parser.add_argument("paths", metavar="PATH", nargs="+", help="a file, or a directory of them")
    parser.add_argument(
        "-n",
        "--count",
        type=whole(1, 1_000_000),
        default=10,
        metavar="COUNT",
        help="rows that tail shows of each (default: 10)",
    )
    parser.add_argument(
        "--drop-damaged",
        action="store_true",
        help="let compact delete the rows that cannot be read: tasks that were submitted in them "
        "are given up, and what was settled in them may run again",
    )


def run(args: argparse.Namespace) -> int:
    """Do it to each journal."""
    action = _ACTIONS.get(args.action)
    if action is None:
        near = nearest(args.action, _ACTIONS) or f": choose from {', '.join(_ACTIONS)}"
        raise UsageError(f"unknown ACTION {args.action!r}{near}")
    if args.drop_damaged and args.action != "compact":
        raise UsageError("--drop-damaged is for compact")
    return action(args, Output(args.output))


def _files(args: argparse.Namespace) -> Iterator[tuple[Path, bool]]:
    """Each journal that is meant, and whether it was named itself."""
    for name in args.paths:
        path = Path(name).expanduser().resolve()
        if path.is_dir():
            yield from ((file, False) for file in sorted(path.glob(f"*{SUFFIX}")))
        else:
            yield path, True


def _inspections(args: argparse.Namespace) -> Iterator[Inspection]:
    """Those that nobody uses; the others are told of, or, if they were named, are an error."""
    for path, is_named in _files(args):
        try:
            inspection = Inspection(path)
        except JournalInUse as error:
            if is_named:
                raise
            complain(f"zmqwork journal: {error}; left out")
            continue
        with inspection:
            yield inspection


def _ls(args: argparse.Namespace, output: Output) -> int:
    journals = [_line(path) for path, _ in _files(args)]
    used = [journal for journal in journals if "pid" in journal]
    if used:
        _ask(args, used)
    output.json({"journals": journals})
    keys = ("path", "realm", "state", "tasks", "letters", "newest", "bytes")
    output.table(_COLUMNS, ([journal.get(key) for key in keys] for journal in journals))
    for journal in journals:
        if output.for_people and "why" in journal:
            complain(journal["why"])
    return exits.OK


def _ask(args: argparse.Namespace, journals: list[dict[str, Any]]) -> None:
    """Let the producers that have these say what is in them; one that does not answer says nothing.

    Their files are not opened: a journal has one connection.
    """
    with Control(args) as control:
        producers = {str(node.get("node_id")): node for node in control.nodes("producer")}
    for journal in journals:
        node = producers.get(Path(journal["path"]).stem)
        if node is not None:
            counts = node.get("tasks_by_state")
            counts = counts if isinstance(counts, dict) else {}
            journal |= {
                "realm": node.get("realm"),
                "producer_id": node.get("node_id"),
                "tasks": node.get("pending"),
                "letters": node.get("letters"),
                "newest": node.get("newest"),
                "settled": {state: counts.get(state) for state in SETTLED},
            }


def _line(path: Path) -> dict[str, Any]:
    line: dict[str, Any] = {"path": str(path)}
    try:
        line["bytes"] = path.stat().st_size
        with Inspection(path) as inspection:
            meta = inspection.meta
            line |= {key: meta.get(key) for key in ("realm", "producer_id", "epoch", "created_at")}
            state, totals = inspection.contents()
            letters = len(state.letters)
            line |= {"tasks": len(state.tasks) - letters, "letters": letters}
            line |= {"newest": totals.newest, "settled": totals.settled}
            faults = inspection.faults()
    except JournalInUse as error:
        return line | {"state": f"in use by {error.pid or 'somebody'}", "pid": error.pid}
    except (JournalError, OSError) as error:
        return line | {"state": "unreadable", "why": str(error)}
    if faults:
        return line | {"state": "damaged", "why": faults[0]}
    return line | {"state": "free"}


def _verify(args: argparse.Namespace, output: Output) -> int:
    found, count = [], 0
    for inspection in _inspections(args):
        count += 1
        found += inspection.faults()
    output.json({"verified": count, "faults": found})
    for fault in found:
        output.line(fault)
    if not found:
        output.line(f"{counted(count, 'journal')} can be read to the last row")
    return exits.FAILED if found else exits.OK


def _tail(args: argparse.Namespace, output: Output) -> int:
    for inspection in _inspections(args):
        shown = []
        for number, _, parts in inspection.last_rows(args.count):
            for size, at, part in parts:
                when = dt.datetime.fromtimestamp(at).astimezone().isoformat(" ", "seconds")
                record = described(part)
                shown.append((number, when, size, record))
                output.json(
                    {"journal": str(inspection.path), "row": number, "at": when, "record": record}
                )
        output.line(str(inspection.path))
        output.table(("ROW", "WRITTEN", "BYTES", "RECORD"), shown)
    return exits.OK


def _export(args: argparse.Namespace, output: Output) -> int:
    lines = Output(JSON if output.for_people else output.form)
    faults: list[str] = []
    for inspection in _inspections(args):
        faults += inspection.faults()
        state, _ = inspection.contents()
        for line in exported(inspection.meta, state):
            lines.json(line)
    for fault in faults:
        complain(f"zmqwork journal: left out: {fault}")
    return exits.FAILED if faults else exits.OK


def _compact(args: argparse.Namespace, output: Output) -> int:
    for path, _ in _files(args):
        before = path.stat().st_size if path.exists() else 0
        journal = SqliteJournal(path, sizes=_SIZES, drop_damaged=args.drop_damaged)
        try:
            journal.compact()
            journal.shrink()
            tasks, letters = journal.counts
        finally:
            journal.close()
        after = path.stat().st_size
        dropped = journal.damaged
        output.json(
            {"journal": str(path), "before": before, "after": after, "tasks": tasks,
             "letters": letters, "dropped": dropped}
        )  # fmt: skip
        left = f"{counted(tasks, 'task')}, {counted(letters, 'dead letter')}"
        output.line(f"{path}: {before:,} -> {after:,} bytes: {left}")
        if dropped:
            complain(f"{path}: dropped {counted(len(dropped), 'row')}: {dropped}")
    return exits.OK


def _adopt(args: argparse.Namespace, output: Output) -> int:
    for path, _ in _files(args):
        journal = SqliteJournal(path, sizes=_SIZES)
        journal.adopt(machine_id())
        journal.close()
        output.json({"journal": str(path), "adopted": True})
        output.line(f"{path} is this machine's now")
    return exits.OK


_ACTIONS: dict[str, Callable[[argparse.Namespace, Output], int]] = {
    "ls": _ls,
    "verify": _verify,
    "tail": _tail,
    "compact": _compact,
    "export": _export,
    "adopt": _adopt,
}
