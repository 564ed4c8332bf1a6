"""Whoever hears every packet between two hosts with keys learns neither what is said nor the keys."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from contextlib import ExitStack
from pathlib import Path

import pytest
from dump_app import app, swap
from hosts import PATIENCE, Switch, why_not
from machines import Machine, make_cluster
from zmq.utils import z85

HERE = Path(__file__).parent

# Much more than a packet carries: a part of it in some packet has it at least once.
ARGUMENT = "the-argument-in-plaintext," * 200
RESULT = swap(ARGUMENT)
SAID = {
    "the argument": b"the-argument-in-plaintext",
    "the result": b"the-and-its-result-in-plaintext",
    "the task's name": swap.name.encode(),
    "the app's name": app.name.encode(),
}
MDNS = b"\x08_zmqwork\x04_tcp\x05local"
# The greeting of ZMTP, with its mechanism.
CURVE, NULL = (b"\x03\x01" + name.ljust(20, b"\0") for name in (b"CURVE", b"NULL"))


class Dump:
    """All that goes over a switch's cables, from `start` until `read`."""

    def __init__(self, switch, path):
        self._path = path
        self._process = subprocess.Popen(
            [*switch.enter, sys.executable, str(HERE / "dumping.py"), str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self):
        assert self._process.stdout.readline() == "ready\n"

    def read(self):
        """The bytes of all frames: none was missed."""
        out, _ = self._process.communicate(timeout=PATIENCE)
        told = json.loads(out)
        assert told["missed"] == 0
        assert told["seen"] > 0
        return self._path.read_bytes()

    def end(self):
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


@pytest.fixture
def network(tmp_path):
    """Two machines on a switch, whose cables are listened to."""
    if trouble := why_not():
        pytest.skip(trouble)
    with ExitStack() as stack:
        switch = stack.enter_context(Switch())
        machines = []
        for name in ("node1", "node7"):
            machines.append(Machine(switch.host(name), HERE))
            stack.callback(machines[-1].end)
        dump = Dump(switch, tmp_path / "dump")
        stack.callback(dump.end)
        dump.start()
        yield (*machines, dump)


def talk(here, there, *words):
    """One task from here to a worker there, which is found by mDNS; both end in good order."""
    worker = there.worker("dump_app:app", *words)
    said = here.do("call", "dump_app:app", swap.name, ARGUMENT, "-o", "json", *words)
    told = json.loads(said)
    assert (told["state"], told["result"]) == ("succeeded", RESULT)
    worker.terminate()
    assert worker.wait(PATIENCE) == 0


def heard(packets):
    return sorted(name for name, needle in SAID.items() if needle in packets)


def secrets_of(keys):
    """What nobody else may have, as it is in the files and as it is in memory."""
    secret = tomllib.loads((keys / "node.toml").read_text())["secret"]
    discovery_key = (keys / "discovery.key").read_text().strip()
    texts = [secret.encode(), discovery_key.encode()]
    return [*texts, z85.decode(secret.encode()), bytes.fromhex(discovery_key)]


def test_with_keys_nothing_that_is_said_can_be_heard(network):
    here, there, dump = network
    make_cluster(here, there)
    talk(here, there)
    packets = dump.read()
    # What was dumped is that conversation, with how they found each other.
    assert MDNS in packets
    assert packets.count(CURVE) >= 2
    assert len(packets) > len(ARGUMENT) + len(RESULT)
    assert NULL not in packets
    assert heard(packets) == []
    for machine in (here, there):
        assert not any(secret in packets for secret in secrets_of(machine.keys))


def test_without_keys_all_of_it_can_be_heard(network):
    """So the dump has what there is to be heard."""
    here, there, dump = network
    talk(here, there, "--keys", "none", "--insecure-lan")
    packets = dump.read()
    assert MDNS in packets
    assert NULL in packets
    assert heard(packets) == sorted(SAID)
