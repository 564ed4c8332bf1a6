"""classic: the pipeline over PUSH and PULL, against raw pyzmq with the same batches.

Each of the three ends is a process of its own::

    python -m benchmarks.classic ours|raw ventilator COUNT
    python -m benchmarks.classic ours|raw worker
    python -m benchmarks.classic ours|raw sink COUNT    prints items per second, by its own clock

Both deal out the same integers, 1,024 in a message, apply the same function to each, and check
their sum. Both use msgpack over ipc, and pipes of 16 messages, which is our default: in larger ones
much of the work would be done before the sink's clock runs. The raw programs have no numbers, no
counts, no markers and no discovery, and end at the first function that raises.
"""

from __future__ import annotations

import json
import os
import sys
import time
from itertools import islice

import msgpack
import zmq

from benchmarks.measure import Bar, Figures, Target
from benchmarks.processes import figures, private_directory, worker
from benchmarks.work import noop

COUNT = 4_000_000
BATCH = 1_024
HWM = 16

REALM = "benchmarks"


def check(total: int, count: int) -> None:
    if total != count * (count - 1) // 2:
        raise SystemExit(f"the items have the sum {total}")


def ventilate_ours(count: int) -> None:
    from zmqwork.patterns import pipeline  # noqa: PLC0415 - the raw programs do without

    pipeline.ventilate(range(count), REALM, workers=1, batch=BATCH, hwm=HWM)


def work_ours() -> None:
    from zmqwork.patterns import pipeline  # noqa: PLC0415

    pipeline.work(noop, REALM, hwm=HWM)


def collect_ours(count: int) -> float:
    from zmqwork.patterns import pipeline  # noqa: PLC0415

    total = 0
    with pipeline.Sink(REALM, controls=True, hwm=HWM) as sink:
        for results in sink.batches():
            total += sum(results)
        sink.kill()
    check(total, count)
    return sink.report().rate


def endpoint(name: str) -> str:
    return f"ipc://{os.environ['XDG_RUNTIME_DIR']}/{name}"


def opened(kind: int) -> zmq.Socket[bytes]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context.instance()
    socket = context.socket(kind)
    socket.setsockopt(zmq.SNDHWM, HWM)
    socket.setsockopt(zmq.RCVHWM, HWM)
    return socket


def ventilate_raw(count: int) -> None:
    socket = opened(zmq.PUSH)
    socket.bind(endpoint("ventilator"))
    # As in the guide: begin when the others are there, and tell the sink.
    socket.poll(flags=zmq.POLLOUT)
    to_sink = opened(zmq.PUSH)
    to_sink.setsockopt(zmq.IMMEDIATE, 1)
    to_sink.connect(endpoint("sink"))
    to_sink.send(b"0")
    pack = msgpack.Packer().pack
    items = iter(range(count))
    while batch := list(islice(items, BATCH)):
        socket.send(pack(batch))
    # Whoever leaves an ipc endpoint takes along what the other side has not read: wait to be ended.
    time.sleep(1_000)


def work_raw() -> None:
    source, sink = opened(zmq.PULL), opened(zmq.PUSH)
    source.connect(endpoint("ventilator"))
    sink.connect(endpoint("sink"))
    pack, unpack = msgpack.Packer().pack, msgpack.unpackb
    while True:
        sink.send(pack([noop(item) for item in unpack(source.recv())]))


def collect_raw(count: int) -> float:
    unpack = msgpack.unpackb
    received = total = 0
    with opened(zmq.PULL) as socket:
        socket.bind(endpoint("sink"))
        socket.recv()  # the start
        message = socket.recv()
        begun_at = time.perf_counter()
        while True:
            results = unpack(message)
            received += len(results)
            total += sum(results)
            if received == count:
                break
            message = socket.recv()
        seconds = time.perf_counter() - begun_at
    check(total, count)
    return count / seconds


def main() -> None:
    whose, role, *numbers = sys.argv[1:]
    counts = list(map(int, numbers))
    if role == "ventilator":
        (ventilate_ours if whose == "ours" else ventilate_raw)(*counts)
    elif role == "worker":
        (work_ours if whose == "ours" else work_raw)()
    else:
        print(json.dumps({"rate": (collect_ours if whose == "ours" else collect_raw)(*counts)}))


def run(whose: str, count: int = COUNT) -> Figures:
    program = ("benchmarks.classic", whose)
    with (
        private_directory() as place,
        worker(place, *program, "worker"),
        worker(place, *program, "ventilator", str(count)),
    ):
        return figures(place, *program, "sink", str(count))


TARGET = Target(
    (
        Bar(
            "classic",
            "rate",
            "items/s",
            0.7,
            "higher",
            f"{COUNT:,} no-op items over PUSH/PULL in batches of {BATCH:,}, against raw pyzmq",
        ),
    ),
    lambda: run("ours"),
    lambda: run("raw"),
)

if __name__ == "__main__":
    main()
