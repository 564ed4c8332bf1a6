"""Two nodes that keys keep apart: `ps` and `doctor` say what is wrong, and what to do."""

from __future__ import annotations

import json
import shutil

import pytest

THERE = ("--realm", "thumbs", "--discovery", "static")
LOOPBACK = ("--realm", "thumbs", "--discovery", "mdns,static", "--interface", "lo")


@pytest.fixture
def keys(zmqwork, project):
    """The keys directories of two clusters: lab with desk, node7 and node8; and home."""

    def do(*words):
        done = zmqwork("keys", *words)
        assert done.returncode == 0, done.stderr

    def place(name):
        return "none" if name == "none" else str(project / "keys" / name)

    do("init", "--cluster", "lab", "--name", "desk", "--keys", place("desk"))
    do("init", "--cluster", "home", "--keys", place("home"))
    for name, roles in (("node7", "worker,sink"), ("node8", "worker,observer")):
        bundle = str(project / f"{name}.zwk")
        do("add", name, "--role", roles, "-o", bundle, "--keys", place("desk"))
        do("join", bundle, "--keys", place(name))
    do("revoke", "node8", "--keys", place("desk"))
    return place


APART = {
    "keys are there": ("desk", "none", "it has keys, and this node has none", "keys join"),
    "none are there": ("none", "desk", "it has no keys, and this node has", "give it keys"),
    "another cluster": ("home", "desk", "its key is not in the roster here", "keys list"),
    "it is revoked there": ("node8", "desk", "its key is not in the roster here", "was revoked"),
    "we are revoked": ("desk", "node8", "it refused: it does not admit our key", "revoked"),
}


@pytest.mark.parametrize("how", APART)
def test_both_say_why_and_what_to_do(zmqwork, worker, keys, how):
    theirs, ours, why, advice = APART[how]
    bind = ("--discovery", "static", "--bind", "tcp://127.0.0.1:*")
    _, told = worker(*bind, "--keys", keys(theirs))
    (endpoint,) = told["endpoints"]
    asked = ("--peer", endpoint, "--keys", keys(ours))

    done = zmqwork("ps", *THERE, *asked)
    assert done.returncode == 3
    assert f"{endpoint} (static" in done.stderr
    assert why in done.stderr
    said = json.loads(zmqwork("ps", *THERE, *asked, "-o", "json").stdout)
    assert said["unheard"][0]["why"].startswith(why)

    done = zmqwork("doctor", *LOOPBACK, *asked, "--timeout", "1", "-o", "json")
    assert done.returncode == 1
    (found,) = [
        it for it in json.loads(done.stdout)["findings"] if it["check"] == f"peer {endpoint}"
    ]
    assert found["state"] == "fail"
    assert found["text"].startswith(why)
    assert advice in " ".join(found["try"])


def test_who_may_not_look_is_told_so(zmqwork, keys):
    remedy = "zmqwork keys roles node7 --role sink,worker,observer, and then zmqwork keys push"
    done = zmqwork("ps", "--realm", "thumbs", "--discovery", "local", "--keys", keys("node7"))
    assert done.returncode == 78
    assert "node7 in roster 2 of lab is sink, worker, and no observer" in done.stderr
    assert remedy in done.stderr
    done = zmqwork("doctor", *LOOPBACK, "--keys", keys("node7"), "--timeout", "0.5", "-o", "json")
    assert done.returncode == 0
    found = {it["check"]: it for it in json.loads(done.stdout)["findings"]}
    assert found["own keys"]["state"] == "ok"
    assert found["own keys"]["data"]["roles"] == ["worker", "sink"]
    assert found["nodes"]["state"] == "warn"
    assert "not asked: node7" in found["nodes"]["text"]
    assert remedy in found["nodes"]["try"][0]


def test_who_may_not_submit_is_told_so(zmqwork, keys):
    call = ("call", "thumbs:app", "double", "1", "--timeout", "0.5", "--discovery", "static")
    done = zmqwork(*call, "--keys", keys("node7"))
    assert done.returncode == 78
    assert "and no producer" in done.stderr


def test_doctor_tells_of_no_keys_and_of_what_is_wrong_with_those_that_are_there(zmqwork, keys):
    def own(name):
        done = zmqwork("doctor", *LOOPBACK, "--keys", keys(name), "--timeout", "0.5", "-o", "json")
        return [it for it in json.loads(done.stdout)["findings"] if it["check"] == "own keys"]

    (found,) = own("none")
    assert (found["state"], found["text"].partition(" ")[0]) == ("ok", "none")
    (found,) = own("desk")
    assert found["text"].startswith("desk of lab, which is producer, worker, sink, observer, admin")
    assert "3 members" in found["text"]


@pytest.mark.parametrize("how", ["others can read", "there are no keys"])
def test_doctor_looks_at_all_the_rest_where_keys_cannot_be_used(zmqwork, keys, tmp_path, how):
    place = tmp_path / "copied"
    if how == "others can read":
        shutil.copytree(keys("desk"), place)
        (place / "node.toml").chmod(0o644)
    done = zmqwork("doctor", *LOOPBACK, "--keys", str(place), "--timeout", "0.5", "-o", "json")
    assert done.returncode == 1
    found = {it["check"]: it for it in json.loads(done.stdout)["findings"]}
    assert found["own keys"]["state"] == "fail"
    assert how in found["own keys"]["text"]
    assert found["own keys"]["try"] == ["zmqwork keys check says all that is wrong with the files"]
    assert found["ipc"]["state"] == found["tcp"]["state"] == "ok"
