"""What records of the network are worth: they outlive their nodes, and anybody can send them."""

from __future__ import annotations

import itertools

import pytest
from desks import ProducerDesk, node_id, welcome

from zmqwork.core.effects import Dial
from zmqwork.core.link_events import (
    LinkDown,
    LinkUp,
    PeerFound,
    Probed,
    Received,
)
from zmqwork.core.messages import Bye, Hello, Refused

ENDPOINT = "tcp://10.0.0.7:7071"


@pytest.fixture
def desk():
    return ProducerDesk()


def find(desk, source="mdns", label="w"):
    key = f"{source}:{label}"
    desk.turn(PeerFound(key, (ENDPOINT,), "worker", source, node_id(label)))
    return desk.machine.dialer.peers[key]


def answer(desk, peer, label="w"):
    desk.turn(LinkUp(peer.link))
    (hello,) = desk.sent(Hello, peer.link)
    desk.say(peer.link, welcome(label, hello.session))


def gaps(desk, peer, duration):
    """Seconds between dials while each of them fails at once."""
    end_at, dials = desk.now + duration, []
    while desk.now < end_at:
        if peer.link:
            desk.turn(LinkDown(peer.link))
        desk.until(desk.machine.deadline())
        dials += [desk.now] * len(desk.of(Dial))
    return [after - before for before, after in itertools.pairwise(dials)]


@pytest.mark.parametrize(("source", "longest"), [("mdns", 60), ("local", 5), ("static", 5)])
def test_a_record_without_a_welcome_is_tried_less_and_less(desk, source, longest):
    between = gaps(desk, find(desk, source), 900)
    assert max(between[:4]) < 3.5
    assert longest / 2 <= max(between) <= longest + 0.1


@pytest.mark.parametrize(("gone", "longest"), [(False, 2.0), (True, 5.0)])
def test_one_that_was_here_hears_of_us_while_it_keeps_our_results(desk, gone, longest):
    peer = find(desk, "static")
    answer(desk, peer)
    desk.turn(LinkDown(peer.link))
    if gone:
        desk.turn(Probed(peer.key, gone=True))
    between = gaps(desk, peer, 600)
    assert longest / 2 < max(between) <= longest + 0.1
    assert gone or max(between) < desk.machine.dialer._health.lost_timeout


def test_what_was_only_heard_of_is_tried_for_some_minutes(desk):
    peer = find(desk, "exchange")
    dials, begun_at = 1, desk.now
    while peer.key in desk.machine.dialer.peers:
        if peer.link:
            desk.turn(LinkDown(peer.link))
        if desk.machine.deadline() is None:
            break
        desk.until(desk.machine.deadline())
        dials += len(desk.of(Dial))
    assert dials == 14
    assert 100 < desk.now - begun_at < 600


def test_who_was_welcomed_is_tried_as_often_as_others(desk):
    peer = find(desk)
    answer(desk, peer)
    desk.turn(LinkDown(peer.link))
    assert max(gaps(desk, peer, 300)) <= 5.1


def test_whose_process_is_gone_is_a_stale_record(desk):
    peer = find(desk)
    answer(desk, peer)
    desk.turn(LinkDown(peer.link))
    desk.turn(Probed(peer.key, gone=True))
    assert peer.state == "lost"
    assert max(gaps(desk, peer, 900)) > 30
    while not peer.link:
        desk.until(desk.machine.deadline())
    answer(desk, peer)
    assert peer.state == "alive"
    desk.turn(LinkDown(peer.link))
    assert max(gaps(desk, peer, 300)) <= 5.1


def test_who_has_said_goodbye_is_a_stale_record(desk):
    peer = find(desk)
    answer(desk, peer)
    desk.say(peer.link, Bye())
    assert max(gaps(desk, peer, 900)) > 30


def test_who_refuses_is_asked_less_and_less_if_only_a_record_speaks_for_it(desk):
    def refusals(peer):
        asked = []
        while desk.now < 1_000:
            if peer.link:
                desk.turn(LinkUp(peer.link))
                asked.append(desk.now)
                desk.turn(Received(peer.link, [(1, Refused("realm", "another realm"))]))
            desk.until(desk.machine.deadline())
        return [after - before for before, after in itertools.pairwise(asked)]

    between = refusals(find(desk))
    assert min(between) >= 5.0
    assert 30 <= max(between) <= 60.1


def test_a_node_that_two_sources_name_at_once_is_dialled_once(desk):
    local = find(desk, "local")
    network = find(desk, "mdns")
    assert (bool(local.link), bool(network.link)) == (True, False)
    answer(desk, local)
    desk.until(desk.now + 1.5)
    assert not desk.of(Dial)
    assert (local.state, network.state) == ("alive", "new")


def test_a_forged_record_keeps_nobody_from_the_node_that_it_names(desk):
    find(desk, "mdns")  # came first, and never answers
    local = find(desk, "local")
    desk.until(desk.now + 0.6)
    assert local.link
    answer(desk, local)
    assert local.state == "alive"


def test_a_record_that_names_the_wrong_node_is_corrected_by_the_welcome(desk):
    peer = find(desk)
    answer(desk, peer, "other")
    assert (peer.state, peer.node_id) == ("alive", node_id("other"))
