"""Print what a task returned, whoever has submitted it: its producer is looked for, and asked.

A result is there for as long as the task's `result_ttl` says; why a task failed is remembered
longer. A task that is not settled is waited for with --wait.
"""

from __future__ import annotations

import argparse
from typing import Any

from zmqwork.cli import exits
from zmqwork.cli.call import text_of
from zmqwork.cli.control import Control, Disobeyed, add_control
from zmqwork.cli.output import Output, complain, jsonable
from zmqwork.cli.parser import Parser, seconds
from zmqwork.core.lifecycle import SETTLED, SUCCEEDED
from zmqwork.core.orders import SILENT
from zmqwork.escaping import printable
from zmqwork.failure import error_of
from zmqwork.task_ids import task_id as parse
from zmqwork.wire.values import decode_value

EXAMPLES = """
zmqwork result 1a2b3c4d-17
zmqwork result 1a2b3c4d-17 --wait 60 -o json | jq .result
"""


def configure(parser: Parser) -> None:
    """Add the options of ``result``."""
    parser.add_argument("id", metavar="ID", help="the task's id: 1a2b3c4d-17")
    parser.add_argument(
        "--wait", type=seconds, metavar="SECONDS", help="wait so long for a task that is unsettled"
    )
    add_control(parser)


def run(args: argparse.Namespace) -> int:
    """Ask and print; 1 if it failed or is not settled, 3 if nobody is there, 4 if not known."""
    prefix, seq = parse(args.id)
    task_id = f"{prefix[:8]}-{seq}"
    output = Output(args.output)
    with Control(args) as control:
        node = control.producer(prefix)
        if node is None:
            return control.complain_of_nobody("result", f"producer {prefix}")
        try:
            told = control.order(node, "result", seq=seq)
            if told.value.get("state") not in SETTLED and args.wait is not None:
                told = control.order(node, "result", None, args.wait, seq=seq, wait=True)
        except Disobeyed as error:
            if error.ordered.code == SILENT and args.wait is not None:
                return _unsettled(output, task_id, "unsettled")
            complain(f"zmqwork result: {error}")
            return error.exit_code
    state = str(told.value.get("state"))
    if state not in SETTLED:
        return _unsettled(output, task_id, state)
    return _settled(output, task_id, state, told.value.get("error"), told.data)


def _unsettled(output: Output, task_id: str, state: str) -> int:
    output.json({"task_id": task_id, "state": state})
    if output.for_people:
        shown = printable(state)
        complain(f"zmqwork result: task {task_id} is {shown}: --wait SECONDS waits for it")
    return exits.FAILED


def _settled(output: Output, task_id: str, state: str, error: Any, data: list[bytes]) -> int:
    if state != SUCCEEDED:
        raised = error_of(task_id, state, error if isinstance(error, dict) else None)
        said = {"type": type(raised).__name__, "text": raised.reason}
        output.json({"task_id": task_id, "state": state, "error": said})
        if output.for_people:
            complain(f"zmqwork result: {raised}")
        return exits.FAILED
    result = decode_value(data[0]) if data else None
    output.json({"task_id": task_id, "state": state, "result": jsonable(result)})
    output.text(text_of(result))
    return exits.OK
