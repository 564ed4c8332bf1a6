"""A worker, a sink and a producer with keys: ``python keyed_program.py KEYS``; until its input ends.

Writes a line when they are there.
"""

from __future__ import annotations

import sys
from pathlib import Path

import zmqwork

app = zmqwork.App("keyed", keys=Path(sys.argv[1]), discovery="local")


@app.task
def nothing():
    pass


@app.sink
def take(results):
    pass


def main():
    with app.worker(pool="thread"), take.start(), app.producer():
        print("ready", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
