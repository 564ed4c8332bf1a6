"""A classic pipeline in the realm of an app: neither takes the other for one of its own."""

import contextlib
import io
import json

import pytest

from zmqwork import App, TransportError
from zmqwork.cli import main
from zmqwork.discovery.realms import realms_here
from zmqwork.patterns.pipeline import Sink, Ventilator, work

app = App("shared")


@app.task
def triple(number):
    return 3 * number


def ps(*words):
    said, complained = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
        code = main(["ps", "-o", "json", *words])
    return code, said.getvalue(), complained.getvalue()


def test_nodes_and_pipelines_do_not_meet(background):
    with (
        Sink("shared", controls=True) as sink,
        Ventilator("shared", controls=True) as ventilator,
        app.worker(pool="inline").start(),
    ):
        worker = background(lambda: work(lambda number: 2 * number, "shared"))
        assert triple.submit(5).result(timeout=30) == 15
        ventilator.push_all(range(100))
        assert [triple.submit(number).result(timeout=30) for number in range(5)] == [0, 3, 6, 9, 12]
        ventilator.end()
        assert sorted(sink) == list(range(0, 200, 2))
        assert sink.report().foreign == 0
        assert realms_here() == ["shared"]
        code, said, complained = ps()
        answer = json.loads(said)
        assert (code, complained) == (0, "")
        assert answer["realms"] == ["shared"]
        assert answer["unheard"] == []
        assert {node["role"] for node in answer["nodes"]} == {"worker", "producer"}
        sink.kill()
        assert worker.result().foreign == 0


def test_a_pipeline_alone_is_no_realm():
    with Sink("alone"), Ventilator("alone"):
        assert realms_here() == []


def test_raw_and_numbered_pipelines_of_one_name_do_not_meet(background):
    with Ventilator("twice", raw=True, patience=0.3) as raw, Sink("twice"):
        raw.push(b"x")
        with pytest.raises(TransportError, match="no sink is there"):
            raw.flush()
