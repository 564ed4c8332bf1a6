"""The app whose worker is attacked."""

from pathlib import Path

import zmqwork

app = zmqwork.App("hostile")


@app.task(max_retries=0)
def echo(value):
    return value


@app.task(max_retries=0)
def note(path):
    """Count the runs of this."""
    with Path(path).open("a") as file:
        file.write("x")


@app.task(max_retries=0)
def large(size):
    return bytes(size)
