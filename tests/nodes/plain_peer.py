"""A worker, producer or observer that knows pyzmq, msgpack and docs/protocol.md alone."""

import msgpack
import pytest
import zmq

from zmqwork.wire import verbs as v

# Far above what anything here takes: a wait that reaches it is a failure.
PATIENCE_MS = 20_000


class PlainPeer:
    """Dials a sink at once; `receive` passes over what is not asked for, and answers BYE."""

    def __init__(self, endpoint, realm, role="worker", node_id="ab" * 16, session=1, **rest):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(endpoint)
        self.number = 0
        self.seen = []
        hello = [session, node_id, role, f"plain-{role}", realm, [1, 1], 0, 1.0]
        self.send(v.HELLO, *hello, *rest.values())

    def send(self, verb, *fields):
        self.number += 1
        self.socket.send(msgpack.packb([verb, self.number, *fields]))

    def results(self, batch, numbers, values=None, producer_id="f" * 32, name="work"):
        """RESULTS of one producer; the task's number is that at the sink and a hundred."""
        values = [msgpack.packb(n) for n in numbers] if values is None else values
        seqs = [number + 100 for number in numbers]
        self.send(v.RESULTS, batch, [[producer_id, name, list(numbers), seqs, values]])

    def receive(self, *wanted):
        """The next message of one of these verbs: its verb and fields."""
        while self.socket.poll(PATIENCE_MS):
            frames = self.socket.recv_multipart()
            if frames == [b""]:
                continue  # the ROUTER's probe
            verb, _, *fields = msgpack.unpackb(frames[0], strict_map_key=False)
            self.seen.append(verb)
            if verb == v.BYE:
                self.send(v.BYE)
            if verb in wanted:
                return verb, fields
        return pytest.fail(f"none of {wanted} came, but {self.seen}")

    def expect(self, verb):
        """The fields of the next message of this verb."""
        return self.receive(verb)[1]

    def ack(self):
        """The batch up to which the next RESULTS_ACK goes."""
        return self.expect(v.RESULTS_ACK)[0]

    def settle(self):
        """Wait until all that was sent so far was taken in: the verbs of what came meanwhile."""
        self.seen.clear()
        self.send(v.PING, 77, 0.0)
        while self.expect(v.PONG)[0] != 77:
            pass
        return self.seen

    def close(self):
        self.socket.close()
        self.context.term()
