"""Look after dead letters: tasks whose attempts are used up, which their producers keep.

ACTION is one of: ls; show ID; edit ID ARG... (send it again with other arguments); revive ID...
(send them again); rm ID... (forget them); export (as lines of JSON, with their arguments); import
FILE (submit what was exported, and wait). ls, revive, rm and export are for all that meet the
conditions where no ID is given; revive and rm need --all then, or a condition.

Producers that run are asked. --journal reads and writes journals that no process has.
"""

from __future__ import annotations

import argparse
import base64
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from zmqwork.cli import exits, letter_import
from zmqwork.cli.arguments import argument
from zmqwork.cli.control import Control, Disobeyed, add_control
from zmqwork.cli.journal_records import call_of
from zmqwork.cli.letter_choice import Choice, Found, Letters
from zmqwork.cli.letters_at_producers import LettersAtProducers
from zmqwork.cli.letters_in_journals import LettersInJournals
from zmqwork.cli.output import JSON, Output, complain, counted
from zmqwork.cli.parser import Parser, duration, nearest
from zmqwork.errors import UsageError
from zmqwork.task_ids import by_producer
from zmqwork.wire.values import encode_call

EXAMPLES = """
zmqwork deadletters ls --task fetch --newer-than 2h
zmqwork deadletters show 1a2b3c4d-17
zmqwork deadletters edit 1a2b3c4d-17 https://example.org/moved
zmqwork deadletters revive --all --realm thumbs
zmqwork deadletters rm --older-than 7d
zmqwork deadletters export > letters.jsonl
zmqwork deadletters import letters.jsonl --app thumbs:app
zmqwork deadletters ls --journal journal/
"""

_COLUMNS = ("ID", "TASK", "QUEUE", "STATE", "ATTEMPTS", "AGE S", "ERROR")


def configure(parser: Parser) -> None:
    """Add the options of ``deadletters``."""
    parser.add_argument("action", metavar="ACTION", help=", ".join([*_ACTIONS, "import"]))
    parser.add_argument(
        "words", metavar="ID", nargs="*", default=[], help="ids of tasks; see above"
    )
    parser.add_argument("--all", action="store_true", help="all that meet the conditions")
    parser.add_argument("--task", metavar="NAME", help="of this task alone")
    for word, what in (("older", "longer"), ("newer", "less")):
        parser.add_argument(
            f"--{word}-than",
            type=duration,
            metavar="DURATION",
            help=f"that died {what} ago than this: 90s, 10m, 2h, 7d",
        )
    parser.add_argument(
        "--journal",
        action="append",
        default=[],
        metavar="PATH",
        help="look in this journal, or directory of journals; may be given again",
    )
    add_control(parser)


def run(args: argparse.Namespace) -> int:
    """Do it; 1 if a producer did not, 3 if none was there, 4 if an id is not known."""
    if args.action == "import":
        return letter_import.run(args)
    action = _ACTIONS.get(args.action)
    if action is None:
        known = (*_ACTIONS, "import")
        near = nearest(args.action, known) or f": choose from {', '.join(known)}"
        raise UsageError(f"unknown ACTION {args.action!r}{near}")
    output = Output(args.output)
    with ExitStack() as stack:
        letters: Letters
        if args.journal:
            letters = LettersInJournals(args.journal)
        else:
            control = stack.enter_context(Control(args))
            if not control.nodes("producer"):
                return control.complain_of_nobody("deadletters", "producer")
            letters = LettersAtProducers(control)
        try:
            return action(args, output, letters)
        except Disobeyed as error:
            complain(f"zmqwork deadletters: {error}")
            return error.exit_code


def _choice(args: argparse.Namespace) -> Choice:
    return Choice(by_producer(args.words), args.task, args.older_than, args.newer_than)


def _meant(args: argparse.Namespace) -> Choice:
    """The same, for what cannot be undone: all are meant only if that is said."""
    choice = _choice(args)
    if not (args.all or choice.tasks or choice.conditions()):
        raise UsageError(f"{args.action} needs an ID, a condition, or --all")
    return choice


def _ls(args: argparse.Namespace, output: Output, letters: Letters) -> int:
    found = list(letters.find(_choice(args), full=False))
    output.json({"letters": [{"id": one.id, **one.row} for one in found]})
    output.table(_COLUMNS, map(_row, found))
    return _unknown(args, [one.id for one in found])


def _row(one: Found) -> tuple[object, ...]:
    row = one.row
    keys = ("task", "queue", "state", "attempts")
    return (one.id, *(row.get(key) for key in keys), round(float(row.get("age") or 0)), _error(row))


def _error(row: dict[str, Any]) -> str:
    return ": ".join(str(row[key]) for key in ("type", "text") if row.get(key))


def _show(args: argparse.Namespace, output: Output, letters: Letters) -> int:
    if not args.words:
        raise UsageError("show needs an ID")
    found = list(letters.find(_choice(args), full=True))
    for one in found:
        output.json(_told(one))
        output.line(f"dead letter {one.id}")
        row = one.row
        pairs = [(key, row.get(key)) for key in ("task", "queue", "state", "attempts")]
        pairs += [("age", f"{float(row.get('age') or 0):.0f} s"), ("error", _error(row))]
        call = call_of(one.payload or b"")
        pairs += [(key, value) for key, value in call.items() if value]
        pairs += [("header", f"{k}: {v}") for k, v in (row.get("headers") or {}).items()]
        pairs += [("evidence", record) for record in row.get("evidence") or ()]
        lines = str(row.get("traceback") or "").splitlines()
        output.lines([*pairs, *(("traceback", line) for line in lines)])
    return _unknown(args, [one.id for one in found])


def _told(one: Found) -> dict[str, Any]:
    payload = one.payload or b""
    row = {key: value for key, value in one.row.items() if key not in ("seq", "size_bytes")}
    encoded = base64.b64encode(payload).decode()
    return {"id": one.id, **row, **call_of(payload), "payload": encoded}


def _export(args: argparse.Namespace, output: Output, letters: Letters) -> int:
    lines = Output(JSON if output.for_people else output.form)
    ids = []
    for one in letters.find(_choice(args), full=True):
        lines.json(_told(one))
        ids.append(one.id)
    return _unknown(args, ids)


def _revive(args: argparse.Namespace, output: Output, letters: Letters) -> int:
    ids = letters.revive(_meant(args))
    output.json({"revived": ids})
    output.line(f"{counted(len(ids), 'dead letter')} sent again")
    return _unknown(args, ids)


def _rm(args: argparse.Namespace, output: Output, letters: Letters) -> int:
    ids = letters.remove(_meant(args))
    output.json({"removed": ids})
    output.line(f"{counted(len(ids), 'dead letter')} removed")
    return _unknown(args, ids)


def _edit(args: argparse.Namespace, output: Output, letters: Letters) -> int:
    if not args.words:
        raise UsageError("edit needs an ID, and the arguments of the task")
    task_id, *given = args.words
    new = letters.edit(task_id, encode_call(tuple(map(argument, given)), {}, task_id))
    output.json({"edited": task_id, "id": new})
    output.line(f"{task_id} is sent again as {new}")
    return exits.OK


def _unknown(args: argparse.Namespace, ids: list[str]) -> int:
    """4 if an id that was given is not among these."""
    wanted = [f"{p}-{seq}" for p, seqs in by_producer(args.words).items() for seq in seqs]
    lacking = [one for one in wanted if one not in set(ids)]
    if lacking:
        complain(f"zmqwork deadletters: no dead letter {', '.join(lacking)} (that meets all this)")
    return exits.UNKNOWN_TASK if lacking else exits.OK


_ACTIONS: dict[str, Callable[[argparse.Namespace, Output, Letters], int]] = {
    "ls": _ls,
    "show": _show,
    "edit": _edit,
    "revive": _revive,
    "rm": _rm,
    "export": _export,
}
