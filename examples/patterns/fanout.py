"""Every worker once: tell all of them something, and know who was told.

What you will see: three worker processes read a setting anew. One of them is killed by it, with
SIGKILL, as if its power failed: its answer says so. The next broadcast is to the two that are left:

    python examples/patterns/fanout.py
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
from zmqwork.patterns import fanout

app = zmqwork.App("fanout-example")


@app.task(max_retries=0)
def reload(version: int, deadly_for: int) -> str:
    """Read the setting; one of the workers does not survive that."""
    if os.getpid() == deadly_for:
        os.kill(os.getpid(), signal.SIGKILL)  # in the thread pool this is the worker itself
    return f"process {os.getpid()} has version {version}"


def start_worker(stack: ExitStack) -> subprocess.Popen[bytes]:
    """One more worker, as from the command line, that ends with this program."""
    process = subprocess.Popen(
        [sys.executable, "-m", "zmqwork", "worker", "fanout:app", "--pool=thread", "--until-eof"],
        cwd=Path(__file__).parent,
        # The system closes this pipe, and the worker leaves, however this program ends.
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    stack.enter_context(process)  # at the end it is waited for
    stack.callback(process.terminate)
    return process


def tell(version: int, deadly_for: int = 0) -> None:
    """Tell all, and print what each has to say."""
    answers = fanout.everywhere(reload, version, deadly_for)
    print(f"{len(answers)} were told of version {version}:")
    for label, answer in answers.items():
        said = f"lost: {answer.reason}" if isinstance(answer, zmqwork.TaskLost) else answer
        print(f"  worker {label}: {said}")


def main() -> None:
    """Start three, and tell them twice."""
    with ExitStack() as stack:
        workers = [start_worker(stack) for _ in range(3)]
        producer = stack.enter_context(app.producer())
        while producer.workers_known() < len(workers):
            time.sleep(0.02)
        tell(1, deadly_for=workers[0].pid)
        tell(2)


if __name__ == "__main__":
    main()
