from __future__ import annotations

import pytest
from desks import REALM, node_id

from zmqwork.config import NodeConfig, WorkerConfig
from zmqwork.core import welcome
from zmqwork.core.messages import Hello

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
        tasks={"f": "1"},
        shares_process=shares,
    )
    said = welcome.of_worker(config, HELLO, [[1, 1, 0]])
    assert (said.slots, said.queues, said.tasks, said.held) == (3, ["q"], {"f": "1"}, [[1, 1, 0]])
    assert said.silence_timeout == timeout


def test_the_protocol_is_the_highest_that_both_speak():
    config = NodeConfig(node_id=node_id("n"), name="n", realm=REALM)
    newer = Hello(1, node_id("p"), "producer", "p", REALM, (1, 9))
    assert welcome.of_node(config, "producer", newer).protocol == 1
