"""A worker, a sink and a producer with keys: ``python keyed_program.py KEYS``; until its input ends.

Writes a line when they are there.
"""

from __future__ import annotations

import sys
from pathlib import Path

import zmqwork
from zmqwork.discovery import sources
from zmqwork.security.keyring import Watched

PLACE = Path(sys.argv[1])
app = zmqwork.App("keyed")


@app.task
def nothing():
    pass


@app.sink
def take(results):
    pass


def main():
    join_realm = sources.join_realm

    def join_with_keys(*args, **options):
        discovery = join_realm(*args, **options)
        discovery.keys = Watched(PLACE)
        return discovery

    sources.join_realm = join_with_keys
    with app.worker(pool="thread"), take.start(), app.producer():
        print("ready", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
