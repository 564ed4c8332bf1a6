"""A worker that lies: producers dial it, and it says what it is told to say.

It listens with libzmq, for what is wrong here is in the messages.
"""

import msgpack
import pytest
import zmq

from zmqwork.core.messages import Welcome
from zmqwork.wire import verbs as v
from zmqwork.wire.codec import encode

PATIENCE_MS = 30_000


class Liar:
    """Bound; `open` answers the next HELLO."""

    def __init__(self, realm):
        self.realm = realm
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.PROBE_ROUTER, 1)
        self.socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self.socket.bind("tcp://127.0.0.1:*")
        self.endpoint = self.socket.getsockopt(zmq.LAST_ENDPOINT).rstrip(b"\0").decode()
        self.link = b""
        self.number = 0

    def open(self):
        """Wait for a HELLO, and answer with WELCOME: a worker that has the task `echo`."""
        session = self.expect(v.HELLO)[0]
        self.number = 0
        welcome = Welcome(session, "f" * 32, "worker", "liar", self.realm, 1)
        welcome.slots, welcome.queues, welcome.tasks = 4, ["default"], {"echo": ""}
        self.number += 1
        [frames] = encode(self.number, welcome)
        self.socket.send_multipart([self.link, *frames])

    def say(self, verb, *fields):
        self.number += 1
        self.send(msgpack.packb([verb, self.number, *fields]))

    def send(self, *frames):
        self.socket.send_multipart([self.link, *frames])

    def hear(self):
        """The next message: its verb and fields."""
        while self.socket.poll(PATIENCE_MS):
            self.link, *frames = self.socket.recv_multipart()
            if frames != [b""]:
                verb, _, *fields = msgpack.unpackb(frames[0], strict_map_key=False)
                return verb, fields
        return pytest.fail("nothing came")

    def expect(self, verb):
        """The fields of the next message of this verb."""
        while True:
            heard, fields = self.hear()
            if heard == verb:
                return fields
            if heard == v.PING:
                self.say(v.PONG, fields[0])

    def is_hung_up(self):
        """Wait until its messages reach nobody any more."""
        while True:
            try:
                self.socket.send_multipart([self.link, b""])
            except zmq.ZMQError as error:
                return error.errno == zmq.EHOSTUNREACH
            if self.socket.poll(5):
                self.socket.recv_multipart()

    def close(self):
        self.socket.close()
        self.context.term()
