"""A producer and a sink that knows pyzmq, msgpack and docs/protocol.md, and nothing of zmqwork."""

import threading

import msgpack
import pytest
import work_app
import zmq

from zmqwork.core.lifecycle import SUCCEEDED
from zmqwork.errors import TaskCancelled
from zmqwork.nodes.why_not import why_not
from zmqwork.wire import verbs as v

WAIT = 20.0


class PlainSink:
    """Says what it has to each HELLO, and that it has all to END, in a thread of its own."""

    def __init__(self, realm, taken):
        self.realm = realm
        self.taken = taken
        self.heard = []
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.PROBE_ROUTER, 1)
        port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.endpoint = f"tcp://127.0.0.1:{port}"
        self._number = 0
        self._thread = threading.Thread(target=self._run)
        self._ends = threading.Event()
        self._thread.start()

    def _send(self, route, verb, *fields):
        self._number += 1
        self.socket.send_multipart([route, msgpack.packb([verb, self._number, *fields])])

    def _run(self):
        while not self._ends.is_set():
            if not self.socket.poll(50):
                continue
            route, *frames = self.socket.recv_multipart()
            verb, _, *fields = msgpack.unpackb(frames[0], strict_map_key=False)
            self.heard.append((verb, fields))
            if verb == v.HELLO:
                self._number = 0
                worker = [0, [], {}, [[], [], []], []]  # slots, queues, tasks, held, neighbours
                about = [fields[0], "cd" * 16, "sink", "plain", self.realm, 1, 1.0, 4.0, "host", 1]
                self._send(route, v.WELCOME, *about, *worker, ["out"], "box", self.taken)
            elif verb == v.PING:
                self._send(route, v.PONG, fields[0], 0.0)
            elif verb == v.END:
                self._send(route, v.ENDED, fields[0], [[], []])

    def close(self):
        self._ends.set()
        self._thread.join()
        self.socket.close()
        self.context.term()


@pytest.fixture
def sink(realm):

    made = PlainSink(realm, [[1], [5]])  # the beginnings and the ends of ranges
    yield made
    made.close()


@pytest.fixture
def producer(realm, sink):
    with work_app.app.producer(realm=realm, peers=[sink.endpoint]) as made:
        yield made
        made.stop()


def test_what_the_inbox_has_is_done_and_the_end_is_told(producer, sink, wait_until):
    node = producer._node
    task = work_app.echo.using(inbox="box")
    assert [task.submit(word).result(WAIT) for word in ("a", "b")] == [None, None]
    [outlet] = node.outlets()
    assert (outlet["inbox"], outlet["sinks"], list(outlet["taken"])) == ("box", ["out"], [(1, 5)])
    settled = threading.Event()
    owner = producer.submit(task.spec, b"\xc0")
    assert owner.result(WAIT) is None
    entries = []
    node._settle_futures = lambda batch: (entries.extend(batch), settled.set())
    node.submit(task.spec, b"\xc0", "owner", sink_seq=5)
    assert settled.wait(WAIT)
    assert [(e.owner, e.sink_seq, e.state, e.attempt) for e in entries] == [
        ("owner", 5, SUCCEEDED, 0)
    ]
    [said] = node.end(WAIT)
    assert (said["count"], said["succeeded"], said["taken"], said["missing"]) == (5, 4, 5, [])
    assert (v.END, [5, 4]) in sink.heard
    assert "plain alive" in producer.explain()


def test_a_task_follows_another_one_in_its_place(producer):
    node = producer._node
    spec = work_app.echo.using(inbox="box").spec
    done = threading.Event()
    owners = []

    def settle(entries):
        for entry in entries:
            owners.append(entry.owner)
            if entry.owner == "first":
                node.follow(spec, b"\xc0", "second", sink_seq=4)
            else:
                done.set()

    node._settle_futures = settle
    node.submit(spec, b"\xc0", "first")
    assert node.drain(WAIT), "the follower was there before the first one was counted"
    assert done.is_set()
    assert owners == ["first", "second"]


def test_what_waits_for_a_sink_says_so(realm):
    with work_app.app.producer(realm=realm, peers=()) as made:
        future = work_app.echo.using(sink="out").submit("x")
        assert made._node.end(WAIT) == []
        assert made._node.outlets() == []
        assert "no worker was found" in made.explain(future.seq)
        made.stop()
    with pytest.raises(TaskCancelled):
        future.result(WAIT)
    assert made._node.end(WAIT) == []


def test_sinks_are_named_where_somebody_asks_why():
    sinks = [
        {"name": "s1", "inbox": "", "state": "alive"},
        {"name": "", "inbox": "box", "state": "unknown"},
    ]
    status = {"sources": [], "peers": {}, "workers": [{}], "sinks": sinks, "refusals": []}
    assert "  sinks      s1 alive, box unknown" in why_not(None, status, None, None)
