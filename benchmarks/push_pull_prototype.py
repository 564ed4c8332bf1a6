"""Would tasks over PUSH and PULL, with acks over a second link, be faster than over ROUTER?

``python -m benchmarks.push_pull_prototype [COUNT]`` runs both by turns and prints what ADR 17 says:
tasks per second, and the processor time that both processes take for a task (a machine that is
busy with other things changes that less).

Two processes over ipc: a producer with a ledger, and a worker with an outbox. Messages are those of
zmqwork, in their essence: TASKS with a batch of tasks, DONE with its results. Results stay
with the worker until they are acked, an entry of the ledger until its result is here.

router    TASKS from a DEALER to the worker's ROUTER, DONE back over it; acks ride on TASKS
pushpull  TASKS from a PUSH to the worker's PULL, DONE back over the other link. Nobody knows whom
          the next TASKS will reach, so acks go over that link as well, eight at a time

Both ways have the same window of batches in flight, because the producer has to bound its memory.
The second one is drawn as well as it can be: it neither resends, nor knows which worker has what.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time

import msgpack
import zmq

from benchmarks.measure import Figures
from benchmarks.processes import figures, private_directory, worker
from benchmarks.work import noop

BATCHES = (64, 256)
WAYS = ("router", "pushpull")
RUNS = 5
COUNT = 2_000_000
WINDOW = 32
WARMUP_BATCHES = 100
ACKS_AT_ONCE = 8

Socket = zmq.Socket[bytes]


def opened(kind: int) -> Socket:
    context: zmq.Context[Socket] = zmq.Context.instance()
    socket = context.socket(kind)
    for option in (zmq.SNDHWM, zmq.RCVHWM, zmq.LINGER):
        socket.setsockopt(option, 0)
    return socket


def endpoint(name: str) -> str:
    return f"ipc://{os.environ['XDG_RUNTIME_DIR']}/{name}"


def serve(way: str) -> None:
    """The worker."""
    router, pull = opened(zmq.ROUTER), opened(zmq.PULL)
    router.bind(endpoint("router"))
    pull.bind(endpoint("pull"))
    pack, unpack = msgpack.Packer().pack, msgpack.unpackb
    receive, send, more, events = router.recv, router.send, zmq.SNDMORE, zmq.EVENTS
    outbox: dict[int, list[int]] = {}
    route = b""
    while True:
        if way == "router":
            route = receive()
            first, arguments, acks = unpack(receive())
        else:
            # The first message says where to answer. To look for acks costs more than an ack does.
            acks = []
            while not route or (
                len(outbox) > ACKS_AT_ONCE and router.getsockopt(events) & 1  # type: ignore[operator]
            ):
                route = receive()
                acks += unpack(receive())
            first, arguments = unpack(pull.recv())
        for acked in acks:
            outbox.pop(acked, None)
        outbox[first] = results = [noop(argument) for argument in arguments]
        send(route, more)
        send(pack((first, results, time.process_time())))


def submit(way: str, batch: int, count: int) -> dict[str, float]:
    """The producer."""
    dealer, push = opened(zmq.DEALER), opened(zmq.PUSH)
    dealer.connect(endpoint("router"))
    push.connect(endpoint("pull"))
    pack, unpack = msgpack.Packer().pack, msgpack.unpackb
    ledger: dict[int, list[int]] = {}
    acks: list[int] = []
    if way == "pushpull":
        dealer.send(pack(acks))
    begun_at = cpu = 0.0
    done = sent = -WARMUP_BATCHES * batch
    while done < count:
        while len(ledger) < WINDOW and sent < count:
            ledger[sent] = arguments = list(range(sent, sent + batch))
            if way == "router":
                dealer.send(pack((sent, arguments, acks)))
                acks = []
            else:
                push.send(pack((sent, arguments)))
            sent += batch
        first, results, worker_cpu = unpack(dealer.recv())
        if ledger.pop(first) != results:
            raise SystemExit(f"the batch of {first} came back as {results[:3]}...")
        acks.append(first)
        if way == "pushpull" and len(acks) == ACKS_AT_ONCE:
            dealer.send(pack(acks))
            acks = []
        done += batch
        if not begun_at and done >= 0:
            begun_at, cpu = time.perf_counter(), time.process_time() + worker_cpu
    seconds = time.perf_counter() - begun_at
    return {
        "rate": count / seconds,
        "cpu": (time.process_time() + worker_cpu - cpu) / count,
    }


def run(way: str, batch: int, count: int) -> Figures:
    program = "benchmarks.push_pull_prototype"
    with private_directory() as place, worker(place, program, "serve", way):
        return figures(place, program, "submit", way, str(batch), str(count))


def compare(count: int) -> None:
    for batch in BATCHES:
        taken: dict[str, list[Figures]] = {way: [] for way in WAYS}
        for number in range(RUNS):
            for way in WAYS if number % 2 == 0 else WAYS[::-1]:
                taken[way].append(run(way, batch, count))
        for figure, unit, scale in (("rate", "tasks/s", 1.0), ("cpu", "ns of a processor", 1e9)):
            medians = []
            for way in WAYS:
                found = sorted(it[figure] * scale for it in taken[way])
                medians.append(statistics.median(found))
                spread = f"{found[0]:,.0f} to {found[-1]:,.0f}"
                print(f"batch {batch}: {way:9}{medians[-1]:>11,.0f} {unit} ({spread})")
            print(f"batch {batch}: {figure} of pushpull: {medians[1] / medians[0]:.2f} x router's")


def main() -> None:
    what, *words = sys.argv[1:] or ["compare"]
    if what == "serve":
        serve(words[0])
    elif what == "submit":
        way, batch, count = words
        print(json.dumps(submit(way, int(batch), int(count))))
    else:
        compare(int(what) if what.isdecimal() else COUNT)


if __name__ == "__main__":
    main()
