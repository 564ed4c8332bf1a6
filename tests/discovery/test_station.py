"""Nodes of one process share what they hear by mDNS: real sockets, on the loopback interface."""

from __future__ import annotations

import os
import threading
from collections import Counter

import pytest
from mdns_ends import Seeker, record

from zmqwork.core.link_events import PeerForgotten, PeerFound
from zmqwork.discovery import advert, responder, station
from zmqwork.discovery.interfaces import Interfaces
from zmqwork.discovery.mdns import Mdns


class Sharing(Seeker):
    """As a node of `join_realm` has it."""

    def __init__(self, realm, chosen=None, keys=None):
        Mdns.__init__(self, realm, chosen or Interfaces(), keys)
        self.events = []


@pytest.fixture
def make(realm):
    made = []

    def make(name=realm, **options):
        made.append(Sharing(name, **options))
        return made[-1]

    yield make
    for it in made:
        it.close()
    assert not any(it.thread is not None and it.thread.is_alive() for it in made)
    assert not station._shared


def met(nodes, records):
    """Whether each of them has found all others, and not itself."""
    for node in nodes:
        node.events += node.poll(0.0)
    ids = {it.node_id for it in records}
    return all(
        {it.node_id for it in node.events if type(it) is PeerFound} == ids - {own.node_id}
        for node, own in zip(nodes, records, strict=True)
    )


def threads():
    return [it for it in threading.enumerate() if it.name == "zmqwork-mdns"]


def test_many_nodes_of_a_process_meet_over_one_thread(make, realm, wait_until, monkeypatch):
    judged = Counter()

    def counting(*args, **options):
        judged[options["label"]] += 1
        return advert.judge(*args, **options)

    monkeypatch.setattr(responder, "judge", counting)
    nodes = [make() for _ in range(12)]
    records = [record(realm, 7000 + n) for n in range(12)]
    for node, own in zip(nodes, records, strict=True):
        node.announce(own)
    wait_until(lambda: met(nodes, records), "all have met")
    assert {it.thread for it in nodes} == set(threads())
    assert len(threads()) == 1
    assert [it.found for it in nodes] == [11] * 12
    # Each record was judged for all of them at once: a few times, as its parts came, not 12 times.
    assert max(judged.values()) < 12


def test_one_that_leaves_is_forgotten_and_the_others_stay(make, realm, wait_until):
    first, second, third = make(), make(), make()
    records = [record(realm, 7000 + n) for n in range(3)]
    for node, own in zip((first, second, third), records, strict=True):
        node.announce(own)
    wait_until(lambda: met([first, second, third], records), "all have met")
    shared = first.thread
    first.close()
    gone = records[0].node_id[:24]
    wait_until(lambda: second.sees(gone, PeerForgotten), "its goodbye is heard")
    wait_until(lambda: third.sees(gone, PeerForgotten), "by both")
    assert second.found == third.found == 1
    assert shared.is_alive()
    assert first.poll(0.0) == []
    late = make()
    wait_until(lambda: late.sees(records[1].node_id), "who comes late is told of those who stayed")
    assert late.thread is shared
    assert not late.sees(gone)


def test_a_withdrawn_node_still_hears_and_can_come_back(make, realm, wait_until):
    stays, hides = make(), make()
    records = [record(realm, 7000), record(realm, 7001)]
    stays.announce(records[0])
    hides.announce(records[1])
    wait_until(lambda: met([stays, hides], records), "they have met")
    hides.withdraw()
    wait_until(lambda: stays.sees(records[1].node_id[:24], PeerForgotten), "it is gone")
    late = make()
    late.announce(record(realm, 7002))
    wait_until(lambda: hides.sees(":7002"), "it hears of others")
    stays.events.clear()
    hides.announce(records[1])
    wait_until(lambda: stays.sees(records[1].node_id), "it is back")


def test_after_the_last_one_a_new_station_begins(make, realm, wait_until):
    first = make()
    first.announce(record(realm))
    first.close()
    assert not first.thread.is_alive()
    second, third = make(), make()
    own = record(realm, 7002)
    second.announce(own)
    wait_until(lambda: third.sees(own.node_id), "it works")
    assert second.thread is third.thread is not first.thread


def test_other_realms_interfaces_and_keys_share_nothing(make, realm, cluster):
    keys = cluster.keys("desk")
    kinds = [
        {}, {"name": "another realm"}, {"chosen": Interfaces(["lo"])}, {"keys": keys},
        {"keys": cluster.keys("node7")},
    ]  # fmt: skip
    nodes = [make(**kind) for kind in kinds]
    for node in nodes:
        node.poll(0.0)
    assert len({it.thread for it in nodes}) == len(nodes)
    same = make(keys=cluster.keys("desk"))
    same.poll(0.0)
    assert same.thread is nodes[3].thread


def test_a_roster_that_one_of_them_has_read_holds_for_all(
    make, make_mdns, realm, cluster, wait_until
):
    one, other = make(keys=cluster.keys("desk")), make(keys=cluster.keys("desk"))
    own = record(realm)
    worker = make_mdns(keys=cluster.keys("node7"))
    worker.announce(own)
    wait_until(lambda: one.sees(own.node_id) and other.sees(own.node_id), "both have found it")
    one._keys.keyring = fresh = cluster.keyring("desk", without=("node7",))
    gone = own.node_id[:24]
    wait_until(
        lambda: one.sees(gone, PeerForgotten), "who has read it does not believe it any more"
    )
    wait_until(lambda: other.sees(gone, PeerForgotten), "nor does the other one")
    other._keys.keyring = cluster.keyring("desk", without=("node7",))
    other.poll(0.0)
    assert other._shown.keyring is fresh, "the same again is no news"


def test_nobody_can_say_goodbye_for_a_node_of_the_same_process(make, realm, stranger, wait_until):
    from zeroconf import DNSPointer
    from zeroconf.const import _CLASS_IN, _TYPE_PTR

    seeker, worker, elsewhere = make(), make(), make(chosen=Interfaces(["lo"]))
    own = record(realm)
    worker.announce(own)
    wait_until(lambda: seeker.sees(own.node_id) and elsewhere.sees(own.node_id), "it is found")
    name = next(it for it in seeker._shown.sightings.names() if own.node_id[:24] in it)
    stranger.send(DNSPointer(advert.SERVICE_TYPE, _TYPE_PTR, _CLASS_IN, 0, name))
    wait_until(lambda: elsewhere.sees(own.node_id[:24], PeerForgotten), "others have heard it")
    assert not seeker.sees(own.node_id[:24], PeerForgotten)


def test_a_forked_process_begins_anew(make, realm):
    own = make()
    own.announce(record(realm))
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, b"%d" % len(station._shared))
        os._exit(0)
    assert os.read(reading, 9) == b"0"
    os.waitpid(child, 0)
    assert len(station._shared) == 1
