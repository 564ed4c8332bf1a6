"""``zmqwork deadletters import``: submit what was exported, by a producer of its own, and wait."""

from __future__ import annotations

import argparse
import base64
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from zmqwork.app import App
from zmqwork.cli import exits
from zmqwork.cli.output import Output, complain
from zmqwork.cli.records import BadInput
from zmqwork.cli.search import search_options
from zmqwork.cli.signals import terminable
from zmqwork.cli.submitter import submitter
from zmqwork.cli.target import load_app
from zmqwork.core.ledger import TaskSpec
from zmqwork.errors import ProtocolError, UsageError
from zmqwork.escaping import printable
from zmqwork.wire.values import decode_call


def run(args: argparse.Namespace) -> int:
    """Submit all lines; 1 if a task failed, 3 if no worker came, 65 if a line is broken."""
    if not args.app:
        raise UsageError("import needs --app MODULE:APP: its tasks are submitted again")
    if len(args.words) != 1:
        raise UsageError("import needs a FILE, or - for standard input")
    app = load_app(args.app)
    output = Output(args.output)
    with ExitStack() as stack:
        lines: Iterable[str] = sys.stdin
        if args.words[0] != "-":
            try:
                lines = stack.enter_context(Path(args.words[0]).open(encoding="utf-8"))
            except OSError as error:
                raise UsageError(f"{args.words[0]}: {error.strerror or error}") from error
        calls = list(_calls(app, lines, args.words[0]))  # a broken line ends it before the first
    with terminable(), submitter(app, "deadletters", **search_options(args)) as producer:
        futures = {old: producer.submit(spec, payload) for old, spec, payload in calls}
        producer.finish()
    errors = {old: future.exception() for old, future in futures.items() if not future.cancelled()}
    failed = [old for old, error in errors.items() if error is not None]
    for old in failed:
        complain(f"zmqwork deadletters: {printable(old)}: {errors[old]}")
    succeeded, left = len(errors) - len(failed), len(futures) - len(errors)
    output.json({"succeeded": succeeded, "failed": failed, "cancelled": left})
    output.line(f"{succeeded} succeeded, {len(failed)} failed, {left} had no worker")
    if left:
        return exits.NO_WORKER
    return exits.FAILED if failed else exits.OK


def _calls(app: App, lines: Iterable[str], name: str) -> Iterator[tuple[str, TaskSpec, bytes]]:
    """What each line was: its old id, the task, and the encoded call."""
    for number, line in enumerate(lines, 1):
        try:
            told = json.loads(line)
            old, task = str(told["id"]), app.tasks[told["task"]]
            payload = base64.b64decode(told["payload"], validate=True)
            decode_call(payload)
        except KeyError as error:
            raise BadInput(
                f"{name}, line {number}: {error} is not there, or not in the app"
            ) from error
        except (TypeError, ValueError, RecursionError, ProtocolError) as error:
            raise BadInput(f"{name}, line {number} is no dead letter: {error}") from error
        yield f"{old}, line {number}", task.spec, payload
