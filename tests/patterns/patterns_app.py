"""What the workers of these tests run. In the thread pool a task's process is its worker."""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "raw"))

from noting import note_and_wait

import zmqwork

app = zmqwork.App("patterns")


@app.task(max_retries=0)
def answer(body: str, notes: str, go: str) -> tuple[str, int]:
    """As the raw servers: say who has begun, wait for a file, answer."""
    return note_and_wait(body, notes, go), os.getpid()


@app.task(max_retries=0)
def upper_or_die(part: list[str]) -> list[str]:
    """The first worker that meets that word dies of it."""
    if "die" in part and zmqwork.current().attempt == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return [word.upper() for word in part]
