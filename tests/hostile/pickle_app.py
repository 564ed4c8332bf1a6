"""Tasks that leave a mark when they run."""

from __future__ import annotations

from pathlib import Path

from zmqwork import App

app = App("h22", validate=True)


@app.task(validate=False)
def plain(value, mark: str = ""):
    if mark:
        Path(mark).touch()
    return value


@app.task
def checked(value: dict, mark: str = "") -> dict:
    return plain(value, mark)
