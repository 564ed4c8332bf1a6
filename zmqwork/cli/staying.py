"""The options of ``worker`` that say how long it stays, and each of its child processes."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from zmqwork.cli.parser import Parser, whole

if TYPE_CHECKING:
    from zmqwork.worker import Stay

_MIB_MAX = 1024 * 1024 * 1024


def add_staying(parser: Parser) -> None:
    """Add them."""
    group = parser.add_argument_group("how long it stays")
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


def stay_options(args: argparse.Namespace) -> Stay:
    """Those that were given."""
    stay: Stay = {}
    if args.max_tasks_per_child is not None:
        stay["max_tasks_per_child"] = args.max_tasks_per_child
    if args.max_memory_per_child is not None:
        stay["max_memory_per_child"] = args.max_memory_per_child
    return stay
