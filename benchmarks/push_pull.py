"""Would tasks over PUSH/PULL be faster than over ROUTER/DEALER, if nothing may be lost?

``python -m benchmarks.push_pull [ROUNDS]`` sends the same batches both ways: tasks in a ledger,
taken out by acks, within a window, and acks of the acks, as zmqwork does it. Only the sockets
differ: in the safe form of PUSH/PULL the tasks go over PUSH, and all else over a ROUTER/DEALER link
beside it. What came of it is in docs/decisions/0017.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

import msgpack
import zmq

from benchmarks.processes import private_directory

COUNT = 200_000
BATCHES = (64, 256)
WINDOW = 8_192
LINGER = 0
FORMS = ("router", "push")


def worker(form: str, place: str) -> None:
    """Answer each batch of tasks with a batch of results; end at an empty one."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    control = context.socket(zmq.ROUTER)
    control.setsockopt(zmq.PROBE_ROUTER, 1)
    control.bind(f"ipc://{place}/control")
    tasks: zmq.Socket[bytes] = control
    if form == "push":
        tasks = context.socket(zmq.PULL)
        tasks.connect(f"ipc://{place}/tasks")
    peer = control.recv_multipart()[0]
    while True:
        message = msgpack.unpackb(tasks.recv_multipart()[-1])
        if isinstance(message, int):
            continue  # an ack of results: forgotten here
        if not message:
            break
        seqs, values = [seq for seq, _ in message], [value for _, value in message]
        control.send_multipart([peer, msgpack.packb([seqs, values])])
        if form == "push":
            while control.poll(0):
                control.recv_multipart()
    context.destroy(LINGER)


def produce(form: str, place: str, batch: int) -> float:
    """Tasks per second, from the first send to the last result."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    control = context.socket(zmq.DEALER)
    control.setsockopt(zmq.PROBE_ROUTER, 1)
    tasks: zmq.Socket[bytes] = control
    if form == "push":
        tasks = context.socket(zmq.PUSH)
        tasks.bind(f"ipc://{place}/tasks")
    control.connect(f"ipc://{place}/control")
    control.recv()  # the probe: the worker is there
    if form == "push":
        tasks.poll(10_000, zmq.POLLOUT)
    ledger: dict[int, bytes] = {}
    sent = done = 0
    begun_at = time.perf_counter()
    while done < COUNT:
        while sent < COUNT and len(ledger) <= WINDOW - batch:
            some = [(seq, b"argument") for seq in range(sent, min(COUNT, sent + batch))]
            ledger.update(some)
            tasks.send(msgpack.packb(some))
            sent += len(some)
        seqs, _ = msgpack.unpackb(control.recv())
        for seq in seqs:
            del ledger[seq]
        done += len(seqs)
        control.send(msgpack.packb(done))
    seconds = time.perf_counter() - begun_at
    tasks.send(msgpack.packb([]))
    context.destroy(1000)
    return COUNT / seconds


def measure(form: str, batch: int) -> float:
    """One run, with a fresh worker."""
    with private_directory() as place:
        other = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.push_pull", "worker", form, str(place)]
        )
        try:
            return produce(form, str(place), batch)
        finally:
            other.wait(30)


def main(arguments: Sequence[str]) -> None:
    if arguments[:1] == ["worker"]:
        worker(*arguments[1:])
        return
    rounds = int(arguments[0]) if arguments else 5
    for batch in BATCHES:
        rates: dict[str, list[float]] = {form: [] for form in FORMS}
        for turn in range(rounds):
            for form in FORMS if turn % 2 else reversed(FORMS):
                rates[form].append(measure(form, batch))
        medians: dict[str, Any] = {form: statistics.median(rates[form]) for form in FORMS}
        ratio = medians["push"] / medians["router"]
        spread = {form: f"{min(r) / 1e3:.0f}-{max(r) / 1e3:.0f}" for form, r in rates.items()}
        print(
            f"{batch} tasks per message: ROUTER/DEALER {medians['router'] / 1e3:.0f} k/s "
            f"({spread['router']}), PUSH/PULL {medians['push'] / 1e3:.0f} k/s ({spread['push']}), "
            f"ratio {ratio:.2f}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
