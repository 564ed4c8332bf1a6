"""Several stages in a row: a worker of the middle one dies, and everything comes out.

What you will see: nine readings go through three stages to a sink. One of them is no number, and is
named with the stage in which it failed. The middle stage has two worker processes. Whoever gets the
coldest reading is killed by it, with SIGKILL, as if its power failed; the other one does it again:

    python examples/patterns/stages.py
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import zmqwork
from zmqwork.patterns import stages

app = zmqwork.App("stages-example")


@app.task(queue="read", max_retries=0)
def read(text: str) -> float:
    """Degrees Fahrenheit, as written down by hand."""
    return float(text)


@app.task(queue="convert")
def convert(fahrenheit: float) -> tuple[float, int]:
    """Degrees Celsius, and which attempt it took. The first one at 14 F is deadly."""
    attempt = zmqwork.current().attempt
    if fahrenheit == 14 and attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)  # in the thread pool this is the worker itself
    return (fahrenheit - 32) / 1.8, attempt


@app.task(queue="write")
def write(converted: tuple[float, int]) -> str:
    """As people read it."""
    celsius, attempt = converted
    return f"{celsius:5.1f} C" + (f", in attempt {attempt}" if attempt > 1 else "")


chain = stages.Chain(app, [read, convert, write])


def start_worker(stack: ExitStack, queue: str) -> subprocess.Popen[bytes]:
    """One more worker of a stage, as from the command line, that ends with this program."""
    options = ["-Q", queue, "--pool=thread", "-c1", "--until-eof"]
    process = subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-m", "zmqwork", "worker", "stages:app", *options],
        cwd=Path(__file__).parent,
        # The system closes this pipe, and the worker leaves, however this program ends.
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    stack.enter_context(process)  # at the end it is waited for
    stack.callback(process.terminate)
    return process


def push() -> None:
    """Be the ventilator, and the sink as well: elsewhere these are programs of their own."""
    lines: list[str] = []
    readings = ["212", "98.6", "77", "7O", "59", "50", "41", "32", "14"]
    with chain.sink(lines.extend).start():
        run = chain.push(
            readings,
            on_failed=lambda failure: print(
                f"{failure.item!r} failed in {failure.task!r}: {failure.error.reason}"
            ),
        )
    print("\n".join(sorted(lines, key=lambda line: float(line.split()[0]))))
    print(f"{run.ok} of {run.read} came out")


def main() -> None:
    """Start two workers of the stage in the middle, and one that serves the other stages."""
    with ExitStack() as stack:
        workers = [start_worker(stack, "convert") for _ in range(2)]
        stack.enter_context(chain.worker(read, write, concurrency=1))
        push()
        alive = sum(worker.poll() is None for worker in workers)
        print(f"{alive} of {len(workers)} workers of the stage in the middle live")


if __name__ == "__main__":
    main()
