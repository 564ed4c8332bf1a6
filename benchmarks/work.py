"""What the measured tasks do: the same functions for every program."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from typing import NamedTuple


def noop(argument: int) -> int:
    return argument


def burn(rounds: int) -> int:
    """Work for the processor."""
    total = 0
    for number in range(rounds):
        total += number & 3
    return total


class Start(NamedTuple):
    """What `stay` tells of its start."""

    seq: str
    attempt: int
    worker: int  # its process
    at: float  # time.monotonic()


def stay(path: str) -> int:
    """Tell of the start; the first attempt stays until it is killed, the next one returns."""
    at = time.monotonic()
    import zmqwork  # noqa: PLC0415 - the baselines' processes do without

    current = zmqwork.current()
    start = Start(current.task_id, current.attempt, os.getppid(), at)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as teller:
        teller.sendto(json.dumps(start).encode(), path)
    if current.attempt == 1:
        threading.Event().wait()
    return current.attempt
