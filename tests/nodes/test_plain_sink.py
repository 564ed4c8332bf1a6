"""A worker brings results to a sink written by hand; its producer is written by hand as well."""

import msgpack
import pytest
import work_app
from plain_sink import NODE_ID, PlainSink
from test_plain_client import PlainClient

from zmqwork.discovery.directory import LocalDirectory
from zmqwork.discovery.record import Record
from zmqwork.wire import verbs as v


@pytest.fixture
def sink(realm):
    made = PlainSink(realm)
    yield made
    made.close()


@pytest.fixture
def start(realm):
    """Start a worker; a producer that is in session with it."""
    opened = []

    def start(**options):
        worker = work_app.app.worker(
            1, pool="inline", realm=realm, bind=["tcp://127.0.0.1:*"], **options
        )
        opened.append(worker.start())
        endpoint = next(e for e in worker.endpoints if e.startswith("tcp://"))
        opened.append(PlainClient(endpoint, realm))
        opened[-1].receive(v.WELCOME)
        return worker, opened[-1]

    yield start
    for one in reversed(opened):
        one.stop() if hasattr(one, "stop") else one.close()


def give(client, seqs, numbers, endpoints, inbox="", name="echo"):
    """TASKS whose results go to the sink under these numbers."""
    args = [msgpack.packb([[f"of {seq}"], {}]) for seq in seqs]
    to = [NODE_ID, inbox, endpoints, "the run", numbers]
    client.send(v.TASKS, [[name, {}, 1, seqs, args, to]])


def nothing_is_done(client):
    """No DONE came before the worker's answer to this PING."""
    client.send(v.PING, 99, 0.0)
    verb, fields = client.receive(v.PONG, v.DONE)
    assert (verb, fields[:1]) == (v.PONG, [99])


def test_a_result_is_done_when_the_sink_has_acked_it(realm, sink, start):
    _, client = start()
    give(client, [1], [11], [sink.endpoint])
    hello = sink.greet()
    assert (hello[2], hello[4]) == ("worker", realm)
    _, (batch, parcels) = sink.receive(v.RESULTS)
    assert (batch, parcels) == (1, [["the run", "echo", [11], [1], [msgpack.packb("of 1")]]])
    nothing_is_done(client)
    sink.send(v.RESULTS_ACK, batch)
    _, done = client.receive(v.DONE)
    assert done[:4] == [1, [1], [1], [b"\xc0"]]


def test_an_ack_that_is_lost_with_the_link_is_said_again(sink, start):
    _, client = start()
    give(client, [1], [11], [sink.endpoint], inbox="orders")
    sink.greet("orders")
    _, first = sink.receive(v.RESULTS)
    sink.lose_the_link()
    hello = sink.greet("orders")
    assert hello[0] > 1
    _, second = sink.receive(v.RESULTS)
    assert second == first
    nothing_is_done(client)
    sink.send(v.RESULTS_ACK, second[0])
    assert client.receive(v.DONE)[1][1] == [1]


@pytest.mark.parametrize("way", ["typed", "announced"])
def test_a_sink_is_found_as_other_nodes_are(realm, sink, start, way):
    directory = LocalDirectory(realm)
    if way == "announced":
        directory.announce(Record(NODE_ID, "sink", "plain", realm, (sink.endpoint,), 0, ""))
    _, client = start(**({"peers": [sink.endpoint]} if way == "typed" else {}))
    give(client, [1], [11], [])
    sink.greet()
    _, (batch, _) = sink.receive(v.RESULTS)
    sink.send(v.RESULTS_ACK, batch)
    assert client.receive(v.DONE)[1][1] == [1]
    directory.close()


def test_failures_go_to_the_producer(sink, start):
    _, client = start()
    give(client, [1], [11], [sink.endpoint], name="raise_value_error")
    sink.greet()
    _, done = client.receive(v.DONE)
    assert [failure[0] for failure in done[4]] == [1]


def test_a_worker_that_drains_waits_for_the_ack_and_says_goodbye(sink, start):
    worker, client = start()
    give(client, [1], [11], [sink.endpoint])
    sink.greet()
    _, (batch, _) = sink.receive(v.RESULTS)
    worker.request_drain()
    client.receive(v.DRAINING)
    assert worker.status()["state"] == "draining"
    assert [box["results"] for box in worker.status()["outboxes"]] == [1]
    sink.send(v.RESULTS_ACK, batch)
    _, done = client.receive(v.DONE)
    client.send(v.DONE_ACK, done[0])
    client.receive(v.BYE)
    sink.receive(v.BYE)
    client.send(v.BYE)
    assert worker.wait(20.0)


def test_a_worker_that_is_stopped_gives_back_what_is_not_acked(sink, start):
    worker, client = start()
    give(client, [1], [11], [sink.endpoint])
    sink.greet()
    sink.receive(v.RESULTS)
    worker.request_stop()
    _, (reason, seqs, attempts) = client.receive(v.RETURN)
    assert (reason, seqs, attempts) == ("stopping", [1], [1])
    sink.receive(v.BYE)
    assert worker.wait(20.0)
