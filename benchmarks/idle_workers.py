"""``python -m benchmarks.idle_workers DIRECTORY COUNT``: so many workers that have no slot free.

One thread speaks for all of them, from a ROUTER each, ``ipc://DIRECTORY/NUMBER``: it answers HELLO
and heartbeats, and never grants credit. Prints a line when all are there; ends with its input.
"""

from __future__ import annotations

import resource
import selectors
import sys

import zmq

from benchmarks.tasks import app
from zmqwork.core.messages import Hello, Message, Ping, Pong, Welcome
from zmqwork.transport.frames import POLLIN, socket_events
from zmqwork.transport.options import configure
from zmqwork.wire.codec import Decoder, encode

# A socket has one of its own, and one for each connection.
_DESCRIPTORS_MAX = 20_000


class IdleWorker:
    """One of them."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str, number: int) -> None:
        self._node_id = f"{number:032x}"
        self._socket = context.socket(zmq.ROUTER)
        configure(self._socket)
        self._socket.bind(endpoint)
        self.fd = int(self._socket.getsockopt(zmq.FD))
        self._decoders: dict[bytes, Decoder] = {}
        self._numbers: dict[bytes, int] = {}

    def read(self) -> None:
        """Answer all that is there."""
        while socket_events(self._socket) & POLLIN:
            link, *frames = self._socket.recv_multipart()
            if frames == [b""]:
                continue
            numbered = self._decoders.setdefault(link, Decoder()).decode(frames)
            if numbered is None:
                continue
            match numbered[1]:
                case Hello(session=session):
                    self._numbers[link] = 0
                    self._say(link, self._welcome(session))
                case Ping(sequence=sequence):
                    self._say(link, Pong(sequence))

    def _say(self, link: bytes, message: Message) -> None:
        self._numbers[link] += 1
        for frames in encode(self._numbers[link], message):
            self._socket.send_multipart([link, *frames])

    def _welcome(self, session: int) -> Welcome:
        tasks = {name: task.fingerprint for name, task in app.tasks.items()}
        return Welcome(
            session, self._node_id, "worker", "idle", app.name, 1, slots=1, tasks=tasks
        )  # fmt: skip


def main() -> None:
    directory, count = sys.argv[1], int(sys.argv[2])
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, _DESCRIPTORS_MAX), hard))
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    context.set(zmq.MAX_SOCKETS, count + 16)
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin, selectors.EVENT_READ)
    for number in range(count):
        worker = IdleWorker(context, f"ipc://{directory}/{number}", number)
        selector.register(worker.fd, selectors.EVENT_READ, worker)
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            if key.data is None:
                return
            key.data.read()


if __name__ == "__main__":
    main()
