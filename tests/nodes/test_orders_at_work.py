from __future__ import annotations

import pytest
from work_app import app, echo, raise_value_error

from zmqwork.config import NodeConfig
from zmqwork.errors import TaskFailed
from zmqwork.nodes.observer import Observer
from zmqwork.starting import identity
from zmqwork.whereabouts import Whereabouts
from zmqwork.wire.values import decode_call, encode_call


@pytest.fixture
def observer(producer, realm):
    config = NodeConfig(**identity(realm, "observer"))
    discovery = app.discover(Whereabouts.of(realm=realm))
    with Observer(config, discovery, patience=30.0) as running:
        yield running


def ordered(observer, node_id, verb, data=None, **arguments):
    answer = observer.order(node_id, verb, arguments, data)
    assert (answer.code, answer.text) == ("done", "")
    return answer


def test_a_producer_obeys(producer, observer, start_worker):
    node_id = producer.node_id
    assert ordered(observer, node_id, "pause", queue="default").value == {"paused": ["default"]}
    one, two = echo.submit(1), echo.submit(2)
    rows = ordered(observer, node_id, "tasks", state="waiting").value["rows"]
    assert [row["seq"] for row in rows] == [one.seq, two.seq]
    assert ordered(observer, node_id, "cancel", tasks=[one.seq]).value == {"tasks": [one.seq]}
    assert one.cancelled()
    start_worker()
    ordered(observer, node_id, "resume", queue="default")
    assert two.result(30) == 2
    assert observer.order(node_id, "fly").code == "unknown_verb"


def test_its_dead_letters(producer, observer, start_worker):
    start_worker()
    with pytest.raises(TaskFailed):
        raise_value_error.submit("one").result(30)
    node_id = producer.node_id
    answer = ordered(observer, node_id, "letters", full=True)
    assert [decode_call(data) for data in answer.data] == [(["one"], {})]
    assert ordered(observer, node_id, "revive", all=True).value["tasks"] == [1]
    assert producer.drain(30)
    payload = encode_call(("x" * 300_000,), {})
    assert ordered(observer, node_id, "edit", [payload], seq=1).value == {"tasks": [2]}
    assert producer.drain(30)
    (letter,) = app.deadletters
    assert (letter.id, len(letter.call[0][0])) == (f"{node_id[:8]}-2", 300_000)
    answer = ordered(observer, node_id, "letters", full=True)
    assert answer.data == [payload]
    assert ordered(observer, node_id, "remove", all=True).value["tasks"] == [2]
    assert len(app.deadletters) == 0


def test_a_worker_drains(producer, observer, start_worker):
    worker = start_worker()
    assert echo.submit(1).result(30) == 1
    (told,) = [node for node in observer.survey()["nodes"] if node["role"] == "worker"]
    ordered(observer, told["node_id"], "drain")
    assert worker.process.wait(30) == 0
