"""A second machine, as its user sees it: without keys, joined, and revoked. No address is typed."""

from __future__ import annotations

import json
from contextlib import ExitStack

import pytest
from hosts import Switch, why_not
from machines import Machine, add, make_cluster

REALM = ("--realm", "thumbs")


@pytest.fixture
def network(project):
    if trouble := why_not():
        pytest.skip(trouble)
    with ExitStack() as stack:
        switch = stack.enter_context(Switch())
        made = []
        for name in ("node1", "node7"):
            made.append(Machine(switch.host(name), project))
            stack.callback(made[-1].end)
        yield made


def hosts_seen(machine):
    return {node["host"] for node in json.loads(machine.do("ps", *REALM, "-o", "json"))["nodes"]}


def test_what_it_is_told(network):
    here, there = network
    make_cluster(here)
    here.worker("thumbs:app")

    # Without keys it hears that somebody is there, and how to join.
    done = there.run("ps", *REALM, "--insecure-lan")
    assert done.returncode == 3
    assert "left alone: 1 with keys, where this node has none" in done.stderr
    said = there.do("doctor", *REALM, "--insecure-lan")
    assert "zmqwork keys join NODE.zwk" in said
    said = there.do("doctor", *REALM)
    assert "on other machines" in said

    add(here, there, "worker,observer")
    there.worker("thumbs:app")
    assert hosts_seen(here) == {"node1", "node7"}

    here.do("keys", "revoke", "node7")
    done = here.run("ps", *REALM)
    assert "node7" not in done.stdout
    assert "left alone: 1 with a key that is not in the roster here (any more)" in done.stderr
    # It has not heard of that: its own worker still answers it, and nobody else.
    done = there.run("ps", *REALM)
    assert "node1" not in done.stdout
    assert "it refused: it does not admit our key" in done.stderr
