from __future__ import annotations

from dataclasses import replace

import pytest
from work_app import app, echo

from zmqwork.config import NodeConfig
from zmqwork.core.effects import TakeRoster
from zmqwork.nodes.observer import Observer
from zmqwork.nodes.rosters import take_roster
from zmqwork.security import cluster
from zmqwork.security.keyring import Watched, load
from zmqwork.starting import identity
from zmqwork.whereabouts import Whereabouts


@pytest.fixture
def observer(producer, realm):
    config = NodeConfig(**identity(realm, "observer"))
    with Observer(config, app.discover(Whereabouts.of(realm=realm)), patience=30.0) as running:
        yield running


def test_nodes_without_keys_refuse(producer, observer, start_worker):
    start_worker()
    assert echo.submit(1).result(30) == 1  # so that both are there
    nodes = observer.survey()["nodes"]
    assert {node["role"] for node in nodes} == {"producer", "worker"}
    for node in nodes:
        answer = observer.order(node["node_id"], "roster", {}, [b"serial = 1"])
        assert (answer.code, answer.text) == (
            "refused", "this node has no keys, and so no use for a roster",
        )  # fmt: skip


def test_what_a_node_says_of_it(tmp_path):
    place = tmp_path / "keys"
    cluster.create(place, "lab", "desk")
    keys = Watched(place)
    roster = load(place).roster
    said = take_roster(keys, TakeRoster(replace(roster, serial=2).encode().encode(), "them"))
    assert (said.request, said.refusal, said.before, said.serial, said.written) == (
        "them", "", 1, 2, True,
    )  # fmt: skip
    said = take_roster(keys, TakeRoster(roster.encode().encode(), "them"))
    assert (said.request, said.written) == ("them", False)
    assert said.refusal == "roster 1 is older than 2, which is here"
