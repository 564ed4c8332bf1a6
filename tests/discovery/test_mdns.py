"""Real mDNS, on the loopback interface."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys

import pytest
from mdns_ends import record, txt
from zeroconf import DNSPointer
from zeroconf.const import _CLASS_IN, _TYPE_PTR

from zmqwork.core.link_events import PeerForgotten
from zmqwork.discovery.advert import SERVICE_TYPE, realm_hash
from zmqwork.discovery.interfaces import Interfaces
from zmqwork.discovery.mdns import Mdns
from zmqwork.discovery.record import Record


@pytest.fixture
def make(make_mdns):
    return make_mdns


def test_what_is_announced_is_found_with_role_and_address(make, realm, wait_until):
    seeker, worker = make(), make()
    own = record(realm)
    worker.announce(own)
    wait_until(lambda: seeker.sees(own.node_id), "it is found")
    (found,) = [it for it in seeker.events if it.node_id == own.node_id]
    assert (found.endpoints, found.role) == (("tcp://127.0.0.1:7071",), "worker")
    assert (found.source, found.key.startswith(f"mdns:{own.node_id[:24]}-")) == ("mdns", True)
    said = seeker.describe()
    assert (said["source"], said["state"], said["found"]) == ("mdns", "ok", 1)
    assert "lo 127.0.0.1" in said["where"]
    assert not worker.sees(own.node_id)  # itself


def test_who_was_there_before_is_found_too(make, realm, wait_until):
    worker = make()
    own = record(realm)
    worker.announce(own)
    wait_until(lambda: worker.state == "ok", "it is announced")
    late = make()
    wait_until(lambda: late.sees(own.node_id), "a latecomer has found it")


def test_a_goodbye_is_heard(make, realm, wait_until):
    seeker, worker = make(), make()
    own = record(realm)
    worker.announce(own)
    wait_until(lambda: seeker.sees(own.node_id), "it is found")
    worker.withdraw()
    wait_until(lambda: seeker.sees(own.node_id[:24], PeerForgotten), "its goodbye is heard")
    worker.announce(own)
    seeker.events.clear()
    wait_until(lambda: seeker.sees(own.node_id), "it is found again")
    seeker.events.clear()
    worker.close()
    wait_until(lambda: seeker.sees(own.node_id[:24], PeerForgotten), "the end is heard")


def test_another_port_is_found_under_the_same_key(make, realm, wait_until):
    seeker, worker = make(), make()
    own = record(realm)
    worker.announce(own)
    wait_until(lambda: seeker.sees("127.0.0.1:7071"), "it is found")
    worker.announce(record(realm, 7072, node_id=own.node_id))
    wait_until(lambda: seeker.sees("127.0.0.1:7072"), "its new port is found")
    assert len({it.key for it in seeker.events}) == 1


def test_a_restart_is_found_under_another_key(make, realm, wait_until):
    seeker, first, again = make(), make(), make()
    node_id = secrets.token_hex(16)
    first.announce(record(realm, node_id=node_id))
    wait_until(lambda: seeker.sees(node_id), "it is found")
    again.announce(record(realm, node_id=node_id))
    wait_until(lambda: len({it.key for it in seeker.events} | _keys(seeker)) == 2, "both are")


def _keys(seeker):
    seeker.sees("")
    return {it.key for it in seeker.events}


def test_another_realm_is_ignored_and_counted(make, realm, wait_until):
    seeker, other, worker = make(), make("another realm"), make()
    strange, own = record("another realm"), record(realm)
    other.announce(strange)
    wait_until(lambda: seeker.poll(0.0) or seeker.ignored["realm"], "it is seen, and ignored")
    worker.announce(own)
    wait_until(lambda: seeker.sees(own.node_id), "the other is found")
    assert not seeker.sees(strange.node_id)


def test_a_node_without_tcp_is_not_announced(make, realm, wait_until):
    seeker, silent, worker = make(), make(), make()
    silent.announce(Record("c" * 32, "producer", "p", realm, ("ipc:///x",), 1, "h"))
    wait_until(lambda: silent.state == "ok", "it listens")
    own = record(realm)
    worker.announce(own)
    wait_until(lambda: seeker.sees(own.node_id), "the other is found")
    wait_until(lambda: silent.sees(own.node_id), "and found by the silent one")
    assert not seeker.sees("c" * 32)


def test_interfaces_that_come_and_go_are_followed(make, realm, wait_until, monkeypatch):
    monkeypatch.setattr("zmqwork.discovery.responder._LOOK_INTERVAL", 0.05)

    class Cable(Interfaces):
        plugged = False

        def now(self):
            return super().now() if self.plugged else ()

    cable = Cable()
    seeker, worker = make(), make(chosen=cable)
    own = record(realm)
    worker.announce(own)
    wait_until(lambda: worker.state.startswith("waiting"), "it waits for an interface")
    cable.plugged = True
    wait_until(lambda: seeker.sees(own.node_id), "it is found")
    cable.plugged = False
    wait_until(lambda: worker.state.startswith("waiting"), "it has noticed")
    seeker.close()
    late = make()
    cable.plugged = True
    wait_until(lambda: late.sees(own.node_id), "it is announced again")


def test_a_port_that_cannot_be_had_is_tried_again(make, realm, wait_until, monkeypatch):
    monkeypatch.setattr("zmqwork.discovery.responder._AGAIN_DELAY", 0.05)
    taken = OSError(98, "Address already in use")

    def refuse(**_):
        raise taken

    with monkeypatch.context() as patch:
        patch.setattr("zmqwork.discovery.responder.AsyncZeroconf", refuse)
        worker = make()
        own = record(realm)
        worker.announce(own)
        wait_until(lambda: "already in use" in worker.state, "it fails")
    seeker = make()
    wait_until(lambda: seeker.sees(own.node_id), "it works after all")
    assert worker.state == "ok"


def test_closed_before_it_began(realm):
    source = Mdns(realm, Interfaces())
    source.close()
    assert source.poll(0.0) == []
    source.announce(record(realm))
    assert source.thread is None


def test_importing_the_package_loads_no_zeroconf():
    code = (
        "import sys, zmqwork, zmqwork.app, zmqwork.discovery.sources\n"
        "print('zeroconf' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "False\n"


# -- strangers --------------------------------------------------------------------------------


def test_records_of_strangers_do_no_harm(make, realm, stranger, wait_until):
    seeker = make()
    wait_until(lambda: seeker.poll(0.0) == [] and seeker.state == "ok", "it listens")
    good = {"v": 1, "id": "d" * 32, "r": "worker", "realm": realm_hash(realm)}
    run = secrets.token_hex(4)
    wicked = {
        "empty": b"",
        "cut": b"\xff\x00",
        "binary": bytes(range(256)),
        "no-equals": b"\x04flag",
        "other-version": txt(**good | {"v": 99}),
        "no-id": txt(**good | {"id": "\x1b[2J"}),
        "no-role": txt(**good | {"r": "root"}),
        "large": txt(**good, **{f"x{n}": "y" * 200 for n in range(6)}),
    }
    for label, text in wicked.items():
        stranger.send(*stranger.node(f"{label}-{run}", text))
    stranger.send(*stranger.node(f"\x1b[2J\x1b]0;owned\x07{run}", txt(**good)))
    stranger.send(*stranger.node(f"elsewhere-{run}", txt(**good), host="8.8.8.8"))
    stranger.send(*stranger.node(f"no-port-{run}", txt(**good), port=0))
    # A name alone, whose records nobody has.
    stranger.send(
        DNSPointer(SERVICE_TYPE, _TYPE_PTR, _CLASS_IN, 120, f"alone-{run}.{SERVICE_TYPE}")
    )
    for size in (0, 1, 11, 12, 40, 1400):
        stranger.send_bytes(os.urandom(size))
    # This one is in order, so it comes through, and it is the last one.
    stranger.send(*stranger.node(f"last-{run}", txt(**good)))
    wait_until(lambda: seeker.sees("d" * 32), "the last record is found")
    assert {it.key for it in seeker.events} == {f"mdns:last-{run}.{SERVICE_TYPE}"}
    assert seeker.ignored["malformed"] >= 5
    assert seeker.ignored["version"] >= 1
    assert seeker.ignored["address"] >= 1
    assert seeker.take_misplaced()[0] == (f"elsewhere-{run}.{SERVICE_TYPE} is announced at 8.8.8.8")
    assert seeker.take_misplaced() == []
    assert seeker.state == "ok"


def test_a_flood_of_ten_thousand_records_leaves_the_real_one_to_be_found(
    make, realm, stranger, wait_until
):
    seeker, worker = make(), make()
    wait_until(lambda: seeker.poll(0.0) == [] and seeker.state == "ok", "it listens")
    text = txt(v=1, id="e" * 32, r="worker", realm=realm_hash(realm))
    run = secrets.token_hex(4)
    for n in range(2_500):  # of four records each; 250 hosts
        stranger.send(*stranger.node(f"f{n}-{run}", text, host=f"127.0.{n % 250}.1"))
        seeker.poll(0.0)
    own = record(realm)
    worker.announce(own)
    wait_until(lambda: seeker.sees(own.node_id), "the real one is found", patience=60.0)
    assert 100 < seeker.found <= 1_024  # it did arrive, as far as datagrams do
    assert seeker.state == "ok"
