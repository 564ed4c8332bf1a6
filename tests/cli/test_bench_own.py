"""``zmqwork bench run --task MODULE:TASK``, with real workers of somebody's own app."""

from __future__ import annotations

import json
import socket

import pytest

HERE = socket.gethostname()
BRIEF = ("--tasks", "50", "--duration", "20", "--concurrency", "1,10")


@pytest.fixture
def thumbs_worker(start, monkeypatch):
    monkeypatch.setenv("ZMQWORK_KEYS", "none")

    def thumbs_worker(*words):
        process = start("worker", "thumbs:app", "--pool", "inline", "-o", "json", *words)
        assert process.stdout.readline(), process.stderr.read()
        return process

    return thumbs_worker


def run(zmqwork, task, *words):
    return zmqwork("bench", "run", "--task", task, *words)


@pytest.mark.parametrize("name", ["thumbs:double", "thumbs:app:double"])
def test_it_is_measured_at_workers_that_run_already(thumbs_worker, zmqwork, project, name):
    for worker in ("one", "two"):
        thumbs_worker("-n", worker)
    done = run(
        zmqwork, name, *BRIEF, "--args", '["ab"]', "--workers", "2", "-o", "json",
        "--form", "request,map,pipeline", "--json", "o.json", "--csv", "o.csv", "--plot", "o.png",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["call"] == f"{name}('ab')"
    assert (said["hosts"], said["why_not_here"]) == ([HERE], None)
    assert [(m["form"], m["in_flight"], m["tasks"]) for m in said["measurements"]] == [
        ("request", 1, 50), ("request", 10, 50), ("map", 0, 50), ("pipeline", 0, 50),
    ]  # fmt: skip
    one, many, *_ = said["measurements"]
    assert {m["task"] for m in said["measurements"]} == {name}
    assert 0 < many["p50_ms"] <= many["p99_ms"]
    assert many["hosts"] == [{"host": HERE, "workers": 2, "slots": 2, "count": 50, "cpu": None}]
    assert many["result_bytes"] == len(b"\xa4abab")
    assert many["payload_bytes"] > 0
    assert many["gain"] > 0
    assert many["call_us"] > 0
    assert (one["break_even_us"], many["break_even_us"] > 0) == (None, True)
    assert json.loads((project / "o.json").read_text()) == said
    assert (project / "o.png").read_bytes().startswith(b"\x89PNG")
    compared = zmqwork("bench", "compare", "o.json", "o.json")
    assert compared.returncode == 0, compared.stderr


def test_people_get_a_sentence_and_files_of_the_usual_names(thumbs_worker, zmqwork, project):
    thumbs_worker("-c", "1")
    done = run(
        zmqwork, "thumbs:double", *BRIEF, "--args", "[1]", "--kwargs", '{"times": 3}',
        "--json", "--csv",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads((project / "zmqwork-bench.json").read_text())["measurements"]
    assert (project / "zmqwork-bench.csv").read_text().startswith("form,task,")
    assert "thumbs:double(1, times=3): " in done.stdout
    for word in ("GAIN", "SHARE %", " times as many; this process spends "):
        assert word in done.stdout


def test_it_need_not_be_called_here(thumbs_worker, zmqwork):
    thumbs_worker()
    done = run(zmqwork, "thumbs:double", *BRIEF, "--args", "[1]", "--not-here")
    assert done.returncode == 0, done.stderr
    assert "it was not called in this process: it was not asked for" in done.stdout
    assert "times as many" not in done.stdout


def test_one_that_fails_is_said_as_it_is(thumbs_worker, zmqwork):
    thumbs_worker()
    done = run(zmqwork, "thumbs:fail", *BRIEF, "--args", '["oh"]', "-o", "json")
    assert done.returncode == 1
    assert "ValueError: oh" in done.stderr
    assert "ValueError: oh" in json.loads(done.stdout)["trouble"]


def test_nobody_serves_it_and_it_is_said_what_to_do(thumbs_worker, zmqwork, project):
    (project / "other.py").write_text(
        "import zmqwork\napp = zmqwork.App('thumbs')\n@app.task\ndef nobody(x): pass\n"
    )
    thumbs_worker()
    done = run(zmqwork, "other:nobody", "--args", "[1]", "--timeout", "2")
    assert done.returncode == 3
    assert "there is nobody that serves task 'nobody' (1 worker does not" in done.stderr
    assert "On each host: zmqwork worker other" in done.stderr


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["thumbs:duoble"], "app 'thumbs' has no task 'duoble': did you mean double?"),
        (["thumbs:"], "'thumbs:' is not MODULE:TASK, as in thumbs:thumbnail"),
        (["thumb:double"], "did you mean thumbs:double?"),
        (["thumbs:nix:double"], "has no attribute 'nix'"),
        (["thumbs:double"], "missing 1 required positional argument: 'value'; it is double(value"),
        (["thumbs:spell", "--args", '["a"]'], "task 'spell' is a generator"),
        (["thumbs:double", "--args", "7"], "'7' is no JSON list"),
        (["thumbs:double", "--kwargs", "[]"], "'[]' is no JSON object"),
        (["thumbs:double", "--args", "[1]", "--payload", "1k"], "--payload is for the benchmark's"),
        (["thumbs:double", "--args", "[1]", "--length", "1"], "--length is for the benchmark's"),
        (["echo", "--args", "[1]"], "--args is for a task of your own, MODULE:TASK"),
        (["ehco"], "unknown task 'ehco': did you mean echo?"),
        (
            ["thumbs:double", "--kwargs", '{"value": 1}', "--form", "map"],
            "--form map takes arguments by position",
        ),
    ],
)
def test_what_is_wrong_is_said_before_anybody_is_looked_for(zmqwork, words, text):
    done = run(zmqwork, *words)
    assert done.returncode == 2
    assert text in done.stderr
    assert "looking for workers" not in done.stderr
