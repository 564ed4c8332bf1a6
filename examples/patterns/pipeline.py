"""The classic pipeline of the ZeroMQ guide, and what it loses when a worker is killed.

What you will see: a ventilator deals out 600 numbers to two workers, and a sink gets a result for
each. Then the same again, and one worker is killed with SIGKILL on the way: what it held is lost,
and the sink says how much that was, and which numbers:

    python examples/patterns/pipeline.py

Each end is a process of its own, as on three machines. Where nothing may be lost, submit tasks to a
`zmqwork.App`: `killed_worker.py`, one folder up, kills a worker as well.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import ExitStack

from zmqwork.patterns.pipeline import Sink, ventilate, work

NUMBERS = 600


def steps(number: int) -> int:
    """How many steps of Collatz lead from a number to 1; each takes some time."""
    count = 0
    while number > 1:
        number = 3 * number + 1 if number % 2 else number // 2
        count += 1
    time.sleep(0.003)
    return count


def start(stack: ExitStack, *words: str) -> subprocess.Popen[bytes]:
    """This program again, as another end of the pipeline; it ends with this block."""
    process = subprocess.Popen([sys.executable, __file__, *words])  # noqa: S603 - our own words
    stack.enter_context(process)
    stack.callback(process.kill)
    return process


def run(realm: str, *, kill_one: bool) -> None:
    """Be the sink, and start the other ends."""
    with ExitStack() as stack:
        # `quiet`: after half a second of silence, what is missing will not come any more.
        sink = stack.enter_context(Sink(realm, controls=True, quiet=0.5))
        workers = [start(stack, "worker", realm, name) for name in ("left", "right")]
        start(stack, "ventilator", realm)
        longest = 0
        for count, result in enumerate(sink):
            longest = max(longest, result)
            if kill_one and count == NUMBERS // 4:
                workers[0].kill()
        sink.kill()  # tells the workers to end
        print(f"the longest way has {longest} steps")
        print(sink.report())


def main() -> None:
    """Play the role that was asked for, or all of them."""
    match sys.argv[1:]:
        case ["ventilator", realm]:
            # Begin when both workers are there: the first one would get most of it.
            ventilate(range(1, NUMBERS + 1), realm, workers=2, batch=10, hwm=4)
        case ["worker", realm, name]:
            work(steps, realm, name=name, hwm=4)
        case _:
            run(f"collatz-{os.getpid()}", kill_one=False)
            print("\nand now the left worker is killed after a quarter of the results:")
            run(f"collatz-{os.getpid()}-again", kill_one=True)


if __name__ == "__main__":
    main()
