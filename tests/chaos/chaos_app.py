"""The app of these tests: one task that says what it does, and waits where a test has put a gate."""

import json
import os
import signal
import socket
import threading
import time
from pathlib import Path

import oracle
import teeth

import zmqwork
from zmqwork.config import Health

# Some scenarios are over in less time with shorter time-outs. The proportions are the same.
if "CHAOS_HEALTH" in os.environ:
    Health.__init__.__kwdefaults__.update(json.loads(os.environ["CHAOS_HEALTH"]))

teeth.plant()
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


def harm(place, pids):
    """Say what is about to be done, as there is no later; within a second they are gone."""
    now = time.monotonic()
    oracle.append(place, "faults", kind="poison", pids=pids, begun_at=now, at=now + 1.0)


@app.task(max_retries=0)
def die(place, key):
    attempt = zmqwork.current().attempt
    oracle.append(place, "runs", what="begun", key=key, attempt=attempt, pid=os.getpid())
    harm(place, [os.getpid()])
    os.kill(os.getpid(), signal.SIGKILL)


@app.task(max_retries=0)
def die_with_worker(place, key):
    """Take the worker along, and write down who it was: whatever ran there may run again."""
    attempt = zmqwork.current().attempt
    who = {"key": key, "attempt": attempt, "pid": os.getpid()}
    oracle.append(place, "runs", what="begun", **who)
    pids = [int(pid) for path in Path(f"/proc/{os.getppid()}/task").iterdir()
            for pid in (path / "children").read_text().split()]  # fmt: skip
    harm(place, pids)
    os.kill(os.getppid(), signal.SIGKILL)
    threading.Event().wait()  # the kernel ends it


@app.task(max_retries=0, timeout=1.0)
def hang(place, key):
    attempt = zmqwork.current().attempt
    oracle.append(place, "runs", what="begun", key=key, attempt=attempt, pid=os.getpid())
    threading.Event().wait()


@app.task(max_retries=0)
def hold_interpreter(place, key, seconds):
    """Calls of C that give the interpreter to no other thread."""
    attempt = zmqwork.current().attempt
    who = {"key": key, "attempt": attempt, "pid": os.getpid()}
    oracle.append(place, "runs", what="begun", **who)
    begun_at, rounds = time.monotonic(), 10**6
    used = time.thread_time()
    sum(range(rounds))
    # Calls of a few seconds of processor time, which are many by the clock where others have it.
    rounds = int(rounds * min(seconds, 10.0) / (time.thread_time() - used))
    while time.monotonic() - begun_at < seconds:
        sum(range(rounds))
    oracle.append(place, "runs", what="ended", **who)
    return [key, attempt, time.monotonic() - begun_at]


@app.task(max_retries=0)
def tally(place, key, payload=b""):
    """Say that it ran, in a short line: for runs of very many."""
    fd = os.open(Path(place) / "tally", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, b"%d\n" % key)
    os.close(fd)
