"""``--log-format json``: each line of standard error is an object."""

from __future__ import annotations

import json
import logging
import signal

import pytest

from zmqwork.cli.output import Output
from zmqwork.cli.reporter import Reporter

LOGGING = """
import logging
import zmqwork

app = zmqwork.App("thumbs")

@app.task(max_retries=0)
def fail(text):
    logging.getLogger("mine").warning("failing with %s", text)
    raise ValueError(text)
"""


def objects(text):
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("pool", ["process", "thread"])
def test_a_worker(pool, project, worker, zmqwork):
    (project / "thumbs.py").write_text(LOGGING)
    process, _ = worker("--pool", pool, "--log-format", "json")
    failed = zmqwork("call", "thumbs:app", "fail", "'x'")
    assert failed.returncode == 1
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    lines = objects(said)
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    (own,) = [line for line in lines if line["logger"] == "mine"]
    assert own["message"] == "failing with 'x'"
    assert (own["task"], own["attempt"]) == ("fail", 1)
    (told,) = [line for line in lines if line.get("notice") == "attempt_failed"]
    assert told["task_id"] == own["task_id"]
    assert (told["attempt"], len(told["peer"]), len(told["node"])) == (1, 32, 32)


def test_what_a_ventilator_tells(capsys):
    extra = {"peer": "c" * 32}
    with Reporter(Output("table"), "zmqwork test", progress=False, log_format="json"):
        logging.getLogger("zmqwork.some.part").warning("it\nis slow", extra=extra)
    (line,) = objects(capsys.readouterr().err)
    assert (line["message"], line["level"], line["peer"]) == ("it\nis slow", "WARNING", "c" * 32)


def test_a_wrong_format(zmqwork):
    for command in ("worker", "sink", "ventilator"):
        refused = zmqwork(command, "thumbs:app", "--log-format", "jsn")
        assert refused.returncode == 2
        assert "did you mean json" in refused.stderr
