"""Run tasks of an app, in child processes unless told otherwise, until told to stop.

Or run a command for each record, without any Python of yours: --exec. Producers find this worker by
themselves; the order of starts does not matter. Ctrl-C (or
SIGTERM) lets it finish what it runs and leave; a second one, or the end of --drain-timeout,
cancels that and gives it back to the producers; a third one, or SIGQUIT, leaves at once. Ctrl-Z (or
SIGTSTP) pauses it: what runs goes on, nothing new begins; SIGCONT lets it go on. SIGUSR1 shows what
all tasks are doing.
"""

from __future__ import annotations

import argparse

from zmqwork.cli import command
from zmqwork.cli.loading import without_collecting
from zmqwork.cli.parser import Parser, add_serving, seconds, whole
from zmqwork.cli.queues import add_queues
from zmqwork.cli.staying import add_staying

EXAMPLES = """
zmqwork worker thumbs:app                      the app called `app` in thumbs.py
zmqwork worker thumbs -c 4 -Q images,mails     four tasks at a time, of two queues
zmqwork worker thumbs -Q high=6,default=3,low=1         in these shares, while all have tasks
zmqwork worker thumbs -Q high,default,low --strict      low only while the others have none
zmqwork worker thumbs:app --reload             starts anew when the source changes
zmqwork worker --allow 'pkg.*'                 for zmqwork.Executor(): functions of pkg, no app
zmqwork worker thumbs:app --bind 'tcp://127.0.0.1:*'      reachable over tcp as well
zmqwork worker thumbs:app                      with keys, also for other machines: zmqwork keys
zmqwork worker thumbs:app --insecure-lan       without, on a network where you trust everybody

a command for each record, as GNU parallel does it: three commands, on as many hosts as you like,
  zmqwork worker --realm pics --exec 'convert {} -resize 50% {.}.png'
  zmqwork ventilator --realm pics --lines names.txt
  zmqwork sink --realm pics --out out.jsonl --once
{} is the record; {.} without its extension, {/} its last part, {//} its directory, {/.} the last
part without extension, {#} the task's number, {%} the slot's; {name} a field of a record that has
some, {name.} and so on. Without a placeholder the record comes last. Values are quoted for you.
They may begin with a dash: cat -- {}
Whoever can submit to the realm chooses the records, and not the command: that is you, on this
machine, members of the cluster that are `producer`, and with --insecure-lan everybody on the
network.
"""

_POOLS = ("process", "thread", "asyncio", "inline")


def configure(parser: Parser) -> None:
    """Add the options of ``worker``."""
    parser.add_argument(
        "target",
        nargs="?",
        metavar="MODULE:APP",
        help="where the app is: thumbs:app; not needed with --allow or --exec",
    )
    parser.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="PATTERN",
        help="run functions that an Executor sends by name, if they match: 'pkg.*'; may be given "
        "again",
    )
    command.add_command(parser)
    add_slots(parser)
    add_queues(parser)
    parser.add_argument(
        "--drain-timeout",
        type=seconds,
        default=30.0,
        metavar="SECONDS",
        help="on leaving, give back what still runs after this long (default: 30)",
    )
    add_staying(parser)
    add_serving(parser, realm="serve this realm, not the app's own")


def add_slots(parser: Parser) -> None:
    """Add how many tasks run at the same time, and in what."""
    parser.add_argument(
        "-c",
        "--concurrency",
        type=whole(1, 10_000),
        metavar="N",
        help="tasks that run at the same time (default: one per processor)",
    )
    parser.add_argument(
        "--pool",
        choices=_POOLS,
        metavar="POOL",
        help="process (default: a crash costs one task), thread, asyncio or inline",
    )


def run(args: argparse.Namespace) -> int:
    """Serve until a signal ends it; 0 after a drain, 130 or 143 when it was cut short."""
    if command.is_given(args):
        command.check(args)
        args.pool = "thread"
    if args.reload:
        from zmqwork.cli.reloading import supervise  # noqa: PLC0415 - not for other workers

        return supervise(args.target)
    args.pool = args.pool or "process"
    if args.pool == "process":
        from zmqwork.execution.interpreter import start_early  # noqa: PLC0415
        from zmqwork.transport.descriptors import raise_descriptor_limit  # noqa: PLC0415

        # Before the rest is loaded: the first child process loads its part meanwhile.
        raise_descriptor_limit()
        start_early()
    with without_collecting():
        from zmqwork.cli.serving import serve  # noqa: PLC0415

    return serve(args)
