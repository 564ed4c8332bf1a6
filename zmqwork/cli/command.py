"""``zmqwork worker --exec``: what goes with it, and the worker that it makes."""

from __future__ import annotations

import argparse
import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

from zmqwork.cli.queues import queue_options
from zmqwork.cli.staying import stay_options
from zmqwork.errors import TransportError, UsageError

if TYPE_CHECKING:
    from zmqwork.nodes.worker import Worker
    from zmqwork.whereabouts import Whereabouts


def add_command(parser: argparse.ArgumentParser) -> None:
    """Add ``--exec`` and ``--exec-json``."""
    group = parser.add_argument_group("running commands")
    group.add_argument(
        "--exec",
        dest="exec_text",
        metavar="CMD",
        help="run this by /bin/sh for each record that is submitted to --realm NAME; an exit code "
        "other than 0 is a failure",
    )
    group.add_argument(
        "--exec-json",
        nargs="?",
        const=True,
        metavar="CMD",
        help="the same (CMD here, or in --exec), and it gets the record as JSON on standard "
        "input; what it writes to standard output, as JSON, is the result",
    )


def is_given(args: argparse.Namespace) -> bool:
    """Whether the worker is to run a command."""
    return args.exec_text is not None or args.exec_json is not None


def check(args: argparse.Namespace) -> None:
    """Raise `UsageError` for options that contradict each other."""
    if args.exec_text is None and args.exec_json is True:
        raise UsageError("--exec-json needs a command: --exec-json 'CMD'")
    if args.exec_text is not None and isinstance(args.exec_json, str):
        raise UsageError(
            f"two commands: {args.exec_text!r} of --exec and {args.exec_json!r} of --exec-json "
            "(which needs none beside --exec)"
        )
    if args.target is not None:
        raise UsageError(
            f"--exec runs a command, and {args.target!r} names an app: leave one of them out (a "
            "worker each, if both are needed)"
        )
    if args.allow:
        raise UsageError("--exec and --allow do not go together: start a worker for each")
    if args.realm is None:
        raise UsageError(
            "--exec needs --realm NAME: `zmqwork ventilator --realm NAME` finds this worker by it"
        )
    if args.pool not in (None, "thread"):
        raise UsageError(
            f"--pool {args.pool} is for Python: with --exec each command is a process of its own"
        )
    if os.name != "posix":
        raise UsageError("--exec runs commands by /bin/sh, which this system does not have")


def make_worker(args: argparse.Namespace, where: Whereabouts, stack: ExitStack) -> Worker:
    """The worker that these options ask for; the stack ends what its commands leave.

    Raises:
        UsageError: the shell cannot read the command.
        TransportError: no process can be started.
    """
    from zmqwork.commands import command_worker  # noqa: PLC0415 - not for other workers
    from zmqwork.execution.command import Command  # noqa: PLC0415 - likewise

    text = args.exec_json if args.exec_text is None else args.exec_text
    try:
        command = Command(text, as_json=args.exec_json is not None)
    except OSError as error:
        raise TransportError(f"no process can be started: {error}") from error
    stack.callback(command.close)
    return command_worker(
        args.realm,
        command,
        args.concurrency,
        **queue_options(args),
        where=where,
        name=args.name,
        bind=args.bind,
        drain_timeout=args.drain_timeout,
        **stay_options(args),
    )
