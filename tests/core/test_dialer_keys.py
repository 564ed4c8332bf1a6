"""The connecting side under a roster: which key is dialled, and who is not believed."""

from __future__ import annotations

import pytest
from desks import ProducerDesk, node_id, welcome

from zmqwork.core.delivery import ResultsAck
from zmqwork.core.effects import Dial, HangUp, Notice, Rebind
from zmqwork.core.link_events import LinkDenied, LinkDown, LinkUp, PeerForgotten, PeerFound
from zmqwork.core.messages import Bye, Credit, Hello, Pong, Status

ROLES = {"one": "worker", "two": "worker", "out": "sink", "desk": "producer admin"}


@pytest.fixture
def desk():
    made = ProducerDesk()
    made.roster(**ROLES)
    return made


def find(desk, label="w", fingerprint="one", role="worker", endpoint="", **fields):
    """Somebody says whose key is there."""
    endpoint = endpoint or f"ipc://{label}"
    found = PeerFound(
        f"local:{label}", (endpoint,), role, "local", fingerprint=fingerprint, **fields
    )
    desk.turn(found)
    return desk.link_of(label)


def greet(desk, label="w", **fields):
    """It answers, with the key that was dialled."""
    link = desk.link_of(label)
    desk.turn(LinkUp(link))
    (hello,) = desk.sent(Hello, link)
    desk.say(link, welcome(label, hello.session, **fields))
    if desk.machine.dialer.peers[f"local:{label}"].role == "worker":
        desk.say(link, Credit(4, 1 << 20))
    return link


def dialled(desk):
    return [dial.fingerprint for dial in desk.of(Dial)]


def peer_of(desk, label="w"):
    return desk.machine.dialer.peers[f"local:{label}"]


# -- which key --------------------------------------------------------------------------------


def test_the_key_of_the_record_is_dialled_and_its_owner_is_alive(desk):
    find(desk)
    assert dialled(desk) == ["one"]
    greet(desk)
    assert desk.state_of() == "alive"
    desk.submit(1)
    assert desk.given()


def test_a_peer_whose_key_the_roster_lacks_rests(desk):
    assert find(desk, fingerprint="x") == 0
    assert desk.effects == []
    peer = peer_of(desk)
    assert (peer.stage, peer.refusal) == ("resting", "the roster has no key for it")
    for _ in range(20):
        desk.until(desk.now + 5.0)
        assert desk.effects == []
    desk.roster(**ROLES, x="worker")
    assert not desk.of(Rebind)
    while not desk.link_of("w"):
        desk.until(desk.now + 0.1)
    assert dialled(desk) == ["x"]
    greet(desk)
    assert peer.refusal == ""


def test_one_that_rests_may_be_forgotten(desk):
    find(desk, fingerprint="x")
    desk.turn(PeerForgotten("local:w"))
    assert desk.machine.dialer.peers == {}
    assert desk.machine.dialer.deadline() is None


def test_what_is_only_heard_of_and_has_no_key_is_forgotten_after_a_while(desk):
    desk.turn(PeerFound("exchange:x", ("tcp://h:1",), "worker", "exchange", fingerprint="x"))
    assert desk.machine.dialer.peers
    desk.until(desk.now + 3600.0)
    assert desk.machine.dialer.peers == {}


def test_a_record_with_another_key_is_dialled_at_once(desk):
    find(desk, fingerprint="x")
    find(desk, fingerprint="two")
    assert dialled(desk) == ["two"]
    greet(desk)
    find(desk, fingerprint="one")
    assert desk.effects == [], "a session that is open goes on"


def test_the_same_record_again_is_no_reason_to_dial(desk):
    find(desk, fingerprint="x")
    find(desk, fingerprint="x")
    find(desk, fingerprint="y")
    assert desk.effects == []


# -- another key is there ---------------------------------------------------------------------


def find_static(desk, member=""):
    desk.turn(PeerFound("local:s", ("tcp://h:1",), "", "static", member=member))


def deny(desk, *, by_peer=False, label="s"):
    desk.turn(LinkDenied(desk.link_of(label), by_peer=by_peer))
    return dialled(desk)


def test_where_nobody_is_named_the_keys_are_tried_at_once_one_after_the_other(desk):
    find_static(desk)
    assert dialled(desk) == ["one"]
    first = desk.link_of("s")
    assert deny(desk) == ["two"]
    assert desk.hang_ups() == [first]
    assert deny(desk) == ["out"]
    greet(desk, "s", role="sink", name="sink")
    assert desk.state_of("s") == "alive"


def test_of_a_member_that_is_named_only_its_keys_are_tried(desk):
    find_static(desk, member="two")
    assert dialled(desk) == ["two"]
    assert deny(desk) == []


def test_after_all_of_them_it_backs_off_and_begins_again(desk):
    find_static(desk)
    deny(desk)
    deny(desk)
    assert deny(desk) == []
    peer = peer_of(desk, "s")
    assert (peer.state, peer.stage) == ("new", "resting")
    assert "another key is there" in peer.refusal
    desk.until(desk.now + 5.0)
    assert dialled(desk)[:1] == ["one"]


def test_one_that_does_not_admit_us_has_the_key_that_was_tried_and_has_refused(desk):
    find_static(desk)
    assert deny(desk) == ["two"]
    assert deny(desk, by_peer=True) == []
    assert desk.state_of("s") == "refused"
    assert [notice.text for notice in desk.of(Notice)] == [
        "local:s at tcp://h:1 refused us: it does not admit our key"
    ]
    desk.until(desk.now + 4.9)
    assert not desk.of(Dial)
    desk.until(desk.now + 0.1)
    assert dialled(desk) == ["two"]


def test_a_denial_of_a_link_that_is_up_or_gone_says_nothing(desk):
    find(desk)
    link = greet(desk)
    desk.turn(LinkDenied(link), LinkDenied(4711, by_peer=True))
    assert desk.effects == []
    assert desk.state_of() == "alive"


def test_of_a_key_that_is_rotated_the_new_one_is_tried_at_once(desk):
    """Its record may tell of the old one for a moment."""
    find(desk)
    link = greet(desk)
    desk.roster(**ROLES, one_2="worker")
    desk.turn(LinkDown(link))
    assert dialled(desk) == ["one"]
    assert deny(desk, label="w") == ["one_2"]
    greet(desk)
    assert desk.state_of() == "alive"


# -- who answers ------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [{"role": "sink"}, {"role": "producer"}, {"role": "admin"}])
def test_a_welcome_in_a_role_that_the_key_lacks_is_refused(desk, fields):
    find(desk)
    greet(desk, **fields)
    assert desk.state_of() == "refused"
    assert peer_of(desk).refusal == f"one may not speak as {fields['role']} to a producer"
    desk.submit(1)
    assert not desk.given()


def test_a_welcome_with_the_node_id_of_another_member_is_refused(desk):
    find(desk)
    first = greet(desk)
    find(desk, "v", "two")
    link = desk.link_of("v")
    desk.turn(LinkUp(link))
    (hello,) = desk.sent(Hello, link)
    desk.say(link, welcome("w", hello.session))
    assert peer_of(desk, "v").refusal == "two came with the node id of one"
    assert (desk.state_of("v"), desk.state_of("w")) == ("refused", "alive")
    assert desk.link_of("w") == first


def test_who_dials_us_and_whom_we_dial_share_what_is_known_of_node_ids(desk):
    find(desk)
    greet(desk)
    desk.fingerprints[b"o"] = "desk"
    hello = Hello(1, node_id("w"), "observer", "o", "realm", (1, 1))
    desk.say(b"o", hello)
    assert [n.text for n in desk.of(Notice)] == ["desk: desk came with the node id of one"]


def test_a_verb_that_is_not_for_its_role_costs_it_the_session(desk):
    find(desk)
    link = greet(desk)
    made = desk.submit(1)
    desk.say(link, ResultsAck(1), Pong(1))
    assert desk.state_of() == "refused"
    assert desk.notices()[0] == "offence"
    assert desk.machine.dialer.counters.offences == desk.machine.dialer.counters.strays == 1
    assert desk.hang_ups() == [link]
    assert made[0].state == "waiting", "what it had is given to others"


def test_without_keys_it_is_a_stray():
    desk = ProducerDesk()
    link = desk.open()
    desk.say(link, ResultsAck(1), Status(1, {}))
    assert desk.state_of() == "alive"
    assert desk.machine.dialer.counters.strays == 2
    assert desk.machine.dialer.counters.offences == 0
    assert desk.notices() == []


# -- another roster ---------------------------------------------------------------------------


def test_a_key_that_left_the_roster_loses_its_session_in_that_turn(desk):
    find(desk)
    link = greet(desk)
    find(desk, "v", "two")
    greet(desk, "v")
    made = desk.submit(1, 2, 3, 4, 5, 6)
    lost = {entry.seq for entry in made} - {seq for seq, _ in desk.given(desk.link_of("v"))}
    assert lost
    desk.roster(two="worker", desk="producer")
    assert desk.hang_ups() == [link]
    assert (desk.state_of("w"), desk.state_of("v")) == ("refused", "alive")
    assert "peer_gone" in desk.notices()
    assert not any(w.node_id == node_id("w") for w in desk.machine._workforce)
    desk.until(desk.now + 60.0)
    assert "one" not in dialled(desk), "and it is not dialled again"


@pytest.mark.parametrize("up", [False, True])
def test_a_link_that_is_not_a_session_yet_ends_too(desk, up):
    link = find(desk)
    if up:
        desk.turn(LinkUp(link))
    desk.roster(two="worker")
    assert desk.hang_ups() == [link]
    assert desk.state_of() == "refused"


def test_a_key_that_lost_its_role_loses_the_session(desk):
    find(desk)
    link = greet(desk)
    desk.roster(**(ROLES | {"one": "sink"}))
    assert desk.hang_ups() == [link]
    assert desk.state_of() == "refused"


def test_a_suspect_that_left_the_roster_is_given_up(desk):
    find(desk)
    desk.turn(LinkDown(greet(desk)))
    assert desk.state_of() == "suspect"
    desk.roster(two="worker")
    assert desk.state_of() == "refused"
    assert "peer_gone" in desk.notices()


def test_a_roster_that_takes_nothing_away_ends_nothing(desk):
    find(desk)
    greet(desk)
    desk.roster(**ROLES, more="worker")
    assert desk.effects == []
    assert desk.state_of() == "alive"


def test_who_leaves_in_good_order_under_keys(desk):
    find(desk)
    link = greet(desk)
    desk.say(link, Bye())
    assert desk.state_of() == "left"
    assert HangUp(link, farewell=True) in desk.effects
