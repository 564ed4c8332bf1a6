"""The app whose messages are sought in a dump: whatever is told of it is easy to recognise."""

from __future__ import annotations

import zmqwork

app = zmqwork.App("app-name-in-plaintext")


@app.task(name="task-name-in-plaintext")
def swap(text: str) -> str:
    """Its result is not its argument, and either can be told in a dump."""
    return text.replace("argument", "and-its-result")
