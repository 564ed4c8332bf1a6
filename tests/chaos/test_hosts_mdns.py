"""Several hosts find each other without a name: by multicast DNS, or by peers of peers."""

import os
import re
import subprocess
import sys

import pytest
from chaos_processes import ROOT, until
from test_hosts import PORT, endpoint, hosts_of

MDNS = {"discovery": "mdns", "insecure_lan": True, "interface": "eth0"}
WORDS = ["--discovery", "mdns", "--insecure-lan", "--interface", "eth0"]


def worker_on(scene, host, **options):
    return scene.worker(*WORDS, "-n", host.name, host=host, **options)


def test_hosts_find_each_other_by_mdns_alone(scene, switch):
    anna, bert, carl, dora = map(switch.host, ["anna", "bert", "carl", "dora"])
    # In any order: a worker, a producer, a worker, a producer.
    worker_on(scene, anna, slots=2)
    producer = scene.producer(host=carl, **MDNS)
    worker_on(scene, bert, slots=2)
    other = scene.producer(host=dora, name="other", **MDNS)
    until(lambda: producer.workers() == other.workers() == 2, "both have found both")
    keys = [f"task-{index}" for index in range(4)]
    gates = [scene.gate(key) for key in keys]
    producer.submit(*keys)
    for key in keys:
        scene.begun(key)
    assert hosts_of(scene, keys) == {"anna", "bert"}
    for gate in gates:
        gate.open()
    other.submit(*[f"theirs-{index}" for index in range(100)])
    scene.all_settled()

    def seen():
        found = scene.ps(*WORDS, host=dora)
        return {(node["role"], node["host"]) for node in found["nodes"]}

    everybody = {("worker", "anna"), ("worker", "bert"), ("producer", "carl"), ("producer", "dora")}
    until(lambda: seen() == everybody, "an observer sees them all")


def test_a_late_worker_is_found_and_gets_its_share(scene, switch):
    anna, bert, carl = map(switch.host, ["anna", "bert", "carl"])
    worker_on(scene, anna)
    producer = scene.producer(host=carl, **MDNS)
    gate = scene.gate("first")
    producer.submit("first", *[f"task-{index}" for index in range(20)])
    scene.begun("first")
    worker_on(scene, bert)
    until(lambda: len(scene.oracle.read("settled")) == 20, "the late one does the others")
    gate.open()
    scene.all_settled()
    assert hosts_of(scene, {f"task-{index}" for index in range(20)}) == {"bert"}


def test_a_link_goes_down_and_comes_back(scene, switch):
    """The host sees it itself: its address is no longer reachable, and then it is again."""
    scene.hurry()
    anna, carl = map(switch.host, ["anna", "carl"])
    worker_on(scene, anna)
    producer = scene.producer(host=carl, **MDNS)
    producer.submit("before")
    scene.all_settled()
    anna.link("down")
    until(lambda: producer.workers() == 0, "the worker is given up")
    producer.submit("meanwhile")
    anna.link("up")
    scene.all_settled()
    assert producer.counters()["crashes"] == 0


def test_a_worker_that_is_killed_on_another_host_costs_no_task(scene, switch):
    anna, bert, carl = map(switch.host, ["anna", "bert", "carl"])
    victim = worker_on(scene, anna)
    producer = scene.producer(host=carl, **MDNS)
    scene.gate("only")
    producer.submit("only")
    scene.begun("only")
    worker_on(scene, bert)
    until(lambda: producer.workers() == 2, "there is another one")
    victim.kill()
    scene.all_settled()
    assert scene.oracle.attempts("only") == [1, 2]
    assert hosts_of(scene, {"only"}) == {"anna", "bert"}


def test_without_multicast_one_peer_is_enough(scene, switch):
    """A host that asks no mDNS is told one worker, and learns of the other one from that."""
    anna, bert, carl = map(switch.host, ["anna", "bert", "carl"])
    for host in (anna, bert):
        bind = ["--bind", f"tcp://{host.address}:{PORT}"]
        scene.worker(*WORDS, *bind, "-n", host.name, host=host)
    watcher = scene.producer(host=bert, name="watcher", **MDNS)
    until(lambda: watcher.workers() == 2, "they know each other")
    producer = scene.producer(endpoint(anna), host=carl, discovery="static", insecure_lan=True)
    until(lambda: producer.workers() == 2, "it has learnt of the other one")
    gates = [scene.gate(f"task-{index}") for index in range(2)]
    producer.submit("task-0", "task-1")
    for index in range(2):
        scene.begun(f"task-{index}")
    for gate in gates:
        gate.open()
    scene.all_settled()
    assert hosts_of(scene, {"task-0", "task-1"}) == {"anna", "bert"}


EXAMPLE = ROOT / "examples" / "two_hosts.sh"


def show(**environment):
    environment = os.environ | {"PYTHON": sys.executable} | environment
    return subprocess.run(
        [EXAMPLE], capture_output=True, text=True, timeout=90, check=False, env=environment
    )


def test_the_example_shows_it(no_hosts):
    if no_hosts:
        pytest.skip(no_hosts)
    shown = show()
    assert shown.returncode == 0, shown.stderr
    text = shown.stdout
    assert text.count("workers found: anna, bert") == 2
    done = re.findall(r"40 tasks done: (\d+) by anna, (\d+) by bert", text)
    (before, after) = [(int(by_anna), int(by_bert)) for by_anna, by_bert in done]
    assert sum(before) == sum(after) == 40
    assert after[0] < after[1], "anna's cable was pulled"
    assert re.search(r"^bert +worker +lan ", text, re.MULTILINE), "as dora saw it"
    assert re.search(r"^dora +observer +this node ", text, re.MULTILINE), "she was let in"
    assert "INSECURE" not in text + shown.stderr
    assert "worker anna" in text.partition("cable is pulled")[2], "her loss is told"


def test_the_example_says_what_it_needs(tmp_path):
    (tmp_path / "id").write_text("#!/bin/sh\necho 1000\n")
    (tmp_path / "id").chmod(0o755)
    shown = show(PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert (shown.returncode, shown.stdout) == (0, "")
    assert "it needs root" in shown.stderr
