"""The queues of a worker, as options and as text."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from zmqwork.cli.parser import Parser, whole
from zmqwork.queues import WEIGHT_MAX

_weight = whole(1, WEIGHT_MAX)


def add_queues(parser: Parser) -> None:
    """Add ``-Q``, ``--strict`` and ``-X``."""
    group = parser.add_argument_group("queues")
    group.add_argument(
        "-Q",
        "--queues",
        type=_queues,
        default=(),
        metavar="A,B",
        help="queues to serve (default: all); with weights, high=6,low=1, the shares of what it "
        "takes when all of them have tasks; one that has none leaves its share to the others",
    )
    group.add_argument(
        "--strict",
        action="store_true",
        help="take from a later queue of -Q only what the earlier ones leave",
    )
    group.add_argument(
        "-X",
        "--exclude-queues",
        type=_names,
        default=(),
        metavar="A,B",
        help="serve all queues but these",
    )


def queue_options(args: argparse.Namespace) -> dict[str, Any]:
    """Of `App.worker`, from what was given."""
    return {
        "queues": args.queues,
        "strict": args.strict,
        "exclude_queues": args.exclude_queues,
    }


def queues_text(status: Mapping[str, Any]) -> str:
    """What a worker's status says of its queues, for people."""
    names, weights = status.get("queues") or (), status.get("weights") or ()
    if weights:
        return ", ".join(f"{name}={weight}" for name, weight in zip(names, weights, strict=False))
    if names:
        return ", ".join(map(str, names)) + (" (in this order)" if status.get("strict") else "")
    excluded = ", ".join(map(str, status.get("exclude_queues") or ()))
    return f"all but {excluded}" if excluded else "all"


def _queues(text: str) -> tuple[str, ...] | dict[str, int]:
    """Names, or a weight for each: 1 where others have one."""
    names = _names(text)
    if not any("=" in name for name in names):
        return names
    weights: dict[str, int] = {}
    for item in names:
        name, _, weight = item.partition("=")
        if name in weights:
            raise argparse.ArgumentTypeError(f"queue {name!r} is named twice")
        weights[name] = _weight(weight) if "=" in item else 1
    return weights


def _names(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise argparse.ArgumentTypeError("name at least one queue")
    return names
