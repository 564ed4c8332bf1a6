"""Real mDNS, on the loopback interface, where nodes have keys and strangers have none."""

from __future__ import annotations

import secrets
from dataclasses import replace
from ipaddress import IPv4Network

import pytest
from mdns_ends import record, txt
from zeroconf import DNSPointer
from zeroconf.const import _CLASS_IN, _TYPE_PTR

from zmqwork.core.link_events import PeerForgotten, PeerFound
from zmqwork.discovery.advert import SERVICE_TYPE, label_of, realm_hash, txt_of
from zmqwork.discovery.interfaces import Address, Interfaces
from zmqwork.security.pairs import new_pair

LOOPBACK = IPv4Network("127.0.0.0/8")


@pytest.fixture
def make(make_mdns, cluster):
    """A source of a member, or of a node without keys."""

    def make(member="", **options):
        return make_mdns(keys=cluster.keys(member) if member else None, **options)

    return make


def listens(source):
    return source.poll(0.0) == [] and source.state == "ok"


def test_members_find_each_other_with_the_key_that_is_there(make, realm, cluster, wait_until):
    seeker, worker = make("desk"), make("node7")
    own = record(realm)
    worker.announce(own)
    wait_until(lambda: seeker.sees(own.node_id), "it is found")
    (found,) = [it for it in seeker.events if it.node_id == own.node_id]
    assert found.fingerprint == cluster.keyring("node7").fingerprint
    assert found.endpoints == ("tcp://127.0.0.1:7071",)


def test_nodes_with_and_without_keys_do_not_see_each_other(make, realm, wait_until):
    keyed, plain = make("desk"), make()
    ours, theirs = record(realm), record(realm)
    keyed.announce(ours)
    plain.announce(theirs)
    wait_until(lambda: keyed.poll(0.0) or keyed.ignored["unsealed"], "the plain one is ignored")
    wait_until(lambda: plain.poll(0.0) or plain.ignored["keyed"], "and the other one there")
    assert keyed.found == plain.found == 0
    said = keyed.describe()
    assert (said["ignored"]["unsealed"] >= 1, said["unlike"]) == (True, 1)
    assert said["state"].endswith("1 without keys, or with those of another cluster")
    assert plain.describe()["state"].endswith("1 with keys, where this node has none")
    keyed.close()
    wait_until(lambda: plain.describe()["unlike"] == 0, "its goodbye is heard")
    assert plain.describe()["state"] == "ok"


def test_another_cluster_of_that_realm_is_ignored(make, make_mdns, make_cluster, realm, wait_until):
    seeker, foreign = make("desk"), make_mdns(keys=make_cluster("desk").keys("desk"))
    strange, own = record(realm), record(realm)
    foreign.announce(strange)
    wait_until(lambda: seeker.poll(0.0) or seeker.ignored["unsealed"], "it is ignored")
    worker = make("node7")
    worker.announce(own)
    wait_until(lambda: seeker.sees(own.node_id), "a member is found")
    assert seeker.found == 1


def test_a_stranger_can_replay_and_change_nothing(make, realm, cluster, stranger, wait_until):
    """H29: what was sealed is sealed for one name, one port and one set of addresses."""
    seeker = make("desk")
    wait_until(lambda: listens(seeker), "it listens")
    keyring, node_id, run = cluster.keyring("node7"), secrets.token_hex(16), secrets.token_hex(4)
    own = replace(record(realm, node_id=node_id), fingerprint=keyring.fingerprint)
    label = label_of(own, run)
    fields = txt_of(own, run, keyring.discovery_key, 9, ["127.0.0.1"])
    for n in range(50):
        stranger.send(*stranger.node(f"copy-{n}-{run}", txt(**fields)))
    stranger.send(*stranger.node(label, txt(**fields), port=22))
    stranger.send(*stranger.node(label.replace(run, "0" * 8), txt(**fields | {"inc": "0" * 8})))
    plain = {"v": 1, "id": node_id, "r": "worker", "realm": realm_hash(realm)}
    stranger.send(*stranger.node(f"plain-{run}", txt(**plain)))
    stranger.send(*stranger.node(f"named-{run}", txt(**plain, pk=keyring.fingerprint, m="0" * 32)))
    wait_until(lambda: seeker.poll(0.0) or seeker.ignored["unsealed"] >= 54, "all are judged")
    assert seeker.found == 0
    # As it was sealed, anybody may say it: it suggests where a member is, and no more.
    stranger.send(*stranger.node(label, txt(**fields)))
    wait_until(lambda: seeker.sees(node_id), "a replay is a suggestion")
    assert {it.endpoints for it in seeker.events} == {("tcp://127.0.0.1:9",)}


def test_an_address_that_a_stranger_adds_takes_no_node_away(
    make, realm, stranger, wait_until, monkeypatch
):
    monkeypatch.setattr("zmqwork.discovery.responder._DOUBT_DELAY", 0.05)
    seeker, worker = make("desk"), make("node7")
    own = record(realm)
    worker.announce(own)
    wait_until(lambda: seeker.sees(own.node_id), "it is found")
    server = seeker.events[0].key.removeprefix("mdns:").replace(SERVICE_TYPE, "local.")
    *_, address = stranger.node(server.removesuffix(".local."), b"", host="127.6.6.6")
    stranger.send(address)
    wait_until(lambda: seeker.ignored["unsealed"] >= 2, "the seal does not fit, twice looked at")
    assert seeker.poll(0.0) == []
    assert seeker.found == 1
    assert not seeker.sees("127.6.6.6")


def test_a_node_with_another_address_is_found_there(make, realm, wait_until, monkeypatch):
    monkeypatch.setattr("zmqwork.discovery.responder._LOOK_INTERVAL", 0.05)

    class Moving(Interfaces):
        ip = "127.0.0.1"

        def now(self):
            return (Address("lo", self.ip, LOOPBACK),)

    seeker, moving = make("desk"), Moving()
    worker = make("node7", chosen=moving)
    own = record(realm, host="0.0.0.0")
    worker.announce(own)
    wait_until(lambda: seeker.sees("127.0.0.1:7071"), "it is found")
    moving.ip = "127.0.0.2"
    wait_until(lambda: seeker.sees("tcp://127.0.0.2:7071',)"), "it is found at its new address")
    assert len({it.key for it in seeker.events}) == 1


def test_who_is_revoked_is_forgotten_and_who_is_added_is_found(make, realm, cluster, wait_until):
    seeker, worker = make("desk"), make("node7")
    own = record(realm)
    seeker._keys.keyring = cluster.keyring("desk", without=("node7",))
    worker.announce(own)
    wait_until(lambda: seeker.poll(0.0) or seeker.ignored["unknown_key"], "it is unknown")
    assert seeker.found == 0
    seeker._keys.keyring = cluster.keyring("desk")
    wait_until(lambda: seeker.sees(own.node_id), "it is found")
    seeker._keys.keyring = cluster.keyring("desk", without=("node7",))
    wait_until(lambda: seeker.sees(own.node_id[:24], PeerForgotten), "it is forgotten")


def test_a_node_says_so_when_its_own_key_has_changed(make, realm, cluster, wait_until):
    seeker, worker = make("desk"), make("node7")
    own = record(realm)
    worker.announce(own)
    old = cluster.keyring("node7").fingerprint
    wait_until(lambda: seeker.sees(old), "it is found")
    cluster.pairs["node7"] = new_pair()
    seeker._keys.keyring = cluster.keyring("desk")
    worker._keys.keyring = fresh = cluster.keyring("node7")
    wait_until(lambda: worker.poll(0.0) or seeker.sees(fresh.fingerprint), "the new key is known")
    assert fresh.fingerprint != old


def test_a_new_discovery_key_takes_nobody_away_and_is_used(make, realm, cluster, wait_until):
    seeker, worker = make("desk"), make("node7")
    own = record(realm)
    worker.announce(own)
    wait_until(lambda: seeker.sees(own.node_id), "it is found")
    cluster.discovery_key = secrets.token_bytes(32)
    seeker._keys.keyring = cluster.keyring("desk")
    wait_until(lambda: seeker.poll(0.0) or seeker.ignored["unsealed"], "its seal is an old one")
    assert (seeker.found, seeker.poll(0.0)) == (1, [])
    late = make("node8")
    wait_until(lambda: late.poll(0.0) or late.ignored["unsealed"], "who has come later ignores it")
    worker._keys.keyring = cluster.keyring("node7")
    wait_until(lambda: worker.poll(0.0) or late.sees(own.node_id), "it is sealed anew")


def test_a_goodbye_that_anybody_can_send_is_only_a_withdrawn_suggestion(
    make, realm, stranger, wait_until, monkeypatch
):
    monkeypatch.setattr("zmqwork.discovery.responder._LONELY_INTERVAL", 0.2)
    seeker, worker = make("desk"), make("node7")
    own = record(realm)
    worker.announce(own)
    wait_until(lambda: seeker.sees(own.node_id), "it is found")
    name = seeker.events[0].key.removeprefix("mdns:")
    seeker.events.clear()
    stranger.send(DNSPointer(SERVICE_TYPE, _TYPE_PTR, _CLASS_IN, 0, name))
    wait_until(lambda: seeker.sees(own.node_id[:24], PeerForgotten), "the goodbye is heard")
    wait_until(lambda: seeker.sees(own.node_id, PeerFound), "the node, which lives, is found again")
