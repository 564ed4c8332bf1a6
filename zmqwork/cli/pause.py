"""Let no task of a queue begin, until `zmqwork resume`: all producers of the realm are told.

What runs ends; what workers hold and have not begun goes back. Producers that start later are not
told.
"""

from __future__ import annotations

import argparse

from zmqwork.cli import exits
from zmqwork.cli.control import Control, Disobeyed, add_control, who
from zmqwork.cli.output import Output, complain
from zmqwork.cli.parser import Parser

EXAMPLES = """
zmqwork pause images --realm thumbs
zmqwork resume images --realm thumbs
"""


def configure(parser: Parser) -> None:
    """Add the options of ``pause``, and of ``resume``."""
    parser.add_argument("queue", metavar="QUEUE", help="the name of the queue")
    add_control(parser)


def run(args: argparse.Namespace) -> int:
    """Tell all producers; 3 if there are none, 1 if one refuses."""
    return order(args, "pause")


def order(args: argparse.Namespace, verb: str) -> int:
    """Pause a queue, or resume it."""
    output = Output(args.output)
    told, code = [], exits.OK
    with Control(args) as control:
        producers = control.nodes("producer")
        if not producers:
            return control.complain_of_nobody(verb, "producer")
        for node in producers:
            try:
                paused = control.order(node, verb, queue=args.queue).value.get("paused")
            except Disobeyed as error:
                complain(f"zmqwork {verb}: {error}")
                code = error.exit_code
                continue
            told.append({"node_id": node["node_id"], "name": node.get("name"), "paused": paused})
            output.line(f"{who(node)}: paused: {_listed(paused)}")
    output.json({"producers": told})
    return code


def _listed(names: object) -> str:
    return ", ".join(map(str, names)) if isinstance(names, list) and names else "nothing"
