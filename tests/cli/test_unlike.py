"""Two nodes of one machine that do not meet, because one has keys: `ps` and `doctor` say so."""

from __future__ import annotations

import json
import os

import pytest

from zmqwork.discovery.directory import LocalDirectory
from zmqwork.discovery.record import Record

WHY = "1 node here has keys, and this one has none: they do not talk to it"


@pytest.fixture
def keyed(runtime):
    """The record of a node with keys, in the realm of the app."""
    directory = LocalDirectory("thumbs")
    socket = directory.socket_path("a" * 32)
    socket.touch()
    endpoints = (f"ipc://{socket}",)
    directory.announce(
        Record("a" * 32, "worker", "w", "thumbs", endpoints, os.getpid(), "h", "f" * 16)
    )
    yield
    directory.close()


def test_ps_says_why_a_node_is_not_asked(keyed, zmqwork):
    done = zmqwork("ps")
    assert done.returncode == 3
    assert f"realm 'thumbs': {WHY}" in done.stderr
    said = json.loads(zmqwork("ps", "-o", "json").stdout)
    assert (said["known"], said["nodes"], said["unheard"]) == (0, [], [])
    assert said["unlike"] == [{"realm": "thumbs", "source": "local", "count": 1, "why": WHY}]


def test_doctor_warns_of_it(keyed, zmqwork):
    done = zmqwork("doctor", "--interface", "127.0.0.1", "--timeout", "0.5", "-o", "json")
    (found,) = [it for it in json.loads(done.stdout)["findings"] if it["check"] == "keys"]
    assert (found["state"], found["text"]) == ("warn", f"realm 'thumbs': {WHY}")
    assert any("ZMQWORK_KEYS" in advice for advice in found["try"])


def test_a_call_that_finds_nobody_says_it(keyed, zmqwork):
    done = zmqwork("call", "thumbs:app", "double", "1", "--timeout", "0.5")
    assert done.returncode == 3
    assert WHY in done.stderr
