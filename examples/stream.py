"""A generator task: its parts come while it runs, and go on where they were when its worker dies.

What you will see: the squares of 1 to 12 come one by one from a worker process, which is killed on
the way; another one goes on from the last checkpoint, and no part is missing or comes twice:

    python examples/stream.py
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import zmqwork

app = zmqwork.App("stream")

COUNT = 12


@app.task
def squares(count: int) -> Iterator[tuple[int, int]]:
    """Yield (number, its square), and leave for the next attempt where to go on."""
    here = zmqwork.current()
    for number in range((here.checkpoint or 0) + 1, count + 1):
        time.sleep(0.05)
        yield number, number * number
        zmqwork.checkpoint(number)
        here.progress(number / count, note=f"{number} of {count}")


def start_worker(stack: ExitStack) -> subprocess.Popen[bytes]:
    """One more worker, as from the command line, that ends with this program."""
    process = subprocess.Popen(
        [sys.executable, "-m", "zmqwork", "worker", "stream:app", "-c", "1", "--until-eof"],
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
    """Read the stream, and kill its worker on the way."""
    with ExitStack() as stack:
        worker = start_worker(stack)
        stack.enter_context(app.producer())
        future = squares.submit(COUNT)
        for number, square in future.stream():
            print(f"{number} x {number} = {square}")
            if number == COUNT // 2:
                worker.send_signal(signal.SIGKILL)
                start_worker(stack)
                print("its worker is killed, and another one is started")
        print(f"{future.attempts} attempts; the handler said last: {future.progress}")


if __name__ == "__main__":
    main()
