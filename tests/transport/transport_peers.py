"""Waiting for sockets, and peers in other processes."""

import os
import selectors
import signal
import subprocess
import sys
import time

import zmq

# Far above what anything here takes: a wait that reaches it is a failure.
PATIENCE = 20.0


def wait_for(socket, wanted, patience=PATIENCE):
    """Wait with epoll on the descriptor, as the loop does, until EVENTS & wanted is as told."""
    mask, value = wanted
    until = time.monotonic() + patience
    with selectors.DefaultSelector() as selector:
        selector.register(socket.getsockopt(zmq.FD), selectors.EVENT_READ)
        while bool(socket.getsockopt(zmq.EVENTS) & mask) is not value:
            left = until - time.monotonic()
            assert left > 0, f"EVENTS & {mask} did not become {value}"
            selector.select(left)


UP, DOWN, READABLE = (zmq.POLLOUT, True), (zmq.POLLOUT, False), (zmq.POLLIN, True)

PEER = """
import select, sys, zmq
from zmqwork.transport.options import configure
context = zmq.Context()
router = context.socket(zmq.ROUTER)
configure(router)
router.bind(sys.argv[1])
print("bound", flush=True)
if sys.argv[2:] == ["burst"]:
    link = router.recv_multipart()[0]
    for index in range(1000):
        router.send_multipart([link, b"%d" % index])
    print("sent", flush=True)
# A socket attaches its peers, and probes them, only while its thread looks at it.
while not select.select([0], [], [], 0.02)[0]:
    router.getsockopt(zmq.EVENTS)
"""


class Peer:
    """Another process with a bound ROUTER."""

    def __init__(self, endpoint, *args):
        self.process = subprocess.Popen(
            [sys.executable, "-c", PEER, endpoint, *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.line() == "bound"

    def line(self):
        return self.process.stdout.readline().strip()

    def signal(self, number):
        os.kill(self.process.pid, number)

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.communicate()
