"""Show tasks: of all producers by their state, or one of them; or what the workers know.

WHAT is one of: active (they run), reserved (at a worker, not begun), scheduled (not due yet, or
between two attempts), waiting (no worker has them), registered (the tasks of each worker); or the
id of a task, as for `zmqwork explain`.
"""

from __future__ import annotations

import argparse
from typing import Any

from zmqwork.cli import exits, explain
from zmqwork.cli.control import Control, Disobeyed, add_control, id_of
from zmqwork.cli.output import Output, complain
from zmqwork.cli.parser import Parser, nearest, whole
from zmqwork.cli.target import load_app
from zmqwork.core.lifecycle import DISPATCHED, RESTING, STARTED, WAITING
from zmqwork.errors import UsageError
from zmqwork.task_ids import is_task_id

EXAMPLES = """
zmqwork inspect active
zmqwork inspect scheduled --app thumbs:app -n 1000
zmqwork inspect 1a2b3c4d-17
"""

_STATES = {"active": STARTED, "reserved": DISPATCHED, "scheduled": RESTING, "waiting": WAITING}
_REGISTERED = "registered"
_COLUMNS = (
    "ID",
    "TASK",
    "QUEUE",
    "STATE",
    "ATTEMPT",
    "WORKER",
    "FOR S",
    "DUE IN S",
    "EXPIRES IN S",
    "PROGRESS",
)


def configure(parser: Parser) -> None:
    """Add the options of ``inspect``."""
    words = ", ".join([*_STATES, _REGISTERED])
    parser.add_argument("what", metavar="WHAT", help=f"{words}, or a task's id")
    parser.add_argument(
        "-n",
        "--count",
        type=whole(1, 10_000_000),
        default=100,
        metavar="COUNT",
        help="tasks shown of each producer, those with the lowest numbers (default: 100)",
    )
    add_control(parser)


def run(args: argparse.Namespace) -> int:
    """Ask and print; 3 if nobody is there to be asked."""
    if is_task_id(args.what):
        args.id = args.what
        args.realm = args.realm or (load_app(args.app).name if args.app else None)
        return explain.run(args)
    if args.what not in (*_STATES, _REGISTERED):
        known = (*_STATES, _REGISTERED)
        near = nearest(args.what, known) or f": choose from {', '.join(known)}, or a task's id"
        raise UsageError(f"unknown WHAT {args.what!r}{near}")
    output = Output(args.output)
    with Control(args) as control:
        if args.what == _REGISTERED:
            return _registered(output, control)
        return _tasks(output, control, _STATES[args.what], args.count)


def _registered(output: Output, control: Control) -> int:
    workers = control.nodes("worker")
    keys = ("node_id", "name", "realm", "tasks", "allow")
    output.json({"workers": [{key: worker.get(key) for key in keys} for worker in workers]})
    if not workers:
        return control.complain_of_nobody("inspect", "worker")
    rows = [
        (w.get("name"), w.get("realm"), name)
        for w in workers
        for name in [*_listed(w.get("tasks")), *_listed(w.get("allow"))]
    ]
    output.table(("WORKER", "REALM", "TASK"), rows)
    return exits.OK


def _listed(names: object) -> list[object]:
    return names if isinstance(names, list) else []


def _tasks(output: Output, control: Control, state: str, count: int) -> int:
    producers = control.nodes("producer")
    tasks: list[dict[str, Any]] = []
    code = exits.OK
    for node in producers:
        try:
            found = [row for row, _ in control.pages(node, "tasks", count, state=state)]
        except Disobeyed as error:
            complain(f"zmqwork inspect: {error}")
            code = error.exit_code
            continue
        tasks += [{"id": id_of(node, row.get("seq")), **row} for row in found]
    output.json({"tasks": tasks})
    if not producers:
        return control.complain_of_nobody("inspect", "producer")
    output.table(_COLUMNS, map(_row, tasks))
    return code


def _row(task: dict[str, Any]) -> tuple[object, ...]:
    spans = (_rounded(task.get(key)) for key in ("running_for", "due_in", "expires_in"))
    keys = ("id", "task", "queue", "state", "attempt", "worker")
    return (*(task.get(key) for key in keys), *spans, _progress(task))


def _progress(task: dict[str, Any]) -> str | None:
    """What its handler has said of how far it is."""
    fraction, note = task.get("fraction"), task.get("note")
    words = [f"{fraction:.0%}"] if isinstance(fraction, float) else []
    return " ".join([*words, *([note] if isinstance(note, str) and note else [])]) or None


def _rounded(span: object) -> object:
    return round(span, 1) if isinstance(span, float) else None
