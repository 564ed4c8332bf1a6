"""Request and reply: the server dies while it works on the question, and the answer comes.

What you will see: two worker processes, and a question. Whoever gets it first is killed by it, with
SIGKILL, as if its power failed. The other one answers. Then an error, and a time that is over:

    python examples/patterns/pirate.py
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import zmqwork
from zmqwork.patterns import pirate

app = zmqwork.App("pirate-example")


@app.task(max_retries=0)
def divide(number: int, by: int, *, deadly: bool = False) -> tuple[float, int]:
    """The quotient, and which attempt it took. The first one may be deadly."""
    attempt = zmqwork.current().attempt
    if deadly and attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)  # in the thread pool this is the worker itself
    return number / by, attempt


@app.task
def dream() -> None:
    """Take longer than anybody waits."""
    time.sleep(0.5)


def start_worker(stack: ExitStack) -> subprocess.Popen[bytes]:
    """One more worker, as from the command line, that ends with this program."""
    process = subprocess.Popen(
        [sys.executable, "-m", "zmqwork", "worker", "pirate:app", "--pool=thread", "--until-eof"],
        cwd=Path(__file__).parent,
        # The system closes this pipe, and the worker leaves, however this program ends.
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    stack.enter_context(process)  # at the end it is waited for
    stack.callback(process.terminate)
    return process


def ask() -> None:
    """Three questions."""
    client = pirate.Client(timeout=10)
    quotient, attempt = client.call(divide, 1, by=8, deadly=True)
    print(f"1 / 8 = {quotient}, in attempt {attempt}")
    try:
        client.call(divide, 1, by=0)
    except zmqwork.TaskFailed as error:
        print(f"1 / 0: {error.reason}")
    try:
        pirate.Client(timeout=0.1).call(dream)
    except TimeoutError:
        print("a dream: its time is over")


def main() -> None:
    """Start two, and ask."""
    with ExitStack() as stack:
        workers = [start_worker(stack) for _ in range(2)]
        producer = stack.enter_context(app.producer())
        while producer.workers_known() < len(workers):
            time.sleep(0.02)
        ask()
        alive = sum(worker.poll() is None for worker in workers)
        print(f"{alive} of {len(workers)} workers live")


if __name__ == "__main__":
    main()
