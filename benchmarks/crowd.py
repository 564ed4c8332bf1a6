"""``python -m benchmarks.crowd ENDPOINT SILENT DRIPPING``: connections that come to nothing.

Some say nothing at all, others say the greeting of ZMTP, a byte each second. What the node closes
is opened again. Says each time that as many were opened as there are; and when its input
ends, how many that were in all, and how many of them the node has ended.
"""

from __future__ import annotations

import json
import resource
import selectors
import socket
import sys
import time
from dataclasses import dataclass

GREETING = b"\xff\0\0\0\0\0\0\0\1\x7f\3\1CURVE".ljust(64, b"\0")
DRIP_INTERVAL = 1.0
DIAL_INTERVAL = 0.1


@dataclass(slots=True)
class Place:
    """Of one connection, and then of the next one that takes it."""

    drips: bool
    socket: socket.socket | None = None
    is_open: bool = False
    told: int = 0  # bytes of the greeting


class Crowd:
    """All connections to one address."""

    def __init__(self, address: tuple[str, int], silent: int, dripping: int) -> None:
        self._address = address
        self._selector = selectors.DefaultSelector()
        self._places = [Place(drips=number < dripping) for number in range(silent + dripping)]
        self._vacant = list(self._places)
        self.opened = self.ended = 0

    def run(self) -> None:
        """Until the standard input ends."""
        self._selector.register(sys.stdin, selectors.EVENT_READ)
        rounds = 0
        drip_at = dial_at = time.monotonic()
        while True:
            if time.monotonic() >= dial_at:
                dial_at += DIAL_INTERVAL
                vacant, self._vacant = self._vacant, []
                for place in vacant:
                    self._dial(place)
            for key, _ in self._selector.select(DIAL_INTERVAL):
                if not isinstance(key.data, Place):
                    return
                self._look(key.data)
            if time.monotonic() >= drip_at:
                drip_at += DRIP_INTERVAL
                self._drip()
            if self.opened >= (rounds + 1) * len(self._places):
                rounds += 1
                print(json.dumps({"rounds": rounds}), flush=True)

    def _dial(self, place: Place) -> None:
        made = socket.socket()
        made.setblocking(False)
        made.connect_ex(self._address)
        place.socket, place.is_open, place.told = made, False, 0
        self._selector.register(made, selectors.EVENT_WRITE, place)

    def _look(self, place: Place) -> None:
        assert place.socket is not None
        try:
            if not place.is_open:
                if place.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    raise ConnectionError
                place.is_open = True
                self.opened += 1
                self._selector.modify(place.socket, selectors.EVENT_READ, place)
            elif not place.socket.recv(4_096):
                raise ConnectionError
        except BlockingIOError:
            pass
        except OSError:
            self.ended += place.is_open
            self._selector.unregister(place.socket)
            place.socket.close()
            place.socket = None
            self._vacant.append(place)

    def _drip(self) -> None:
        for place in self._places:
            if place.drips and place.is_open and place.socket is not None:
                try:
                    place.told += place.socket.send(GREETING[place.told : place.told + 1])
                except OSError:
                    continue  # its end is seen when it is read


def main() -> None:
    host, _, port = sys.argv[1].removeprefix("tcp://").rpartition(":")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd = Crowd((host, int(port)), int(sys.argv[2]), int(sys.argv[3]))
    crowd.run()
    print(json.dumps({"opened": crowd.opened, "ended": crowd.ended}), flush=True)


if __name__ == "__main__":
    main()
