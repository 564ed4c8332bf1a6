from __future__ import annotations

import pytest
from desks import REALM, node_id

from zmqwork.config import NodeConfig, ProducerConfig, SinkConfig, WorkerConfig
from zmqwork.core import welcome
from zmqwork.core.delivery import RANGES_MAX
from zmqwork.core.messages import Hello
from zmqwork.core.ranges import Ranges

HELLO = Hello(7, node_id("p"), "producer", "p", REALM, (1, 1))


def test_of_a_node():
    config = NodeConfig(node_id=node_id("n"), name="n", realm=REALM, host="here", pid=3)
    said = welcome.of_node(config, "producer", HELLO)
    assert (said.session, said.node_id, said.role, said.name) == (7, node_id("n"), "producer", "n")
    assert (said.host, said.pid, said.protocol, said.realm) == ("here", 3, 1, REALM)
    assert said.silence_timeout == config.health.runtime_timeout
    assert (said.slots, said.tasks, said.held) == (0, {}, [])


@pytest.mark.parametrize(("shares", "timeout"), [(False, 4.0), (True, 30.0)])
def test_of_a_worker(shares, timeout):
    config = WorkerConfig(
        node_id=node_id("w"),
        name="w",
        realm=REALM,
        slots=3,
        queues=("q",),
        weights=(3,),
        strict=True,
        exclude_queues=("x",),
        tasks={"f": "1"},
        shares_process=shares,
    )
    said = welcome.of_worker(config, HELLO, [[1, 1, 0]])
    assert (said.slots, said.queues, said.tasks, said.held) == (3, ["q"], {"f": "1"}, [[1, 1, 0]])
    assert (said.weights, said.strict, said.without) == ([3], True, ["x"])
    assert said.silence_timeout == timeout
    assert said.can == ["deliver"]


def test_the_protocol_is_the_highest_that_both_speak():
    config = NodeConfig(node_id=node_id("n"), name="n", realm=REALM)
    newer = Hello(1, node_id("p"), "producer", "p", REALM, (1, 9))
    assert welcome.of_node(config, "producer", newer).protocol == 1


def test_of_a_sink():
    config = SinkConfig(node_id=node_id("s"), name="s", realm=REALM, sinks=("a", "b"), inbox="i")
    said = welcome.of_sink(config, HELLO, Ranges([(1, 3), (5, 5)]))
    assert (said.role, said.sinks, said.inbox) == ("sink", ["a", "b"], "i")
    assert said.taken == [[1, 3], [5, 5]]
    assert welcome.of_sink(config, HELLO, None).taken == []


def test_a_sink_says_the_lowest_of_many_ranges():
    many = Ranges((number, number) for number in range(1, 2 * RANGES_MAX + 10, 2))
    config = SinkConfig(node_id=node_id("s"), name="s", realm=REALM)
    taken = welcome.of_sink(config, HELLO, many).taken
    assert (len(taken), taken[0], taken[-1]) == (RANGES_MAX, [1, 1], [2 * RANGES_MAX - 1] * 2)


def test_a_producer_says_under_which_id_its_tasks_are_numbered():
    config = ProducerConfig(node_id=node_id("p"), name="p", realm=REALM, producer_id="run-7")
    assert welcome.hello(config, "producer", 1, 2).producer_id == "run-7"
    worker = WorkerConfig(node_id=node_id("w"), name="w", realm=REALM)
    assert welcome.hello(worker, "worker", 1, 0).producer_id == ""
