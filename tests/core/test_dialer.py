from __future__ import annotations

import pytest
from desks import PRODUCER_ID, ProducerDesk, done, node_id, welcome

from zmqwork.core import contacts
from zmqwork.core.effects import Answer, Dial, HangUp, Notice, Probe
from zmqwork.core.events import StatusRequested
from zmqwork.core.link_events import (
    Garbled,
    LinkDown,
    LinkUp,
    PeerForgotten,
    PeerFound,
    Probed,
    Received,
)
from zmqwork.core.messages import Bye, Draining, Hello, Ping, Pong, Refused


@pytest.fixture
def desk():
    return ProducerDesk()


def test_a_found_peer_is_dialled_greeted_and_alive(desk):
    link = desk.find()
    assert desk.dials() == [(link, "ipc://w")]
    desk.turn(LinkUp(link))
    (hello,) = desk.sent(Hello)
    assert (hello.session, hello.node_id, hello.role) == (link, PRODUCER_ID, "producer")
    desk.say(link, welcome(session=hello.session))
    assert desk.state_of() == "alive"
    assert "peer_alive" in desk.notices()


def test_other_roles_and_empty_records_are_not_dialled(desk):
    desk.turn(PeerFound("a", ("ipc://a",), "producer"), PeerFound("b", (), "worker"))
    assert not desk.of(Dial)
    desk.turn(PeerFound("c", ("ipc://c",)))
    assert desk.of(Dial), "a static endpoint does not say its role"


def test_peers_are_bounded(desk, monkeypatch):
    monkeypatch.setattr(contacts, "PEERS_MAX", 1)
    desk.find("one")
    desk.turn(PeerFound("local:two", ("ipc://two",), "worker"))
    assert desk.notices() == ["limit"]
    assert not desk.of(Dial)


def test_who_does_not_answer_is_dialled_again_at_the_next_endpoint(desk):
    desk.turn(PeerFound("local:w", ("ipc://a", "ipc://b"), "worker"))
    effects = desk.until(130.0)
    dials = [effect.endpoint for effect in effects if isinstance(effect, Dial)]
    assert dials[:3] == ["ipc://b", "ipc://a", "ipc://b"]
    desk.turn(LinkUp(desk.link_of("w")))
    desk.until(desk.now + 20)
    assert len(desk.of(Dial)) >= 2, "a HELLO without an answer is not waited for longer"


def test_the_backoff_is_bounded(desk):
    desk.find()
    for _ in range(12):
        desk.until(desk.now + 10.1)
        assert desk.of(Dial)


def test_the_endpoint_that_answered_is_kept_and_probed(desk):
    desk.turn(PeerFound("local:w", ("ipc://a", "ipc://b"), "worker"))
    desk.until(107.0)
    assert desk.machine.dialer.peers["local:w"].endpoint == "ipc://b"
    link = desk.greet()
    desk.turn(LinkDown(link))
    assert [probe.endpoint for probe in desk.of(Probe)] == ["ipc://b"]
    assert [endpoint for _, endpoint in desk.dials()] == ["ipc://b"]


def test_a_vanished_link_makes_suspect_and_a_welcome_alive_again(desk):
    link = desk.open()
    desk.turn(LinkDown(link))
    assert desk.state_of() == "suspect"
    assert desk.hang_ups() == [link]
    assert "peer_suspect" in desk.notices()
    again = desk.greet()
    assert again != link
    assert desk.state_of() == "alive"
    desk.until(103.9)
    assert desk.state_of() == "suspect", "by silence, not by the old loss"


def test_without_a_welcome_it_is_lost_after_a_second(desk):
    desk.turn(LinkDown(desk.open()))
    desk.until(100.9)
    assert desk.state_of() == "suspect"
    desk.until(101.0)
    assert desk.state_of() == "lost"
    assert "peer_lost" in desk.notices()
    desk.greet()
    assert desk.state_of() == "alive", "the dial goes on"


def test_proof_of_death_makes_lost_at_once(desk):
    desk.turn(LinkDown(desk.open()))
    assert [probe.endpoint for probe in desk.of(Probe)] == ["ipc://w"]
    desk.turn(Probed("local:w", gone=True), at=100.01)
    assert desk.state_of() == "lost"


def test_the_proof_is_looked_for_several_times(desk):
    desk.turn(LinkDown(desk.open()))
    probes = 0
    for _ in range(20):
        desk.turn(Probed("local:w", gone=False))
        desk.until(desk.now + 0.045)
        probes += len(desk.of(Probe))
    assert 3 <= probes <= 7


def test_a_proof_that_comes_too_late_is_void(desk):
    link = desk.open()
    desk.turn(Probed("local:w", gone=True), Probed("local:unknown", gone=True))
    assert desk.state_of() == "alive"
    desk.turn(LinkDown(link))
    desk.greet()
    desk.turn(Probed("local:w", gone=True))
    assert desk.state_of() == "alive"


def test_the_search_for_a_proof_survives_a_failed_dial(desk):
    desk.turn(LinkDown(desk.open()))
    desk.turn(LinkUp(desk.link_of("w")), Probed("local:w", gone=False))
    desk.turn(LinkDown(desk.link_of("w")))
    desk.until(100.1)
    assert desk.of(Probe)


def test_silence_makes_suspect_then_lost(desk):
    link = desk.open()
    desk.until(101.9)
    assert desk.state_of() == "alive"
    assert desk.sent(Ping, link), "heartbeats"
    desk.until(102.0)
    assert desk.state_of() == "suspect"
    desk.until(103.9)
    assert desk.state_of() == "suspect"
    desk.until(104.0)
    assert desk.state_of() == "lost"
    assert link in desk.hang_ups()
    desk.until(105.0)
    assert desk.of(Dial)


def test_any_message_is_a_sign_of_life(desk):
    link = desk.open()
    desk.until(102.0)
    assert desk.state_of() == "suspect"
    desk.say(link, Pong(1))
    assert desk.state_of() == "alive"
    desk.say(link, Ping(1), at=103.5)
    assert desk.sent(Pong) == [Pong(1)]
    desk.until(105.4)
    assert desk.state_of() == "alive"


def test_a_runtime_that_shares_its_process_may_be_silent_for_longer(desk):
    desk.open(silence_timeout=30.0)
    desk.until(129.9)
    assert desk.state_of() == "suspect"
    desk.until(130.0)
    assert desk.state_of() == "lost"


def test_our_own_lag_is_not_held_against_peers(desk):
    link = desk.open()
    desk.turn(at=160.0)
    assert desk.state_of() != "lost"
    desk.say(link, Pong(1))
    desk.until(162.0)
    assert desk.state_of() == "suspect", "and lends nobody a longer life"


def test_a_gap_and_a_wish_for_a_new_session_renew_it(desk):
    link = desk.open()
    desk.turn(Received(link, [(90, Ping(1)), (91, Ping(2))]))
    assert desk.machine.dialer.counters.gaps == 1
    assert desk.state_of() == "suspect"
    link = desk.greet()
    desk.turn(Received(link, [(1, Refused("order", "say HELLO first")), (2, Ping(1))]))
    assert desk.state_of() == "suspect"
    assert not desk.sent(Pong)
    desk.greet()
    assert desk.state_of() == "alive"


def test_a_peer_whose_sessions_never_last_is_dialled_less_and_less(desk):
    """It greets and breaks off: nothing else would be done here."""
    desk.open()
    for _ in range(50):
        desk.turn(LinkDown(desk.link_of("w")))
        while not desk.link_of("w"):
            desk.until(desk.now + 0.1)
        desk.greet()
    assert desk.now > 100.0 + 40.0
    desk.until(desk.now + 1.5)
    desk.turn(LinkDown(desk.link_of("w")))
    assert desk.of(Dial), "after one that has lasted it is dialled at once"


def test_a_session_that_brings_a_result_is_followed_by_the_next_at_once(desk):
    """However short it is: whatever cuts the link, work gets done."""
    link = desk.open()
    desk.submit(*range(1, 31))
    for seq in range(1, 31):
        desk.say(link, done(seq, (seq, 1)))
        desk.turn(LinkDown(link))
        assert len(desk.of(Dial)) == 1
        link = desk.greet()
    assert desk.machine.counters["lost_workers"] == 0


def test_a_dial_that_we_put_off_is_not_held_against_the_peer(desk):
    """A link that is cut every second: it comes back each time, when we let it."""
    desk.open()
    for _ in range(40):
        desk.turn(LinkDown(desk.link_of("w")))
        while not desk.link_of("w"):
            assert desk.state_of() == "suspect"
            desk.until(desk.now + 0.05)
        assert desk.state_of() == "suspect"
        desk.greet()
        assert desk.state_of() == "alive"
        desk.until(desk.now + 0.6)
    assert desk.machine.counters["lost_workers"] == 0
    desk.turn(LinkDown(desk.link_of("w")))
    desk.until(desk.now + 3.1)
    assert desk.state_of() == "lost", "once it is dialled it has a second, as ever"


def test_its_dial_and_its_loss_may_be_due_at_once(desk):
    desk.open()
    for _ in range(20):
        desk.turn(LinkDown(desk.link_of("w")))
        while not desk.link_of("w"):
            desk.until(desk.now + 0.1)
        desk.greet()
    desk.turn(LinkDown(desk.link_of("w")))
    assert not desk.link_of("w"), "it is to be dialled later"
    desk.turn(at=desk.now + 10.0)
    assert desk.state_of() == "lost"
    assert len(desk.of(Dial)) == 1
    desk.until(desk.now + 10.0)


@pytest.mark.parametrize("event", [LinkDown, lambda link: Received(link, [(7, Ping(1))])])
def test_trouble_while_greeting_is_a_new_dial(desk, event):
    link = desk.find()
    desk.turn(LinkUp(link))
    desk.turn(event(link))
    assert desk.hang_ups() == [link]
    desk.until(102.0)
    assert desk.of(Dial)
    assert desk.state_of() == "new"


def round_trip(desk):
    """As the application sees it."""
    desk.turn(StatusRequested("it"))
    (worker,) = next(answer.value for answer in desk.of(Answer))["workers"]
    assert worker["endpoint"] == "ipc://w"
    return worker["round_trip"]


def test_the_answer_to_a_ping_tells_the_round_trip(desk):
    link = desk.open()
    assert round_trip(desk) is None
    desk.turn(at=101.0)
    (ping,) = desk.sent(Ping)
    desk.say(link, Pong(ping.sequence), at=101.25)
    assert round_trip(desk) == 0.25
    desk.turn(at=102.0)
    desk.say(link, Pong(ping.sequence), Pong(4711), at=102.5)
    assert round_trip(desk) == 0.25, "that was no answer to the last one"
    desk.turn(LinkDown(link))
    desk.greet()
    assert round_trip(desk) is None, "the way may be another one"


def test_what_comes_twice_is_taken_once(desk):
    link = desk.open()
    desk.numbers[link] -= 1
    desk.say(link, Ping(1), at=101.0)
    assert not desk.sent(Pong)
    assert desk.machine.dialer.counters.repeats == 1


def test_garbage_in_a_session_ends_it(desk):
    link = desk.open()
    desk.turn(Garbled(link, "no array"), Garbled(9999, "who is that"))
    assert desk.state_of() == "suspect"
    assert desk.machine.dialer.counters.garbled == 2


def test_garbage_instead_of_a_welcome_is_a_refusal(desk):
    link = desk.find()
    desk.turn(LinkUp(link))
    desk.turn(Garbled(link, "HTTP/1.1"))
    assert desk.state_of() == "refused"
    assert desk.notices() == ["peer_refused"]
    desk.until(104.9)
    assert not desk.of(Dial)
    desk.until(105.0)
    assert desk.of(Dial), "it is asked again, not often"


def test_a_refusal_is_said_once(desk):
    link = desk.find()
    desk.turn(LinkUp(link))
    desk.turn(Received(link, [(1, Refused("realm", "this node belongs to 'x'"))]))
    assert desk.notices() == ["peer_refused"]
    desk.until(105.0)
    link = desk.link_of("w")
    desk.turn(LinkUp(link))
    desk.turn(Received(link, [(1, Refused("realm", "this node belongs to 'x'"))]))
    assert desk.notices() == []
    assert desk.state_of() == "refused"


def test_a_refusal_names_the_endpoint_once(desk):
    refusal = [(1, Refused("realm", "this node belongs to 'x'"))]
    link = desk.find()
    desk.turn(LinkUp(link))
    desk.turn(Received(link, refusal))
    (notice,) = desk.of(Notice)
    assert notice.text == "local:w at ipc://w refused us: this node belongs to 'x'"
    desk.turn(PeerFound("static:tcp://h:1", ("tcp://h:1",), "worker", "static"))
    link = desk.machine.dialer.peers["static:tcp://h:1"].link
    desk.turn(LinkUp(link))
    desk.turn(Received(link, refusal))
    (notice,) = desk.of(Notice)
    assert notice.text == "tcp://h:1 refused us: this node belongs to 'x'"


@pytest.mark.parametrize("suspect", [False, True])
def test_a_refusal_by_one_that_was_alive_loses_it(desk, suspect):
    link = desk.open()
    if suspect:
        desk.turn(LinkDown(link))
        link = desk.link_of("w")
        desk.turn(LinkUp(link))
    desk.turn(Received(link, [(1, Refused("realm", "no more"))]))
    assert desk.state_of() == "refused"
    assert "peer_lost" in desk.notices()


@pytest.mark.parametrize("fields", [{"realm": "another"}, {"protocol": 9}])
def test_a_welcome_to_something_else_is_refused(desk, fields):
    desk.find()
    desk.greet(**fields)
    assert desk.state_of() == "refused"


def test_a_welcome_to_an_older_session_is_a_stray(desk):
    link = desk.find()
    desk.turn(LinkUp(link))
    desk.say(link, welcome(session=99))
    assert desk.state_of() == "new"


def test_strays_are_counted(desk):
    link = desk.find()
    desk.turn(LinkUp(link))
    desk.say(link, Ping(1))
    desk.turn(Received(4711, [(1, Ping(1))]))
    assert desk.machine.dialer.counters.strays == 2
    link = desk.open("other")
    desk.say(link, welcome("other", session=1), Hello(1, "", "", "", "", (1, 1)))
    assert desk.machine.dialer.counters.strays == 4
    desk.turn(LinkUp(link), LinkUp(4711), LinkDown(4711))


def test_another_process_in_its_place_means_that_it_is_gone(desk):
    link = desk.open(slots=1)
    desk.submit(1)
    desk.turn(LinkDown(link))
    link = desk.link_of("w")
    desk.turn(LinkUp(link))
    (hello,) = desk.sent(Hello)
    desk.say(link, welcome("other", hello.session))
    assert "peer_lost" in desk.notices()
    assert desk.machine.dialer.peers["local:w"].node_id == node_id("other")


def test_our_own_endpoint_is_left_alone(desk):
    desk.find()
    link = desk.link_of("w")
    desk.turn(LinkUp(link))
    (hello,) = desk.sent(Hello)
    message = welcome(session=hello.session)
    message.node_id = PRODUCER_ID
    desk.say(link, message)
    assert [(h.link, h.farewell) for h in desk.of(HangUp)] == [(link, True)]
    assert desk.sent(Bye, link), "or we would look out for ourselves, and call us lost"
    assert desk.state_of() == "new"


def twins(desk):
    """One worker under two keys: the second one has just answered."""
    first = desk.open("one")
    second = desk.find("two")
    desk.turn(LinkUp(second))
    (hello,) = desk.sent(Hello)
    desk.say(second, welcome("one", hello.session))
    return first, second


def test_a_node_under_two_keys_keeps_its_first_session(desk):
    first, second = twins(desk)
    assert desk.hang_ups() == [second, first]
    assert desk.state_of("one") == "suspect"
    desk.until(103.9)
    assert desk.state_of("one") == "suspect", "it is known to live, so its answer may take a while"
    desk.greet("one")
    assert desk.state_of("one") == "alive"
    assert desk.state_of("two") == "new"
    alive = desk.link_of("one")
    for at in range(104, 120):
        desk.say(alive, Pong(1), at=float(at))
        assert not desk.of(Dial), "it is not dialled under its other key while it is alive"


def test_the_other_key_serves_when_the_first_is_gone(desk):
    twins(desk)
    alive = desk.greet("one")
    desk.turn(PeerForgotten("local:one"), LinkDown(alive))
    desk.until(101.0)
    assert "local:one" not in desk.machine.dialer.peers
    desk.until(105.1)
    desk.greet("two")
    assert desk.state_of("two") == "suspect" or desk.machine.dialer.peers["local:two"].link


def test_a_goodbye_is_answered_and_the_peer_dialled_much_later(desk):
    link = desk.open()
    desk.say(link, Draining(), Bye())
    assert desk.sent(Bye, link)
    assert [(h.link, h.farewell) for h in desk.of(HangUp)] == [(link, True)]
    assert desk.state_of() == "left"
    assert "peer_left" in desk.notices()
    desk.until(104.9)
    assert not desk.of(Dial)
    desk.until(105.0)
    assert desk.of(Dial)


def test_a_goodbye_of_a_suspect(desk):
    link = desk.open()
    desk.until(102.0)
    assert desk.state_of() == "suspect"
    desk.say(link, Bye())
    assert desk.state_of() == "left"


def test_forgotten_peers_are_dropped_unless_they_are_in_session(desk):
    desk.find("resting")
    desk.turn(PeerForgotten("local:resting"), PeerForgotten("local:unknown"))
    assert desk.machine.dialer.peers == {}
    assert desk.of(HangUp)
    link = desk.open("alive")
    desk.turn(PeerForgotten("local:alive"))
    assert desk.state_of("alive") == "alive"
    desk.turn(LinkDown(link))
    assert desk.state_of("alive") == "suspect"
    desk.until(101.0)
    assert desk.machine.dialer.peers == {}
    assert len(desk.machine.dialer._timers) == 0


def test_timers_of_a_dropped_peer_that_were_due_with_its_end_are_void(desk):
    desk.turn(LinkDown(desk.open()), PeerForgotten("local:w"))
    desk.turn(at=103.0)  # late: "gone" and "judge" are both due
    assert desk.machine.dialer.peers == {}


def test_a_peer_that_is_found_again_is_kept(desk):
    link = desk.open()
    desk.turn(PeerForgotten("local:w"))
    desk.turn(PeerFound("local:w", ("ipc://new",), "worker"))
    desk.turn(LinkDown(link))
    desk.until(103.0)
    assert desk.state_of() == "lost"
    assert desk.machine.dialer.peers["local:w"].endpoint == "ipc://new"


def test_farewell_closes_everything_for_good(desk):
    link = desk.open("one")
    desk.find("two")
    desk.say(desk.open("resting"), Bye())
    desk.machine.dialer.farewell()
    desk.turn()
    assert desk.sent(Bye, link)
    assert len(desk.of(HangUp)) == 2
    assert desk.machine.dialer.deadline() is None
    desk.turn(PeerFound("local:three", ("ipc://three",), "worker"))
    assert not desk.of(Dial)


def test_who_was_greeted_hears_a_farewell_though_its_welcome_has_not_come(desk):
    link = desk.find()
    desk.turn(LinkUp(link))
    desk.machine.dialer.farewell()
    desk.turn()
    assert desk.sent(Bye, link)
    assert desk.of(HangUp) == [HangUp(link, farewell=True)]


def test_a_greeting_goes_on_though_the_peer_was_forgotten(desk):
    link = desk.find()
    desk.turn(LinkUp(link))
    desk.turn(PeerForgotten("local:w"))
    assert not desk.of(HangUp)
    desk.until(200.0)
    assert desk.machine.dialer.peers == {}, "nothing came of it"


def test_people_can_tell_peers_apart(desk):
    desk.open()
    peer = desk.machine.dialer.peers["local:w"]
    assert repr(peer) == "<Peer worker-w alive, link open>"
    assert peer.label == "worker-w#0000"
    desk.find("unknown")
    assert desk.machine.dialer.peers["local:unknown"].label == "local:unknown"
    assert isinstance(desk.of(Notice), list)


def test_only_an_endpoint_that_does_not_answer_is_passed_over(desk):
    desk.turn(PeerFound("local:w", ("ipc://a", "ipc://b"), "worker"))
    link = desk.link_of("w")
    desk.turn(LinkUp(link))
    desk.turn(LinkDown(link))
    desk.until(102.0)
    assert [endpoint for _, endpoint in desk.dials()] == ["ipc://a"], "it was there"
    desk.until(desk.now + 7.0)
    assert [endpoint for _, endpoint in desk.dials()] == ["ipc://b"]
    link = desk.link_of("w")
    desk.turn(LinkUp(link))
    desk.turn(Received(link, [(1, Refused("realm", "no"))]))
    desk.until(desk.now + 5.1)
    assert [endpoint for _, endpoint in desk.dials()] == ["ipc://a"]
