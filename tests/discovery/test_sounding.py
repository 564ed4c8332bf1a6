from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from zeroconf import IPVersion, ServiceInfo, Zeroconf

from zmqwork.discovery.nics import Nic, nics
from zmqwork.discovery.sounding import MDNS_PORT, sound

ROOT = Path(__file__).parents[2]


@pytest.fixture
def loopback():
    return next(nic for nic in nics() if nic.ip == "127.0.0.1")


@pytest.fixture
def service():
    """A service of another program, on the loopback interface; its type."""
    kind = f"_zw{secrets.token_hex(4)}._tcp.local."
    info = ServiceInfo(kind, f"one.{kind}", port=1, addresses=[socket.inet_aton("127.0.0.1")])
    responder = Zeroconf(interfaces=["127.0.0.1"], ip_version=IPVersion.V4Only)
    responder.register_service(info, cooperating_responders=True)
    yield kind
    responder.close()


def heard(nic, what):
    """Listen until it was heard, for a minute at most."""
    give_up_at = time.monotonic() + 60.0
    while time.monotonic() < give_up_at:
        (echo,) = sound([nic], 1.5)
        if what(echo):
            return echo
    raise AssertionError(f"never heard: {echo}")


def test_the_loopback_is_an_interface(loopback):
    assert (loopback.is_up, loopback.is_loopback, loopback.is_skipped) == (True, True, False)
    assert nics()[0].is_loopback
    assert loopback.is_one_of(["127.0.0.1"])
    assert loopback.is_one_of([loopback.name])
    assert not loopback.is_one_of(["eth9"])


def test_our_own_question_comes_back(loopback):
    echo = heard(loopback, lambda echo: echo.came_back)
    assert (echo.nic, echo.port, echo.error) == (loopback, MDNS_PORT, "")


def test_services_of_other_programs_are_seen(loopback, service):
    echo = heard(loopback, lambda echo: service in echo.services)
    assert echo.has_local
    assert echo.hosts == set()


def test_without_the_port_of_mdns_an_own_one_does(loopback, monkeypatch):
    """As where another program holds 5353 for itself alone."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as greedy:
        greedy.bind(("", 0))
        monkeypatch.setattr("zmqwork.discovery.sounding.MDNS_PORT", greedy.getsockname()[1])
        echo = heard(loopback, lambda echo: echo.came_back)
        assert echo.port != greedy.getsockname()[1]


def test_an_interface_that_is_gone_says_why(loopback):
    gone = replace(loopback, name="gone", index=99_999, ip="127.9.9.9")
    there, missing = sound([loopback, gone], 0.3)
    assert missing.error.startswith("cannot ")
    assert not missing.came_back
    assert there.error == ""


def test_it_ends_when_nobody_wants_to_know(loopback):
    (echo,) = sound([loopback], 1e9, is_wanted=iter([True, True, False]).__next__)
    assert echo.nic == loopback


def test_garbage_is_no_trouble(loopback):
    def is_wanted():
        for data in (b"", b"\0" * 12, b"\xff" * 40, bytes(12) + b"\xc0\x0c" * 20, b"x" * 1200):
            sender.sendto(data, ("224.0.0.251", MDNS_PORT))
        return True

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        here = socket.inet_aton("127.0.0.1")
        sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, here)
        (echo,) = sound([loopback], 0.5, is_wanted=is_wanted)
    assert echo.came_back


# -- more than one interface, more than one machine: network namespaces -------------------------

RESPONDER = """
import socket, sys
from zeroconf import IPVersion, ServiceInfo, Zeroconf
print("here", flush=True)
sys.stdin.readline()
kind = "_zmqwork._tcp.local."
info = ServiceInfo(kind, f"one.{kind}", port=1, addresses=[socket.inet_aton("10.9.0.2")])
responder = Zeroconf(interfaces=["10.9.0.2"], ip_version=IPVersion.V4Only)
responder.register_service(info, cooperating_responders=True)
print("registered", flush=True)
sys.stdin.readline()
responder.close()
"""

TWO_MACHINES = f"""
import json, subprocess, sys
from zmqwork.discovery.nics import nics
from zmqwork.discovery.sounding import sound

def run(*words):
    subprocess.run(words, check=True)

other = subprocess.Popen(
    ["unshare", "-n", sys.executable, "-c", {RESPONDER!r}],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
)
assert other.stdout.readline() == "here\\n"
there = ("nsenter", "-t", str(other.pid), "-n")
run("ip", "link", "set", "lo", "up")
run("ip", "link", "add", "left", "type", "veth", "peer", "name", "right")
run("ip", "link", "add", "lonely", "type", "veth", "peer", "name", "lost")
run("ip", "link", "set", "right", "netns", str(other.pid))
for words in ("addr add 10.9.0.1/24 dev left", "link set left up",
              "addr add 10.8.0.1/24 dev lonely", "link set lonely up", "link set lost up",
              "addr add 10.7.0.1/24 dev lost"):
    run("ip", *words.split())
for words in ("addr add 10.9.0.2/24 dev right", "link set right up"):
    run(*there, "ip", *words.split())
print("go", file=other.stdin, flush=True)
assert other.stdout.readline() == "registered\\n"
wanted = [nic for nic in nics() if nic.is_up and not nic.is_loopback]
for _ in range(20):
    echoes = {{echo.nic.name: echo for echo in sound(wanted, 1.5)}}
    if echoes["left"].nodes:
        break
print(json.dumps({{
    name: [echo.came_back, sorted(echo.hosts), sorted(echo.nodes)] for name, echo in echoes.items()
}}), flush=True)
other.communicate("end\\n")
"""


def why_no_namespaces():
    if os.geteuid():
        return "making network namespaces needs root"
    missing = [name for name in ("ip", "unshare", "nsenter") if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} not installed"
    made = subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False)
    return "this system forbids network namespaces" if made.returncode else ""


def test_another_machine_is_heard_on_its_interface_and_on_no_other():
    if why := why_no_namespaces():
        pytest.skip(why)
    ended = subprocess.run(
        ["unshare", "-n", sys.executable, "-c", TWO_MACHINES],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    echoes = json.loads(ended.stdout)
    assert echoes["left"] == [True, ["10.9.0.2"], ["one._zmqwork._tcp.local."]]
    assert echoes["lonely"] == [True, [], []]


def test_an_interface_is_shown_with_its_address():
    nic = Nic("eth0", 2, "10.0.0.5", True, False, True, False)
    assert str(nic) == "eth0 10.0.0.5"
