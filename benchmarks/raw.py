"""What an expert writes without zmqwork: raw pyzmq, as the base of the ratios.

No ledger, no heartbeats, no retries, no futures: a task is one msgpack message ``[seq, argument]``
and its result another. The worker binds a ROUTER, the sender connects a DEALER, as in zmqwork, and
each is a process of its own::

    python -m benchmarks.raw worker ENDPOINT            echoes until SIGTERM
    python -m benchmarks.raw frames ENDPOINT            the same, frame by frame
    python -m benchmarks.raw submit ENDPOINT COUNT      prints tasks per second
    python -m benchmarks.raw pingpong ENDPOINT COUNT    prints p50 and p99 of the round trip
    python -m benchmarks.raw bulk ENDPOINT COUNT        as submit, BULK tasks in a message
    python -m benchmarks.raw bulk-worker ENDPOINT       for that
    python -m benchmarks.raw echo ENDPOINT COUNT        1 MiB there and back: bytes per second
    python -m benchmarks.raw echo-worker ENDPOINT       for that

Blocking calls throughout: with something there, they return at once and cost no more than those
that do not block, and with nothing there no poll comes before them. (Tried: draining without
blocking is no faster.)

There are two workers of single tasks. `worker` uses `recv_multipart` and `send_multipart`, as
pyzmq's guide does for a ROUTER. `frames` knows that a message has two frames and asks for them one
by one, which spares pyzmq's question for more after each: two to three times as fast, and wrong as
soon as a peer sends another number of frames. Both are reported.
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import islice
from random import Random

import msgpack
import zmq

from benchmarks.measure import percentile
from benchmarks.work import noop

# In flight at once. Tried from 100 to 20,000: flat from 1,000 to 10,000, slower above.
WINDOW = 2_000
WARMUP = 2_000
# Tasks in a message of `bulk`.
BULK = 256
ECHO_BYTES = 1024 * 1024
ECHO_WINDOW = 16
ECHO_WARMUP = 50


def bound(endpoint: str) -> zmq.Socket[bytes]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context.instance()
    socket = context.socket(zmq.ROUTER)
    socket.setsockopt(zmq.SNDHWM, 0)
    socket.setsockopt(zmq.RCVHWM, 0)
    socket.bind(endpoint)
    return socket


def worker(endpoint: str) -> None:
    socket = bound(endpoint)
    pack, unpack = msgpack.Packer().pack, msgpack.unpackb
    receive, send = socket.recv_multipart, socket.send_multipart
    while True:
        route, body = receive()
        seq, argument = unpack(body)
        send((route, pack((seq, noop(argument)))))


def frames(endpoint: str) -> None:
    socket = bound(endpoint)
    pack, unpack, more = msgpack.Packer().pack, msgpack.unpackb, zmq.SNDMORE
    receive, send = socket.recv, socket.send
    while True:
        route = receive()
        seq, argument = unpack(receive())
        send(route, more)
        send(pack((seq, noop(argument))))


def connected(context: zmq.Context[zmq.Socket[bytes]], endpoint: str) -> zmq.Socket[bytes]:
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.SNDHWM, 0)
    socket.setsockopt(zmq.RCVHWM, 0)
    socket.setsockopt(zmq.LINGER, 0)
    socket.connect(endpoint)
    return socket


def pipelined(socket: zmq.Socket[bytes], count: int) -> float:
    """Send `count` tasks with a window in flight, check every result; return tasks per second."""
    pack, unpack = msgpack.Packer().pack, msgpack.unpackb
    receive, send = socket.recv, socket.send
    begun_at = time.perf_counter()
    for seq in range(min(WINDOW, count)):
        send(pack((seq, seq)))
    following = iter(range(WINDOW, count))
    for expected in range(count):
        seq, value = unpack(receive())
        if seq != expected or value != seq:
            raise SystemExit(f"task {expected} came back as {seq}: {value!r}")
        for seq in following:
            send(pack((seq, seq)))
            break
    return count / (time.perf_counter() - begun_at)


def submit(endpoint: str, count: int) -> dict[str, float]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with context, connected(context, endpoint) as socket:
        pipelined(socket, WARMUP)
        return {"rate": pipelined(socket, count)}


def pingpong(endpoint: str, count: int) -> dict[str, float]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    pack, unpack, clock = msgpack.Packer().pack, msgpack.unpackb, time.perf_counter
    seconds = []
    with context, connected(context, endpoint) as socket:
        for seq in range(-WARMUP, count):
            begun_at = clock()
            socket.send(pack((seq, seq)))
            echoed, value = unpack(socket.recv())
            if seq >= 0:
                seconds.append(clock() - begun_at)
            if (echoed, value) != (seq, seq):
                raise SystemExit(f"task {seq} came back as {echoed}: {value!r}")
    return {"p50": percentile(seconds, 50), "p99": percentile(seconds, 99)}


def bulk_worker(endpoint: str) -> None:
    socket = bound(endpoint)
    pack, unpack = msgpack.Packer().pack, msgpack.unpackb
    receive, send = socket.recv_multipart, socket.send_multipart
    while True:
        route, body = receive()
        send((route, pack([(seq, noop(argument)) for seq, argument in unpack(body)])))


def bulked(socket: zmq.Socket[bytes], count: int) -> float:
    """As `pipelined`, with BULK tasks in each message."""
    pack, unpack = msgpack.Packer().pack, msgpack.unpackb
    begun_at = time.perf_counter()
    batches = (range(start, min(count, start + BULK)) for start in range(0, count, BULK))
    for batch in islice(batches, WINDOW // BULK):
        socket.send(pack([(seq, seq) for seq in batch]))
    expected = 0
    while expected < count:
        for seq, value in unpack(socket.recv()):
            if seq != expected or value != seq:
                raise SystemExit(f"task {expected} came back as {seq}: {value!r}")
            expected += 1
        for batch in islice(batches, 1):
            socket.send(pack([(seq, seq) for seq in batch]))
    return count / (time.perf_counter() - begun_at)


def bulk(endpoint: str, count: int) -> dict[str, float]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with context, connected(context, endpoint) as socket:
        bulked(socket, WARMUP)
        return {"rate": bulked(socket, count)}


def echo_worker(endpoint: str) -> None:
    socket = bound(endpoint)
    while True:
        socket.send_multipart(socket.recv_multipart())


def echoed(socket: zmq.Socket[bytes], count: int) -> float:
    """Bytes per second in one direction, of ECHO_BYTES each; every answer is compared."""
    payload = Random(1).randbytes(ECHO_BYTES)  # (zeros may be one page, mapped often)
    begun_at = time.perf_counter()
    for number in range(count + ECHO_WINDOW):
        if number >= ECHO_WINDOW and socket.recv() != payload:
            raise SystemExit("an answer is another one")
        if number < count:
            socket.send(payload)
    return count * ECHO_BYTES / (time.perf_counter() - begun_at)


def echo(endpoint: str, count: int) -> dict[str, float]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with context, connected(context, endpoint) as socket:
        echoed(socket, ECHO_WARMUP)
        return {"rate": echoed(socket, count)}


WORKERS = {
    "worker": worker,
    "frames": frames,
    "bulk-worker": bulk_worker,
    "echo-worker": echo_worker,
}
SENDERS = {"submit": submit, "pingpong": pingpong, "bulk": bulk, "echo": echo}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.raw")
    parser.add_argument("role", choices=[*WORKERS, *SENDERS])
    parser.add_argument("endpoint")
    parser.add_argument("count", type=int, nargs="?", default=100_000)
    asked = parser.parse_args()
    if asked.role in WORKERS:
        WORKERS[asked.role](asked.endpoint)
    else:
        print(json.dumps(SENDERS[asked.role](asked.endpoint, asked.count)))


if __name__ == "__main__":
    main()
