"""Serve the tasks of `zmqwork bench run`, on each host that is to be measured.

It is a `zmqwork worker` like any other: found by mDNS, in the local directory or with --peer, with
keys or with --insecure-lan. Ctrl-C lets it leave.
"""

from __future__ import annotations

import argparse

from zmqwork.cli import worker
from zmqwork.cli.parser import Parser, add_serving

# As a user's module is named on the command line.
TARGET = "zmqwork.bench.tasks:app"

EXAMPLES = """
zmqwork bench worker                           on each host, with keys (zmqwork keys)
zmqwork bench worker --insecure-lan            without keys, on a network that you trust
zmqwork bench worker --pool inline             the least that a task can cost: no child process
zmqwork bench worker -c 4 --realm bench-2      several benchmarks on one network
zmqwork bench worker --insecure-lan --bind tcp://0.0.0.0:7071     where there is no multicast
"""


def configure(parser: Parser) -> None:
    """Add the options of ``bench worker``."""
    parser.description = __doc__
    # What is not offered here is as `zmqwork worker` has it by default.
    plain = Parser(add_help=False)
    worker.configure(plain)
    parser.set_defaults(**vars(plain.parse_strictly([TARGET])))
    worker.add_slots(parser)
    add_serving(parser, realm="serve this realm, instead of zmqwork-bench")


def run(args: argparse.Namespace) -> int:
    """Serve until a signal ends it; exit codes as for `worker`."""
    return worker.run(args)
