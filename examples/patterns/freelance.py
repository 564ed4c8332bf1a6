"""Any of N, without a broker: one server is stuck, and the answers come as if it were not.

What you will see: three worker processes resolve names. One of them is stopped with SIGSTOP: its
connection lives, and nobody can know yet that it will not answer. Whoever has waited for 50 ms asks
another one:

    python examples/patterns/freelance.py
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
from zmqwork.patterns import freelance

app = zmqwork.App("freelance-example")

ADDRESSES = {"printer": "10.0.0.7", "scanner": "10.0.0.8", "door": "10.0.0.9"}


@app.task(max_retries=0)
def resolve(name: str) -> tuple[str, int]:
    """The address of a thing, and which process knew it."""
    return ADDRESSES[name], os.getpid()


def start_worker(stack: ExitStack) -> subprocess.Popen[bytes]:
    """One more worker, as from the command line, that ends with this program."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "zmqwork",
            "worker",
            "freelance:app",
            "--pool=thread",
            "--until-eof",
        ],
        cwd=Path(__file__).parent,
        # The system closes this pipe, and the worker leaves, however this program ends.
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    stack.enter_context(process)  # at the end it is waited for
    stack.callback(process.kill)  # which ends a stopped one, too
    return process


def ask(client: freelance.Client) -> Counter[int]:
    """Resolve each name three times; who answered how often."""
    answered_by: Counter[int] = Counter()
    for name in [*ADDRESSES] * 3:
        address, pid = client.ask(resolve, name)
        assert address == ADDRESSES[name]
        answered_by[pid] += 1
    return answered_by


def main() -> None:
    """Start three, ask, stop one, ask."""
    client = freelance.Client(timeout=10, hedge=2, hedge_delay=0.05)
    with ExitStack() as stack:
        workers = [start_worker(stack) for _ in range(3)]
        producer = stack.enter_context(app.producer())
        while producer.workers_known() < len(workers):
            time.sleep(0.02)
        print(f"{sum(ask(client).values())} answers, by {len(workers)} workers")
        workers[0].send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, workers[0].pid, os.WSTOPPED)
        answered_by = ask(client)
        print(f"{answered_by.total()} answers, {answered_by[workers[0].pid]} by the stopped one")
        more = producer.status()["counters"]["submitted"] - 18
        print(f"another one was asked {more} times")


if __name__ == "__main__":
    main()
