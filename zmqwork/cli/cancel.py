"""Cancel tasks by their ids: their producers are looked for, and told.

What has begun goes on, unless --running says otherwise: then its handler is told, and killed a
second later if it goes on; with --hard at once.
"""

from __future__ import annotations

import argparse

from zmqwork.cli import exits
from zmqwork.cli.control import Control, Disobeyed, add_control
from zmqwork.cli.output import Output, complain
from zmqwork.cli.parser import Parser
from zmqwork.task_ids import by_producer

EXAMPLES = """
zmqwork cancel 1a2b3c4d-17
zmqwork cancel --running 1a2b3c4d-17 1a2b3c4d-18
zmqwork inspect waiting -o json | jq -r .tasks[].id | xargs zmqwork cancel
"""


def configure(parser: Parser) -> None:
    """Add the options of ``cancel``."""
    parser.add_argument("ids", metavar="ID", nargs="+", help="a task's id: 1a2b3c4d-17")
    parser.add_argument("--running", action="store_true", help="also if it runs")
    parser.add_argument("--hard", action="store_true", help="also if it runs, without any grace")
    add_control(parser)


def run(args: argparse.Namespace) -> int:
    """Cancel; 1 if something was not cancelled, 3 if a producer was not found."""
    output = Output(args.output)
    wanted = by_producer(args.ids)
    cancelled: list[str] = []
    code = exits.OK
    with Control(args) as control:
        for prefix, seqs in wanted.items():
            node = control.producer(prefix)
            if node is None:
                code = control.complain_of_nobody("cancel", f"producer {prefix}")
                continue
            try:
                done = control.in_parts(
                    node, "cancel", seqs, running=args.running or args.hard, hard=args.hard
                )
            except Disobeyed as error:
                complain(f"zmqwork cancel: {error}")
                code = error.exit_code
                continue
            cancelled += [f"{prefix}-{seq}" for seq in done]
    asked = [f"{prefix}-{seq}" for prefix, seqs in wanted.items() for seq in dict.fromkeys(seqs)]
    left = [one for one in asked if one not in set(cancelled)]
    output.json({"cancelled": cancelled, "left": left})
    for one in cancelled:
        output.line(f"{one} cancelled")
    if left and output.for_people and code == exits.OK:
        hint = "" if args.running or args.hard else ", or runs: --running"
        complain(f"not cancelled, because it is settled{hint}: {', '.join(left)}")
    return code or (exits.FAILED if left else exits.OK)
