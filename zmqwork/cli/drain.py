"""Let workers finish what they run, give back the rest, and leave; as SIGTERM does.

NODE is a worker's name as `zmqwork ps` shows it, or the beginning of its node id.
"""

from __future__ import annotations

import argparse
from typing import Any

from zmqwork.cli import exits
from zmqwork.cli.control import Control, Disobeyed, add_control, who
from zmqwork.cli.output import Output, complain
from zmqwork.cli.parser import Parser
from zmqwork.errors import UsageError

EXAMPLES = """
zmqwork drain gpu-1-4711
zmqwork drain 3fa94c1e --realm thumbs
"""


def configure(parser: Parser) -> None:
    """Add the options of ``drain``."""
    parser.add_argument("nodes", metavar="NODE", nargs="+", help="its name, or 4 digits of its id")
    add_control(parser)


def run(args: argparse.Namespace) -> int:
    """Tell them; 3 if one is not found."""
    output = Output(args.output)
    code, told = exits.OK, []
    with Control(args) as control:
        meant = [_meant(control.nodes("worker"), name) for name in args.nodes]
        for name, node in zip(args.nodes, meant, strict=True):
            if node is None:
                code = control.complain_of_nobody("drain", f"worker {name}")
                continue
            try:
                control.order(node, "drain")
            except Disobeyed as error:
                complain(f"zmqwork drain: {error}")
                code = error.exit_code
                continue
            told.append({"node_id": node["node_id"], "name": node.get("name")})
            output.line(f"{who(node)} drains")
    output.json({"draining": told})
    return code


def _meant(workers: list[dict[str, Any]], name: str) -> dict[str, Any] | None:
    found = [w for w in workers if w.get("name") == name]
    if not found and len(name) >= 4:
        found = [w for w in workers if str(w.get("node_id")).startswith(name.lower())]
    if len(found) > 1:
        ids = ", ".join(str(worker.get("node_id"))[:8] for worker in found)
        raise UsageError(f"{name!r} is the name of {len(found)} workers: say which, {ids}")
    return found[0] if found else None
