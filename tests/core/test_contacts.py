"""The peers that a node dials: who is taken in, who is brought up to date, and who is dropped."""

from __future__ import annotations

from random import Random

import pytest
from desks import node_id

from zmqwork.config import NodeConfig
from zmqwork.core import contacts as module
from zmqwork.core.contacts import Contacts
from zmqwork.core.effects import Dial, HangUp, Notice
from zmqwork.core.lifecycle import SUSPECT
from zmqwork.core.link_events import PeerFound, Rostered
from zmqwork.core.links import Links
from zmqwork.core.messages import Neighbour
from zmqwork.core.peer import OPEN
from zmqwork.core.permissions import Access
from zmqwork.core.timers import Timers
from zmqwork.core.trust import Trust

NOW = 100.0


class Bench:
    def __init__(self, *keys, wanted=("worker",)):
        config = NodeConfig(node_id=node_id("me"), name="me", realm="r")
        trust = Trust("producer")
        if keys:
            trust.learn(Rostered({key: Access(key, frozenset(["worker"])) for key in keys}))
        self.out, self.timers = [], Timers()
        self.links = Links(self.timers, self.out, Random(1), config.health, trust, wanted)
        self.contacts = Contacts(config, wanted, self.links, self.timers, self.out)

    def find(self, key="k", endpoints=("ipc://a",), role="worker", **fields):
        self.contacts.found(PeerFound(key, endpoints, role, **fields), NOW)
        return self.contacts.peers.get(key)

    def took(self, kind):
        """The effects since the last call, which must be of this kind."""
        taken = self.out[:]
        self.out.clear()
        assert all(isinstance(effect, kind) for effect in taken), taken
        return taken


@pytest.fixture
def bench():
    return Bench()


def test_who_is_found_is_dialled(bench):
    assert bench.find().link == 1
    assert bench.took(Dial) == [Dial(1, "ipc://a")]


@pytest.mark.parametrize("found", [{"role": "producer"}, {"endpoints": ()}])
def test_who_is_not_wanted_or_nowhere_is_not_taken(bench, found):
    assert bench.find(**found) is None
    assert bench.out == []


def test_who_wants_everybody_takes_every_role():
    assert Bench(wanted=()).find(role="producer")


def test_when_it_is_closed_nobody_is_taken(bench):
    bench.contacts.closed = True
    assert bench.find() is None


def test_their_number_is_bounded(bench, monkeypatch):
    monkeypatch.setattr(module, "PEERS_MAX", 1)
    peer = bench.find("one")
    bench.took(Dial)
    assert bench.find("two") is None
    assert [notice.kind for notice in bench.took(Notice)] == ["limit"]
    bench.find("one", ("ipc://b",))
    assert peer.endpoints == ("ipc://b",), "who is known is brought up to date all the same"


def test_neighbours_are_found_and_this_node_is_not_its_own_neighbour(bench):
    teller = bench.find()
    bench.took(Dial)
    others = [
        Neighbour(node_id("me"), "worker", ["tcp://10.0.0.1:1"]),
        Neighbour(node_id("n"), "worker", ["tcp://10.0.0.1:2"], "f" * 16),
    ]
    bench.contacts.named(teller, others, NOW)
    (other,) = [peer for peer in bench.contacts.peers.values() if peer is not teller]
    assert (other.node_id, other.told_fingerprint) == (node_id("n"), "f" * 16)
    assert bench.took(Dial)


# -- another key ------------------------------------------------------------------------------


def test_a_record_with_another_key_is_heeded_at_once_where_the_old_one_did_not_fit():
    bench = Bench("one")
    peer = bench.find(fingerprint="x")
    assert bench.out == []
    bench.find(fingerprint="one")
    assert bench.timers.at(("dial", "k")) == NOW
    assert peer.told_fingerprint == "one"


@pytest.mark.parametrize("fingerprint", ["x", ""])
def test_a_record_that_does_not_help_hastens_nothing(fingerprint):
    bench = Bench("one")
    peer = bench.find(fingerprint=fingerprint, member="nobody")
    before = bench.timers.at(("dial", "k"))
    bench.find(fingerprint=fingerprint, endpoints=("ipc://b",))
    assert bench.timers.at(("dial", "k")) == before
    assert peer.endpoints == ("ipc://b",)


def test_a_link_that_is_dialled_goes_on_when_a_record_names_another_key():
    bench = Bench("one", "two")
    peer = bench.find(fingerprint="one")
    bench.took(Dial)
    bench.find(fingerprint="two")
    assert (peer.fingerprint, peer.told_fingerprint) == ("one", "two")
    assert ("dial", "k") not in bench.timers
    assert bench.out == []


# -- rest, and the end ------------------------------------------------------------------------


def test_one_at_rest_is_dialled_again_later(bench):
    peer = bench.find()
    bench.took(Dial)
    bench.contacts.rest(peer, NOW, 3.0)
    assert bench.took(HangUp) == [HangUp(1)]
    assert bench.timers.at(("dial", "k")) == 103.0


def test_one_that_is_forgotten_is_dropped_with_its_timers(bench):
    bench.find()
    bench.took(Dial)
    bench.contacts.forgotten("k")
    assert bench.contacts.peers == {}
    assert bench.took(HangUp)
    assert len(bench.timers) == 0
    bench.contacts.forgotten("k")


def test_one_in_session_is_dropped_when_that_is_over(bench):
    peer = bench.find()
    peer.stage = OPEN
    bench.contacts.forgotten("k")
    assert bench.contacts.peers
    bench.contacts.rest(peer, NOW, 3.0)
    assert bench.contacts.peers == {}


def test_a_suspect_is_dropped_by_whoever_decides_on_it(bench):
    peer = bench.find()
    peer.state = SUSPECT
    bench.contacts.forgotten("k")
    bench.contacts.rest(peer, NOW, 3.0)
    assert bench.contacts.peers
    assert bench.timers.at(("dial", "k")) == 103.0


def test_one_that_is_found_again_is_not_forgotten_any_more(bench):
    peer = bench.find()
    peer.stage = OPEN
    bench.contacts.forgotten("k")
    bench.find()
    bench.contacts.rest(peer, NOW, 3.0)
    assert bench.contacts.peers == {"k": peer}
