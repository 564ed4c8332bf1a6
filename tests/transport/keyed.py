"""A bound socket with keys, its gatekeeper, and those who knock; all turned by hand."""

from __future__ import annotations

import selectors
import time

import zmq
from transport_peers import PATIENCE

from zmqwork.security.pairs import fingerprint, new_pair
from zmqwork.transport import curve
from zmqwork.transport.curve import Handshake
from zmqwork.transport.options import configure
from zmqwork.transport.router import Router
from zmqwork.transport.zap import Gatekeeper


class House:
    """A router that admits the keys in `admitted`.

    Attributes:
        asked: the public key and the address of each question.
        fault: raised instead of an answer, if there is one.
    """

    def __init__(self, context):
        self.pair = new_pair()
        self.admitted = set()
        self.asked = []
        self.fault = None
        self.keeper = Gatekeeper(context, self.admit)
        self.router = Router(context, self.pair)

    def admit(self, public, address):
        self.asked.append((public, address))
        if self.fault is not None:
            raise self.fault
        return fingerprint(public) if public in self.admitted else ""

    def member(self):
        """A pair that is let in."""
        pair = new_pair()
        self.admitted.add(pair.public)
        return pair

    def serve(self, happened, what):
        """Answer questions and read messages until something has happened; the events."""
        events, until = [], time.monotonic() + PATIENCE
        with selectors.DefaultSelector() as selector:
            for fd in (self.keeper.fd, self.router.fd):
                selector.register(fd, selectors.EVENT_READ)
            while not happened(events):
                assert time.monotonic() < until, f"it did not happen that {what}"
                self.keeper.receive([])
                self.router.receive(events)
                selector.select(0.01)
        return events

    def close(self):
        self.router.close()
        self.keeper.close()


class Visitor:
    """A DEALER that dials, and knows how its handshake went."""

    def __init__(self, context, endpoint, pair=None, server=""):
        self.socket = context.socket(zmq.DEALER)
        configure(self.socket)
        if pair is not None:
            curve.dial(self.socket, pair, server)
        self.handshake = Handshake(context, self.socket)
        self.socket.connect(endpoint)
        self._result = ""

    @property
    def result(self):
        self._result = self._result or self.handshake.result()
        return self._result

    @property
    def is_connected(self):
        return bool(self.socket.getsockopt(zmq.EVENTS) & zmq.POLLOUT)

    def close(self):
        self.handshake.close()
        self.socket.close(0)
