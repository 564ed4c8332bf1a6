"""Raw pyzmq: what an expert writes by hand (`benchmarks/raw.py`), a ROUTER in another process.

One msgpack message for each task, 2,000 in flight; bulk: 256 tasks in a message; echo: frames as
they are. No ledger, no heartbeats, no retries, no futures; a lost message is lost. Two slots: a
DEALER deals to two workers by turns.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count, islice
from pathlib import Path
from typing import Any

import msgpack
import zmq

from benchmarks import raw
from benchmarks.peers.chores import CHORES
from benchmarks.peers.driver import chunks, running


class Client:
    """It starts the worker for a kind of message when it needs that."""

    def __init__(self, place: Path, slots: int, stack: ExitStack) -> None:
        self.place, self.slots, self.stack = place, slots, stack
        self.context: zmq.Context[zmq.Socket[bytes]] = stack.enter_context(zmq.Context())
        self.sockets: dict[str, zmq.Socket[bytes]] = {}
        self.numbers = count()

    def socket(self, role: str) -> zmq.Socket[bytes]:
        if role not in self.sockets:
            program = [__name__] if role in CHORES else ["benchmarks.raw"]
            endpoints = [f"ipc://{self.place}/{role}{slot}" for slot in range(self.slots)]
            for endpoint in endpoints:
                self.stack.enter_context(running(self.place, "-m", *program, role, endpoint))
            socket = self.stack.enter_context(raw.connected(self.context, endpoints[0]))
            for endpoint in endpoints[1:]:
                socket.connect(endpoint)
            self.sockets[role] = socket
        return self.sockets[role]

    def call(self, task: str, argument: Any) -> Any:
        socket = self.socket("worker" if task == "noop" else task)
        socket.send(msgpack.packb((0, argument)))
        _, value = msgpack.unpackb(socket.recv())
        return value

    def queue(self, task: str, arguments: Sequence[Any]) -> None:
        """Whatever it is, it goes to the worker whose slot is taken: there it waits."""
        del task
        socket = self.socket("hold")
        for argument in arguments:
            socket.send(msgpack.packb((next(self.numbers), argument)))

    def each(
        self, task: str, arguments: Sequence[Any], in_flight: int | None = None
    ) -> Iterator[Any]:
        if in_flight is not None:
            yield from self.echo(arguments, in_flight)
            return
        socket = self.socket("worker" if task == "noop" else task)
        pack, unpack = msgpack.Packer().pack, msgpack.unpackb
        receive, send = socket.recv, socket.send
        following = iter(enumerate(arguments))
        for pair in islice(following, raw.WINDOW):
            send(pack(pair))
        early: dict[int, Any] = {}  # two workers may overtake each other
        for expected in range(len(arguments)):
            while expected not in early:
                seq, value = unpack(receive())
                early[seq] = value
                for pair in islice(following, 1):
                    send(pack(pair))
            yield early.pop(expected)

    def echo(self, arguments: Sequence[bytes], in_flight: int) -> Iterator[bytes]:
        socket = self.socket("echo-worker")
        following = iter(arguments)
        for argument in islice(following, in_flight):
            socket.send(argument)
        for _ in arguments:
            yield socket.recv()
            for argument in islice(following, 1):
                socket.send(argument)

    def bulk(self, numbers: range) -> Iterator[Any]:
        socket = self.socket("bulk-worker")
        pack, unpack = msgpack.Packer().pack, msgpack.unpackb
        parts = chunks(numbers, raw.BULK)
        following = iter(parts)
        for part in islice(following, raw.WINDOW // raw.BULK):
            socket.send(pack((part.start, list(part))))
        for expected in parts:
            first, values = unpack(socket.recv())
            if first != expected.start:
                raise SystemExit(f"the tasks from {expected.start} came back as others")
            yield from values
            for part in islice(following, 1):
                socket.send(pack((part.start, list(part))))


@contextmanager
def connected(place: Path, slots: int) -> Iterator[Client]:
    with ExitStack() as stack:
        yield Client(place, slots, stack)


def main() -> None:
    """``... ROLE ENDPOINT``: a worker for the tasks that `benchmarks.raw` does not have."""
    role, endpoint = sys.argv[1:]
    socket = raw.bound(endpoint)
    while True:
        route, body = socket.recv_multipart()
        seq, argument = msgpack.unpackb(body)
        socket.send_multipart([route, msgpack.packb((seq, CHORES[role](argument)))])


if __name__ == "__main__":
    main()
