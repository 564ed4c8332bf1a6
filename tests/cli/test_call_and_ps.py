from __future__ import annotations

import json
import os
import re
import time

import pytest

from zmqwork.cli.arguments import argument


def test_a_call_prints_the_result(worker, zmqwork):
    worker()
    done = zmqwork("call", "thumbs:app", "double", "21")
    assert (done.stdout, done.stderr, done.returncode) == ("42\n", "", 0)
    assert zmqwork("call", "thumbs:app", "double", "ab").stdout == "abab\n"
    assert zmqwork("call", "thumbs", "double", '"7"').stdout == "77\n"
    assert zmqwork("call", "thumbs", "double", "[1]", "--kwargs", '{"times": 2}').stdout == (
        "[\n  1,\n  1,\n  1,\n  1\n]\n"
    )
    assert zmqwork("call", "thumbs", "double", "--timeout", "9", "--", "-4").stdout == "-8\n"
    done = zmqwork("call", "thumbs", "double", "1", "-o", "quiet")
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    said = json.loads(zmqwork("call", "thumbs", "double", "1", "-o", "json").stdout)
    assert (said["state"], said["result"]) == ("succeeded", 2)
    assert said["seconds"] > 0
    done = zmqwork("call", "thumbs", "odd")
    assert (done.stdout, done.returncode) == ("{1: (2, b'x'), 'd': (1+2j)}\n", 0)
    assert json.loads(zmqwork("call", "thumbs", "odd", "-o", "json").stdout)["result"] == {
        "1": [2, "b'x'"],
        "d": "(1+2j)",
    }


def test_a_task_that_streams_is_shown_part_by_part(worker, zmqwork):
    worker()
    assert zmqwork("call", "thumbs:app", "spell", "abc").stdout == "a\nb\nc\n"
    lines = zmqwork("call", "thumbs:app", "spell", "ab", "true", "-o", "json").stdout.splitlines()
    said = [json.loads(line) for line in lines]
    assert [line.get("part") for line in said] == ["a", "b", None]
    assert (said[-1]["state"], said[-1]["result"]) == ("succeeded", 2)


def test_the_help_says_how_arguments_are_read(zmqwork):
    text = " ".join(zmqwork("call", "--help").stdout.split())
    assert "each is JSON if it can be read as JSON, and text otherwise" in text
    assert "so are NaN, Infinity and 1e999, which JSON does not have" in text


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "[NaN]", "nan"])
def test_what_json_does_not_have_is_text(text):
    assert argument(text) == text


def test_what_json_has_is_a_value():
    texts = ["7", "-1.5e3", "true", "null", '"NaN"', '{"a": [1]}']
    assert [argument(text) for text in texts] == [7, -1500.0, True, None, "NaN", {"a": [1]}]


def test_a_task_that_fails_is_shown_with_its_traceback(worker, zmqwork):
    worker()
    done = zmqwork("call", "thumbs:app", "fail", "no such\x1b[2J tile")
    assert done.returncode == 1
    assert "ValueError: no such\\x1b[2J tile" in done.stderr
    assert "in fail" in done.stderr
    assert done.stdout == ""
    done = zmqwork("call", "thumbs:app", "fail", "x", "-o", "json")
    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert said["state"] == "failed"
    assert (said["error"]["type"], said["error"]["text"]) == ("ValueError", "x")


def test_nobody_is_there(zmqwork):
    begun_at = time.monotonic()
    done = zmqwork("call", "thumbs:app", "double", "1", "--timeout", "0.5")
    assert done.returncode == 3
    assert "worker" in done.stderr
    assert "local" in done.stderr
    assert time.monotonic() - begun_at < 30
    done = zmqwork("call", "thumbs:app", "double", "1", "--timeout", "0.5", "-o", "json")
    assert done.returncode == 3
    error = json.loads(done.stdout)["error"]
    assert error["type"] == "NoWorker"
    assert error["text"].endswith("The task is cancelled: --timeout 0.5 is over")


def test_it_takes_too_long(worker, start, gate):
    worker()
    call = start("call", "thumbs:app", "wait_for", *gate.words, "--timeout", "3")
    gate.wait_begun()
    assert call.wait(30) == 1
    said = call.stderr.read()
    first, second, *_ = said.splitlines()
    task_id = re.fullmatch(r"zmqwork call: task (\w{8}-1) is running after 3 s", first)[1]
    assert second.startswith(f"task {task_id}: attempt 1 runs on worker ")
    assert said.endswith("\nThe task is cancelled: --timeout 3 is over\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["thumbs:app", "doubel", "1"], "app 'thumbs' has no task 'doubel': did you mean double?"),
        (["thumbs:app", "xyzzy"], "its tasks are double, fail, odd, spell, wait_for"),
        (["thumbs:app", "double"], "missing 1 required positional argument: 'value'"),
        (["thumbs:app", "double", "1", "--kwargs", '{"tims": 2}'], "'tims'"),
        (["thumbs:app", "double", "1", "--kwargs", "[1]"], "is no JSON object"),
        (["thumbs:app", "double", "1", "--kwargs", '{"times": NaN}'], "is no JSON object"),
        (["thumbz:app", "double", "1"], "did you mean thumbs:app?"),
        (["thumbs:app", "double", '"\\ud800"'], "argument"),
    ],
)
def test_wrong_calls_are_refused_before_anything_is_sent(zmqwork, words, said):
    done = zmqwork("call", *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_call_over_tcp_to_a_peer_that_was_named(worker, zmqwork):
    _, told = worker("--bind", "tcp://127.0.0.1:*")
    (endpoint,) = [e for e in told["endpoints"] if e.startswith("tcp://")]
    words = ("call", "thumbs:app", "double", "4", "--discovery", "static", "--peer", endpoint)
    assert zmqwork(*words).stdout == "8\n"
    words = ("ps", "--realm", "thumbs", "--discovery", "static", "--peer", endpoint, "-o", "json")
    (node,) = json.loads(zmqwork(*words).stdout)["nodes"]
    assert node["role"] == "worker"


def test_ps_shows_everybody_of_all_realms(worker, start, zmqwork, gate):
    worker("-n", "first", "-Q", "default")
    worker("-n", "second", "--realm", "other")
    call = start("call", "thumbs:app", "wait_for", *gate.words)
    gate.wait_begun()
    done = zmqwork("ps", "-o", "json")
    assert done.returncode == 0
    said = json.loads(done.stdout)
    assert said["realms"] == ["other", "thumbs"]
    found = {(node["realm"], node["role"]): node for node in said["nodes"]}
    assert found["other", "worker"]["name"] == "second"
    first = found["thumbs", "worker"]
    assert (first["slots"], first["busy"], first["queues"]) == (1, 1, ["default"])
    assert "double" in first["tasks"]
    assert found["thumbs", "producer"]["pid"] == call.pid
    table = zmqwork("ps", "--realm", "thumbs").stdout
    assert table.splitlines()[0].split()[:5] == ["NODE", "ROLE", "REALM", "HOST", "PID"]
    assert "first" in table
    assert "second" not in table
    gate.open()
    assert call.wait(30) == 0


def test_ps_of_nobody(zmqwork):
    done = zmqwork("ps")
    assert (done.returncode, done.stdout) == (3, "")
    assert "zmqwork worker MODULE:APP" in done.stderr
    done = zmqwork("ps", "--realm", "thumbs", "-o", "json")
    assert done.returncode == 3
    nobody = {"realms": ["thumbs"], "seen": 0, "known": 0, "nodes": [], "unheard": []}
    assert json.loads(done.stdout) == nobody | {"unlike": []}
    assert zmqwork("ps", "--peer", "127.0.0.1:1").returncode == 2


def test_a_variable_that_is_passed_over_is_told_by_all(
    worker, start, zmqwork, runtime, monkeypatch
):
    monkeypatch.setenv("TMPDIR", str(runtime))
    monkeypatch.setenv("XDG_RUNTIME_DIR", "relative/path")
    where = f"{runtime}/zmqwork-{os.getuid()}"
    told = (
        "$XDG_RUNTIME_DIR ('relative/path') is not used: it is not an absolute path. Instead it is "
        f"{where}"
    )
    for words in ((), ("--realm", "thumbs")):
        done = zmqwork("ps", *words)
        assert done.returncode == 3
        assert done.stderr.count(told) == 1
        assert f"Looked in {where} (see above)" in done.stderr
        assert "$XDG_RUNTIME_DIR decides" not in done.stderr
    process, _ = worker("-n", "one")
    assert zmqwork("ps").stderr.count(told) == 1
    assert zmqwork("ps", "-o", "json").stderr == ""
    assert zmqwork("ps", "--discovery", "static", "--realm", "thumbs").stderr.count(told) == 0
    assert zmqwork("call", "thumbs:app", "double", "1").stderr.count(told) == 1
    process.terminate()
    _, err = process.communicate(timeout=60)
    assert err.count(told) == 1


def test_ps_of_nobody_says_how_the_directory_was_chosen(zmqwork, runtime, monkeypatch):
    assert f"Looked in {runtime}/zmqwork (in $XDG_RUNTIME_DIR)" in zmqwork("ps").stderr
    monkeypatch.setenv("TMPDIR", str(runtime))
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    where = f"{runtime}/zmqwork-{os.getuid()}"
    assert f"Looked in {where} ($XDG_RUNTIME_DIR is not set)" in zmqwork("ps").stderr
