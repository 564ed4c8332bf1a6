"""A worker is killed in the middle of its work, and nothing is lost.

What you will see: two worker processes share 120 tasks. After a third of them one worker is killed
with SIGKILL, as the kernel does when memory runs out. The other one does the rest, also what the
dead one had begun, and every result comes once:

    python examples/killed_worker.py
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import zmqwork

app = zmqwork.App("killed-worker")

TASKS = 120


@app.task
def work(number: int) -> tuple[int, int]:
    """Take 20 ms; say which worker's process did it."""
    time.sleep(0.02)
    return number, os.getppid()


def start_worker(stack: ExitStack) -> subprocess.Popen[bytes]:
    """One more worker, as from the command line, that ends with this program."""
    process = subprocess.Popen(
        [sys.executable, "-m", "zmqwork", "worker", "killed_worker:app", "-c", "2", "--until-eof"],
        cwd=Path(__file__).parent,
        # The system closes this pipe, and the worker leaves, however this program ends.
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    stack.enter_context(process)  # at the end it is waited for
    stack.callback(process.terminate)
    return process


def main() -> None:
    """Start two, kill one."""
    with ExitStack() as stack:
        workers = [start_worker(stack) for _ in range(2)]
        producer = stack.enter_context(app.producer())
        while producer.workers_known() < len(workers):
            time.sleep(0.02)
        numbers: Counter[int] = Counter()
        done_by: Counter[int] = Counter()
        killed_at = longest = 0.0
        last_at = time.monotonic()
        for number, pid in work.map(range(TASKS), order="completed", chunk=1):
            numbers[number] += 1
            done_by[pid] += 1
            now = time.monotonic()
            if killed_at:
                longest = max(longest, now - last_at)
            last_at = now
            if sum(done_by.values()) == TASKS // 3:
                workers[0].send_signal(signal.SIGKILL)
                killed_at = now
                print(f"worker {workers[0].pid} is killed after {TASKS // 3} results")
        for worker in workers:
            print(f"worker {worker.pid} did {done_by[worker.pid]} tasks")
        again = producer.status()["counters"]["resubmitted"]
        print(f"{again} tasks were lost with it and done again")
        print(f"{len(numbers)} of {TASKS} results, each once: {set(numbers.values()) == {1}}")
        print(f"the longest pause between two results after the kill: {1000 * longest:.0f} ms")


if __name__ == "__main__":
    main()
