"""Let the tasks of a queue go on that `zmqwork pause` has paused: all producers are told."""

from __future__ import annotations

import argparse

from zmqwork.cli.pause import configure, order

__all__ = ["configure", "run"]

EXAMPLES = """
zmqwork resume images --realm thumbs
"""


def run(args: argparse.Namespace) -> int:
    """Tell all producers; 3 if there are none, 1 if one refuses."""
    return order(args, "resume")
