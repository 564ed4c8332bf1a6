"""Ours and the ZeroMQ guide's plain programs understand one another, in every position."""

import socket
import subprocess

import pytest
import zmq

# Positions that are ours; the others are raw pyzmq.
PROGRAMS = {
    "ventilator": ("taskvent", "ventilate_raw", {}),
    "worker": ("taskwork", "work_raw", {}),
    "sink": ("tasksink", "collect", {"raw": True, "expect": 100, "kill": True}),
}


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [it.getsockname()[1] for it in sockets]
    for it in sockets:
        it.close()
    return ports


@pytest.mark.parametrize(
    "ours",
    [{"ventilator"}, {"worker"}, {"sink"}, {"ventilator", "worker", "sink"}],
    ids=lambda ours: "+".join(sorted(ours)),
)
def test_each_program_of_the_guide_is_replaced(ours, start):
    ports = free_ports(3)
    where = {
        role: f"tcp://127.0.0.1:{port}"
        for role, port in zip(("ventilator", "sink", "control"), ports, strict=True)
    }
    ends = {}
    for position in ("sink", "worker", "ventilator"):  # any order will do
        raw, own, options = PROGRAMS[position]
        is_ours = position in ours
        ends[position] = start(own if is_ours else raw, where, **(options if is_ours else {}))
    said = ends["sink"].said()
    if "sink" in ours:
        assert said.startswith("received 100 of 100 in ")
        assert ": 0 missing, 0 duplicates, 0 failed\n100 results\n" in said
    else:
        assert said == "Total elapsed time: some msec\n"
    assert ("ended by the kill signal" in ends["worker"].said()) is ("worker" in ours)
    assert ("sent 100 items" in ends["ventilator"].said()) is ("ventilator" in ours)


def test_a_raw_sink_waits_for_ever_for_what_a_worker_took_along(start):
    """The guide's programs alone: the first worker gets all, dies, and nobody can tell."""
    ports = free_ports(3)
    where = {
        role: f"tcp://127.0.0.1:{port}"
        for role, port in zip(("ventilator", "sink", "control"), ports, strict=True)
    }
    sink, ventilator = start("tasksink", where), start("taskvent", where)
    with zmq.Context() as context, context.socket(zmq.PULL) as greedy:
        greedy.connect(where["ventilator"])
        assert greedy.recv() == b"0"
        assert ventilator.said() == ""  # all 100 have left it, and are in this socket
    late = start("taskwork", where)
    with pytest.raises(subprocess.TimeoutExpired):
        sink.process.wait(0.5)
    assert late.process.poll() is None
