"""The app of ``zmqwork bench``: a task that does nothing."""

from __future__ import annotations

from zmqwork.app import App

app = App("zmqwork-bench")


@app.task(max_retries=0)
def echo(value: bytes) -> bytes:
    """Return what came: all that is measured is the way there and back."""
    return value
