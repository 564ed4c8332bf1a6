"""A sink that knows pyzmq, msgpack and docs/protocol.md, and nothing of zmqwork."""

import msgpack
import pytest
import zmq

from zmqwork.wire import verbs as v

NODE_ID = "5d" * 16


class PlainSink:
    """One ROUTER; the worker that said HELLO last is the one that is spoken to."""

    def __init__(self, realm):
        self.realm = realm
        self.context = zmq.Context()
        self.endpoint = "tcp://127.0.0.1:*"
        self.bind()

    def bind(self):
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.PROBE_ROUTER, 1)
        for _ in range(1000):
            try:
                self.socket.bind(self.endpoint)
            except zmq.ZMQError:  # libzmq closes the one before in the background
                self.socket.poll(10)
            else:
                break
        self.endpoint = self.socket.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0")

    def lose_the_link(self):
        """As if the network had gone: what is on its way is lost."""
        self.socket.close()
        self.bind()

    def send(self, verb, *fields):
        self.number += 1
        self.socket.send_multipart([self.route, msgpack.packb([verb, self.number, *fields])])

    def receive(self, *wanted):
        while self.socket.poll(20_000):
            route, *frames = self.socket.recv_multipart()
            verb, _, *fields = msgpack.unpackb(frames[0], strict_map_key=False)
            if verb == v.HELLO:
                self.route, self.number = route, 0
            if verb == v.PING:
                self.send(v.PONG, fields[0], 0.0)
            if verb in wanted:
                return verb, fields
        return pytest.fail(f"none of {wanted} came")

    def greet(self, inbox="", credit=(1000, 1 << 20)):
        """A worker says HELLO, and is answered; what it said."""
        _, hello = self.receive(v.HELLO)
        head = [hello[0], NODE_ID, "sink", "plain", self.realm, 1, 1.0, 4.0, "", 0]
        of_worker = [0, [], {}, [[], [], []], []]
        self.send(v.WELCOME, *head, *of_worker, ["default"], inbox, [[], []])
        self.send(v.CREDIT, *credit)
        return hello

    def close(self):
        self.socket.close()
        self.context.term()
