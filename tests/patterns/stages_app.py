"""Two stages, each with a queue and workers of its own; the second one waits, as the raw step."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "raw"))

from noting import note_and_wait

import zmqwork
from zmqwork.patterns import stages

app = zmqwork.App("patterns-stages")


@app.task(queue="first", max_retries=0)
def mark(item: list[str]) -> list[str]:
    """As the first raw step: a mark more."""
    body, notes, go = item
    return [f"{body}'", notes, go]


@app.task(queue="second", max_retries=0)
def mark_again(item: list[str]) -> str:
    """As the second raw step: say who has begun, and wait."""
    body, notes, go = item
    return note_and_wait(f"{body}'", notes, go)


@app.task(max_retries=0)
def unused(item: str) -> str:
    """In no chain."""
    return item


chain = stages.Chain(app, [mark, mark_again])
