"""Commands that find each other through real mDNS, on the loopback interface."""

from __future__ import annotations

import json
import secrets
import threading
import time

import ifaddr
import pytest

from zmqwork.app import App
from zmqwork.core.link_events import PeerForgotten, PeerFound
from zmqwork.discovery.interfaces import Interfaces
from zmqwork.discovery.mdns import Mdns


@pytest.fixture
def realm():
    return f"realm-{secrets.token_hex(8)}"


def test_worker_call_and_ps_meet_through_mdns_alone(zmqwork, worker, realm):
    words = ("--realm", realm, "--discovery", "mdns")
    process, banner = worker(*words, "--pool", "inline")
    (endpoint,) = banner["endpoints"]
    assert endpoint.startswith("tcp://127.0.0.1:")
    done = zmqwork("call", "thumbs:app", "double", "21", *words)
    assert (done.returncode, done.stdout) == (0, "42\n"), done.stderr
    done = zmqwork("ps", *words, "-o", "json")
    nodes = json.loads(done.stdout)["nodes"]
    assert [(it["role"], it["pid"]) for it in nodes] == [("worker", process.pid)]


def test_named_twice_a_worker_is_still_one(zmqwork, worker, realm):
    words = ("--realm", realm, "--discovery", "mdns,local")
    _, banner = worker(*words, "--pool", "inline")
    assert [it.partition(":")[0] for it in banner["endpoints"]] == ["ipc", "tcp"]
    done = zmqwork("ps", *words, "-o", "json")
    said = json.loads(done.stdout)
    assert (len(said["nodes"]), said["unheard"]) == (1, [])


def test_the_demo_runs_through_mdns_and_says_so(zmqwork):
    done = zmqwork("demo", "--discovery", "mdns", "--limit", "60", "--workers", "2")
    assert done.returncode == 0, done.stderr
    assert "found by mdns (lo 127.0.0.1" in done.stdout


def test_ps_by_mdns_needs_a_realm(zmqwork):
    done = zmqwork("ps", "--discovery", "mdns")
    assert done.returncode == 2
    assert "--realm NAME" in done.stderr
    done = zmqwork("ps", "--discovery", "local", "--interface", "lo")
    assert done.returncode == 2
    assert "mdns" in done.stderr


def test_a_network_without_keys_is_refused(zmqwork):
    names = [
        adapter.name
        for adapter in ifaddr.get_adapters()
        if any(ip.is_IPv4 and not str(ip.ip).startswith("127.") for ip in adapter.ips)
    ]
    if not names:
        pytest.skip("this machine has no interface but the loopback")
    for command in (["worker", "thumbs:app"], ["call", "thumbs:app", "double", "1"], ["ps"]):
        done = zmqwork(*command, "--realm", "x", "--interface", names[0])
        assert done.returncode == 78, done.stderr
        assert "--insecure-lan" in done.stderr


def test_who_reaches_one_worker_learns_of_the_others(worker, realm):
    words = ("--realm", realm, "--discovery", "mdns", "--pool", "inline")
    _, seed = worker(*words)
    worker(*words)
    app = App(realm, discovery="static", peers=seed["endpoints"])
    producer = app.producer().start()
    try:
        wait_for(producer, 2)
        # One that comes later is named with a beat.
        worker(*words)
        wait_for(producer, 3)
    finally:
        producer.stop()


def test_a_name_stands_for_workers(zmqwork, worker, realm):
    _, banner = worker(
        "--realm", realm, "--discovery", "static", "--bind", "tcp://127.0.0.1:*", "--pool", "inline"
    )
    name = banner["endpoints"][0].replace("tcp://127.0.0.1", "dns://localhost")
    words = ("--realm", realm, "--discovery", "dns", "--peer", name)
    done = zmqwork("call", "thumbs:app", "double", "21", *words)
    assert (done.returncode, done.stdout) == (0, "42\n"), done.stderr
    done = zmqwork("ps", *words, "-o", "json")
    assert [it["role"] for it in json.loads(done.stdout)["nodes"]] == ["worker"]
    done = zmqwork("call", "thumbs:app", "double", "21", "--discovery", "static", "--peer", name)
    assert (done.returncode, "source `dns`" in done.stderr) == (2, True)


def test_a_worker_that_drains_says_goodbye_and_finishes(start, worker, gate, realm):
    words = ("--realm", realm, "--discovery", "mdns")
    process, banner = worker(*words, "--pool", "thread")
    call = start("call", "thumbs:app", "wait_for", *gate.words, *words)
    gate.wait_begun()
    seeker = Mdns(realm, Interfaces())
    events = []

    def heard(kind):
        events.extend(it for it in seeker.poll(0.0) if banner["node_id"][:24] in it.key)
        return bool(events) and type(events[-1]) is kind

    try:
        until(lambda: heard(PeerFound), "it is found")
        process.terminate()
        until(lambda: heard(PeerForgotten), "its goodbye is heard")
        assert process.poll() is None, "it still runs its task"
        gate.open()
        assert call.communicate(timeout=30)[0] == "waited\n"
        assert process.wait(30) == 0
    finally:
        seeker.close()


def wait_for(producer, count):
    until(lambda: producer.workers_known() == count, f"{count} workers are known")


def until(condition, what):
    give_up_at = time.monotonic() + 30.0
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < give_up_at, f"waited in vain until {what}"
        pause.wait(0.02)


def test_an_interface_is_checked_where_there_is_no_realm_to_look_for(zmqwork):
    done = zmqwork("ps", "--interface", "nosuch")
    assert (done.returncode, "there is no interface 'nosuch'" in done.stderr) == (78, True)
