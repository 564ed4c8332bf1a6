"""The app of these tests: one task that says what it does, and waits where a test has put a gate."""

import json
import os
import signal
import socket
import threading
from pathlib import Path

import oracle

import zmqwork
from zmqwork.config import Health

# Some scenarios are over in less time with shorter time-outs. The proportions are the same.
if "CHAOS_HEALTH" in os.environ:
    Health.__init__.__kwdefaults__.update(json.loads(os.environ["CHAOS_HEALTH"]))

app = zmqwork.App("chaos")


def gate_of(place, key, attempt):
    return Path(place) / f"gate-{key}-{attempt}"


@app.task(max_retries=0)
def work(place, key, seconds=0.0):
    attempt = zmqwork.current().attempt
    who = {"key": key, "attempt": attempt, "pid": os.getpid(), "host": socket.gethostname()}
    oracle.append(place, "runs", what="begun", **who)
    gate = gate_of(place, key, attempt)
    if gate.exists():
        # A FIFO that holds a byte once the test has opened it; reading waits for that.
        with gate.open("rb", buffering=0) as fifo:
            fifo.read(1)
    if seconds:
        threading.Event().wait(seconds)
    oracle.append(place, "runs", what="ended", **who)
    return [key, attempt]


@app.task(max_retries=0)
def die(place, key):
    attempt = zmqwork.current().attempt
    oracle.append(place, "runs", what="begun", key=key, attempt=attempt, pid=os.getpid())
    os.kill(os.getpid(), signal.SIGKILL)


@app.task(max_retries=0)
def tally(place, key):
    """Say that it ran, in a short line: for runs of very many."""
    fd = os.open(Path(place) / "tally", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, b"%d\n" % key)
    os.close(fd)
