"""Several hosts, which share nothing but a network: named to each other, on a network that is trusted.

(What they find without being named is in test_hosts_mdns.py.)
"""

import subprocess
import sys

import pytest
from chaos_processes import HERE, is_gone, until

PORT = 7071


def worker_at(scene, host, **options):
    bind = ["--discovery", "static", "--bind", f"tcp://{host.address}:{PORT}"]
    return scene.worker(*bind, "--insecure-lan", "-n", host.name, host=host, **options)


def endpoint(host):
    return f"tcp://{host.address}:{PORT}"


def hosts_of(scene, keys):
    return {run["host"] for run in scene.oracle.read("runs") if run["key"] in keys}


def test_workers_producers_and_observers_on_different_hosts(scene, switch):
    anna, bert, carl, dora = map(switch.host, ["anna", "bert", "carl", "dora"])
    for host in (anna, bert):
        worker_at(scene, host, slots=2)
    peers = [endpoint(anna), endpoint(bert)]
    producer = scene.producer(*peers, host=carl, insecure_lan=True)
    other = scene.producer(*peers, host=dora, name="other", insecure_lan=True)
    until(lambda: producer.workers() == other.workers() == 2, "both have found both")
    gates = [scene.gate(f"task-{index}") for index in range(4)]
    producer.submit(*[f"task-{index}" for index in range(4)])
    for index in range(4):
        scene.begun(f"task-{index}")
    assert hosts_of(scene, {f"task-{index}" for index in range(4)}) == {"anna", "bert"}
    for gate in gates:
        gate.open()
    other.submit(*[f"theirs-{index}" for index in range(100)])
    scene.all_settled()
    words = ["--discovery", "static", "--insecure-lan"]
    seen = scene.ps(*words, *[f"--peer={peer}" for peer in peers], host=dora)
    assert {(node["role"], node["host"]) for node in seen["nodes"]} == {
        ("worker", "anna"),
        ("worker", "bert"),
    }


def test_a_cable_is_pulled_and_comes_back(scene, switch):
    """Without a word: no end of the connection, no refusal."""
    anna, bert, carl = map(switch.host, ["anna", "bert", "carl"])
    # Patient itself: else it may give up its producer before that has dialled again.
    scene.be_patient()
    worker_at(scene, anna)
    scene.hurry()
    producer = scene.producer(endpoint(anna), endpoint(bert), host=carl, insecure_lan=True)
    gate = scene.gate("only")
    producer.submit("only")
    scene.begun("only")
    until(lambda: producer.states()["started"] == 1, "STARTED has come")
    worker_at(scene, bert)
    until(lambda: producer.workers() == 2, "there is another one")
    scene.gate("only", attempt=2)
    anna.unplug()
    scene.begun("only", attempt=2)
    gate.open()
    scene.ended("only", attempt=1)
    anna.plug_in()
    scene.all_settled()
    assert scene.oracle.settled("only")[0]["value"] == ["only", 1], "the late result counts"
    until(lambda: producer.workers() == 2, "it is back")
    counters = producer.counters()
    assert (counters["lost_workers"], counters["crashes"], counters["late"]) == (1, 1, 1)


def test_without_the_permission_nobody_listens_on_a_network(scene, switch):
    anna = switch.host("anna")
    worker = scene.worker("--bind", f"tcp://{anna.address}:{PORT}", host=anna)
    assert worker.process.wait(30) == 78
    assert "--insecure-lan" in scene.complaints()


SWITCH = """
import hosts
switch = hosts.Switch()
host = switch.host("anna")
print(switch.pid, host.pid, flush=True)
input()
"""


def test_nothing_is_left_of_a_switch_whose_user_was_killed(no_hosts):
    if no_hosts:
        pytest.skip(no_hosts)
    with subprocess.Popen(
        [sys.executable, "-c", SWITCH],
        cwd=HERE.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as user:
        pids = [int(pid) for pid in user.stdout.readline().split()]
        assert len(pids) == 2
        user.kill()
    for pid in pids:
        # With its process the namespace goes, and with that its links.
        until(lambda pid=pid: is_gone(pid), "the namespace is gone")
