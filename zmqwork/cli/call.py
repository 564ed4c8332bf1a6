"""Submit one task to a worker of the app, wait for its result and print it.

How its arguments are read stands in the help of ARG.
"""

from __future__ import annotations

import argparse
import json
import logging
import time

from zmqwork.cli import exits
from zmqwork.cli.arguments import argument, by_name
from zmqwork.cli.output import Output, complain, jsonable
from zmqwork.cli.parser import Parser, add_output, add_search, seconds, whole
from zmqwork.cli.search import search_options
from zmqwork.cli.signals import terminable
from zmqwork.cli.submitter import submitter
from zmqwork.cli.target import load_app, task_named
from zmqwork.errors import NoWorker, TaskError, TaskFailed, UsageError
from zmqwork.escaping import LINES, printable

EXAMPLES = """
zmqwork call thumbs:app thumbnail a.jpg
zmqwork call thumbs:app thumbnail a.jpg --kwargs '{"width": 100}' --timeout 5
zmqwork call thumbs:app resize -- -5          what begins with a dash goes behind --
zmqwork call thumbs:app thumbnail '"7"'       the text 7, not the number
zmqwork call thumbs:app thumbnail a.jpg -o json | jq .result
"""

# NaN and Infinity are Python's own addition to JSON: they may as well be somebody's name.
_ARG_HELP = """each is JSON if it can be read as JSON, and text otherwise: 7, true and [1, 2] are
what they look like, a.jpg is text, and so are NaN, Infinity and 1e999, which JSON does not have;
'"7"' is the text 7"""


def configure(parser: Parser) -> None:
    """Add the options of ``call``."""
    parser.add_argument("target", metavar="MODULE:APP", help="where the app is: thumbs:app")
    parser.add_argument("task", metavar="TASK", help="the task's name")
    parser.add_argument("args", metavar="ARG", nargs="*", default=[], help=_ARG_HELP)
    parser.add_argument(
        "--kwargs", type=by_name, default={}, metavar="JSON", help="its arguments by name"
    )
    parser.add_argument(
        "--priority",
        type=whole(-100, 100),
        metavar="N",
        help="the larger goes first: 10, or --priority=-10 (default: the task's own)",
    )
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=60.0,
        metavar="SECONDS",
        help="wait this long for the result, and for each part of a task that streams (default: "
        "60); then the task is cancelled, also if it runs",
    )
    add_output(parser)
    add_search(parser, realm="look for workers of this realm, not of the app's own")


def run(args: argparse.Namespace) -> int:
    """Submit and wait; 0, 1 if the task failed, 3 if no worker was there in time."""
    app = load_app(args.target)
    task = task_named(app, args.task)
    if args.priority is not None:
        task = task.using(priority=args.priority)
    positional = [argument(text) for text in args.args]
    output = Output(args.output)
    if not output.for_people:
        logging.getLogger("zmqwork").setLevel(logging.ERROR)
    with terminable(), submitter(app, "call", **search_options(args)):
        begun_at = time.monotonic()
        try:
            future = task.submit(*positional, **args.kwargs)
        except TypeError as error:
            # What Python says of a wrong call: the arguments are this command's own.
            raise UsageError(str(error)) from error
        try:
            if task.spec.streams:
                for part in future.stream(args.timeout):
                    output.text(text_of(part))
                    output.json({"task_id": future.id, "part": jsonable(part)})
            result = future.result(args.timeout)
        except (TaskError, TimeoutError) as error:
            overdue = isinstance(error, TimeoutError) and not future.done()
            left = f"\nThe task is cancelled: --timeout {args.timeout:g} is over" if overdue else ""
            return _show_error(output, future.id, error, left)
        took = time.monotonic() - begun_at
    if not (task.spec.streams and result is None):
        output.text(text_of(result))
    values = {"result": jsonable(result), "seconds": round(took, 6)}
    output.json({"task_id": future.id, "state": "succeeded", **values})
    return exits.OK


def text_of(result: object) -> str:
    """The result for people: text as it is, the rest as JSON or as Python shows it."""
    if not isinstance(result, str):
        try:
            result = json.dumps(result, indent=2, ensure_ascii=False)
        except (TypeError, ValueError):
            return printable(repr(result))
    return printable(result, LINES)


def _show_error(output: Output, task_id: str, error: Exception, left: str) -> int:
    failed = isinstance(error, TaskFailed)
    output.json(
        {
            "task_id": task_id,
            "state": "failed" if failed else "unsettled",
            "error": {
                "type": error.type_name if isinstance(error, TaskFailed) else type(error).__name__,
                "text": error.text if isinstance(error, TaskFailed) else f"{error}{left}",
                "traceback": error.traceback if isinstance(error, TaskFailed) else "",
            },
        }
    )
    if output.for_people:
        complain(f"zmqwork call: {error}{left}")
    return exits.NO_WORKER if isinstance(error, NoWorker) else exits.FAILED
