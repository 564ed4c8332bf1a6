"""The options of ``worker`` that say how long it stays, and each of its child processes."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from zmqwork.cli.parser import Parser, seconds, whole
from zmqwork.errors import UsageError

if TYPE_CHECKING:
    from zmqwork.nodes.health import HealthCheck
    from zmqwork.worker import Stay

# More than the crash limit: one poisonous task, by whichever name, makes no worker unfit.
UNFIT_AFTER = 5

# Between two health checks, in seconds.
_INTERVAL = 30.0

_MIB_MAX = 1024 * 1024 * 1024


def add_staying(parser: Parser) -> None:
    """Add them."""
    group = parser.add_argument_group("how long it stays")
    group.add_argument(
        "--idle-exit",
        type=seconds,
        metavar="SECONDS",
        help="leave, with exit code 0, when there was nothing to do for so long",
    )
    group.add_argument(
        "--burst",
        action="store_true",
        help="leave, with exit code 0, when no producer has anything to do; after 5 s if there is "
        "none",
    )
    group.add_argument(
        "--unfit-after",
        type=whole(0, 1_000_000),
        default=UNFIT_AFTER,
        metavar="N",
        help="leave, with exit code 75, when N tasks in a row were rejected by their handlers, or "
        f"ended with their child process (default: {UNFIT_AFTER}; 0: never)",
    )
    group.add_argument(
        "--health-check",
        metavar="CMD",
        help="run this by /bin/sh before it begins and then again and again; when it fails, leave "
        "with exit code 75",
    )
    group.add_argument(
        "--health-interval",
        type=seconds,
        metavar="SECONDS",
        help=f"between two health checks, and how long one may take (default: {_INTERVAL:g})",
    )
    group.add_argument(
        "--reload",
        action="store_true",
        help="while you develop: drain, and start anew, when a Python file of the app changes",
    )
    group.add_argument(
        "--max-tasks-per-child",
        type=whole(1, 1_000_000_000),
        metavar="N",
        help="replace a child process when it has run so many tasks",
    )
    group.add_argument(
        "--max-memory-per-child",
        type=whole(1, _MIB_MAX),
        metavar="MIB",
        help="replace a child process after the task with which it had more memory",
    )


def health_check(args: argparse.Namespace) -> HealthCheck | None:
    """The health check that was asked for.

    Raises:
        UsageError: an interval is given, and no command.
    """
    if args.health_check is None:
        if args.health_interval is not None:
            raise UsageError("--health-interval needs a command: --health-check CMD")
        return None
    from zmqwork.nodes.health import HealthCheck  # noqa: PLC0415 - not for other workers

    return HealthCheck(args.health_check, args.health_interval or _INTERVAL)


def stay_options(args: argparse.Namespace) -> Stay:
    """Those that were given."""
    stay: Stay = {"burst": args.burst, "unfit_after": args.unfit_after}
    if args.idle_exit is not None:
        stay["idle_exit"] = args.idle_exit
    if args.max_tasks_per_child is not None:
        stay["max_tasks_per_child"] = args.max_tasks_per_child
    if args.max_memory_per_child is not None:
        stay["max_memory_per_child"] = args.max_memory_per_child
    return stay
