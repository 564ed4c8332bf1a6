"""The app whose worker is attacked."""

import threading
from pathlib import Path

import zmqwork

app = zmqwork.App("hostile")


@app.task(max_retries=0)
def echo(value):
    return value


@app.task(max_retries=0)
def gated(path, gate):
    """Count the runs of this, and wait until `gate` is there."""
    with Path(path).open("a") as file:
        file.write("x")
    for _ in range(15_000):
        if Path(gate).exists():
            return
        threading.Event().wait(0.002)


@app.task(max_retries=0)
def large(size):
    return bytes(size)
