from __future__ import annotations

import pytest
from delivery_desk import CREDIT, DeliveryDesk, destination, endpoint
from desks import node_id

from zmqwork.core import deliverer, neighbours
from zmqwork.core.delivery import Have, Results, ResultsAck, Route
from zmqwork.core.events import Finished, SlotReady
from zmqwork.core.link_events import (
    LinkDown,
    LinkUp,
    PeerForgotten,
    PeerFound,
)
from zmqwork.core.messages import (
    HELD_DONE,
    HELD_RUNNING,
    Bye,
    Cancel,
    Credit,
    Done,
    DoneAck,
    Draining,
    Hello,
    Welcome,
)


@pytest.fixture
def desk():
    return DeliveryDesk()


def found(label, *, key=None, role="sink", at=None):
    node = node_id(label) if role else ""
    return PeerFound(key or f"local:{label}", (endpoint(label),), role, "local", node)


# -- whom it dials --------------------------------------------------------------------------------


def test_nobody_is_dialled_before_the_first_task_for_a_sink(desk):
    desk.turn(found("s1"), found("s2"), found("w", role="worker"), found("any", role=""))
    desk.say(desk.link, desk.tasks(1))
    desk.end(1)
    assert desk.dials() == []
    desk.give(2, at="s1")
    assert desk.dials() == [endpoint("s1"), endpoint("s2"), endpoint("any")]
    desk.turn(found("s3"), found("w2", role="worker"))
    assert desk.dials() == [endpoint("s3")]


def test_what_was_withdrawn_is_not_dialled(desk):
    desk.turn(found("s1"), found("s2"), PeerForgotten("local:s1"), PeerForgotten("local:s9"))
    desk.give(1, at="s2")
    assert desk.dials() == [endpoint("s2")]
    desk.turn(PeerForgotten("local:s2"))
    assert desk.hang_ups() != []


def test_what_was_found_is_remembered_within_a_bound(desk, monkeypatch):
    monkeypatch.setattr(deliverer, "KNOWN_MAX", 2)
    desk.turn(found("s1"), found("s2"), found("s1"), found("s3"))
    desk.give(1, at="")
    assert desk.dials() == [endpoint("s1"), endpoint("s3")], "the oldest word is forgotten"


def test_a_sink_that_nobody_has_found_is_dialled_where_its_tasks_say(desk):
    desk.give(1, 2)
    assert desk.dials() == [endpoint("s")]
    desk.give(3)
    assert desk.dials() == [], "it is being dialled"
    desk.meet()
    desk.give(4)
    assert desk.dials() == [], "it is in session"


def test_whose_key_is_there_is_known_from_the_tasks(desk):
    tasks = desk.tasks_for(1)
    tasks.runs[0].to.fingerprint = "0f1e2d3c4b5a6978"
    desk.say(desk.link, tasks)
    (peer,) = desk.machine._deliverer.dialer.peers.values()
    assert (peer.source, peer.told_fingerprint) == ("exchange", "0f1e2d3c4b5a6978")


@pytest.mark.parametrize(
    ("endpoints", "dialled"),
    [
        (["tcp://sink.example:7000"], []),
        (["tcp://sink.example:7000", "ipc:///run/sink"], ["ipc:///run/sink"]),
        ([], []),
    ],
)
def test_names_are_looked_up_by_nobody_here(desk, endpoints, dialled):
    desk.give(1, endpoints=endpoints)
    assert desk.dials() == dialled


def test_it_does_not_dial_itself(desk):
    desk.give(1, at="w")
    assert desk.dials() == []


def test_a_peer_that_is_no_sink_is_left_alone(desk):
    desk.turn(found("any", role=""))
    desk.give(1, at="")
    link = desk.meet("any", role="worker")
    assert desk.sent(Bye, link) == [Bye()]
    assert desk.hang_ups() == [link]
    desk.until(159.9)
    assert desk.dials() == []
    desk.until(160.0)
    assert desk.dials() == [endpoint("any")], "another process may have taken its place"


# -- results and acks -----------------------------------------------------------------------------


def test_a_task_is_done_when_its_result_is_acked(desk):
    desk.give(1, 2, producer_id="run")
    link = desk.meet()
    desk.end(2, 1)
    (results,) = desk.sent(Results, link)
    (parcel,) = results.parcels
    assert (results.batch, parcel.producer_id, parcel.name) == (1, "run", "f")
    assert (parcel.sink_seqs, parcel.seqs) == ([20, 10], [2, 1])
    assert parcel.values == [b"of 2", b"of 1"]
    assert desk.sent(Done) == []
    desk.ack(link, 1)
    (done,) = desk.sent(Done, desk.link)
    assert (done.seqs, done.attempts, done.values) == ([2, 1], [1, 1], [b"\xc0", b"\xc0"])
    assert done.times == {"f": [2.0, 0.002]}
    account = desk.account()
    assert (account.finished, account.unacked_bytes) == (0, account.outbox_bytes)
    desk.say(desk.link, DoneAck(1))
    assert account.unacked_bytes == 0


def test_failures_go_to_the_producer(desk):
    desk.give(1, 2)
    link = desk.meet()
    desk.end(1, good=False)
    assert desk.results(link) == []
    (done,) = desk.sent(Done, desk.link)
    assert [failure.seq for failure in done.failures] == [1]
    assert desk.outboxes[node_id("s")].count == 0


def test_tasks_with_and_without_a_sink_share_a_chunk():
    desk = DeliveryDesk(slots=1)
    desk.machine._feeder._pace.observe("f", 100, 0.0)
    desk.machine._window.ran(1_000_000, 0.001)
    desk.machine._window.acked(0.1, desk.now)
    link = desk.hello(session=2)
    mixed = [desk.tasks(1), desk.tasks_for(2, 3), desk.tasks(4), desk.tasks_for(5, name="g")]
    desk.machine._feeder._pace.observe("g", 100, 0.0)
    desk.say(link, *mixed)
    desk.say(link, desk.tasks_for(6, at="t"))
    sinks = desk.meet("s"), desk.meet("t")
    desk.finish(1, 2, 3, 4, 5, 6)
    assert desk.results(sinks[0]) == [(1, [2, 3, 5])]
    assert desk.results(sinks[1]) == [(1, [6])]
    assert desk.done() == [1, 4]
    desk.turn(desk.heard(sinks[0], ResultsAck(1)), desk.heard(sinks[1], ResultsAck(1)))
    assert desk.done() == [2, 3, 5, 6]


def test_dropped_attempts_leave_nothing_behind(desk):
    desk.give(1)
    desk.say(desk.link, Cancel([1]))
    desk.turn(Finished(0, [(True, b"")], 0.001))
    assert desk.outboxes == {}
    assert desk.account().finished == 0


def test_what_is_sent_twice_goes_where_it_was_sent_last(desk):
    desk.give(1)
    desk.give(1, attempt=2, numbers=[99], at="t")
    link = desk.meet("t")
    desk.end(1)
    assert desk.numbers_sent(link) == [99]
    desk.ack(link, 1)
    (done,) = desk.sent(Done)
    assert done.attempts == [2]


def test_what_was_not_taken_in_is_not_addressed(desk):
    desk.give(*range(1, 10))
    assert desk.returned() == [("over_credit", [9])]
    desk.give(7, 8, 9, name="what")
    desk.meet()
    desk.end(8)
    assert desk.results() == [(1, [8])]


def test_results_wait_for_credit(desk):
    desk.give(1, 2, 3)
    link = desk.meet(credit=None)
    desk.end(1, 2, 3)
    assert desk.results() == []
    desk.say(link, Credit(2, 1 << 20))
    assert desk.results() == [(1, [1, 2])]
    desk.ack(link, 1)
    assert desk.results() == [(2, [3])]
    assert desk.done() == [1, 2]


def test_a_sink_that_drains_is_sent_nothing_more(desk):
    desk.give(1, 2)
    link = desk.meet()
    desk.end(1)
    desk.say(link, Draining(), Credit(0, 0))
    desk.end(2)
    assert desk.results() == []
    desk.ack(link, 1)
    assert (desk.done(), desk.results()) == ([1], [])
    desk.say(link, Bye())
    assert desk.sent(Bye, link) == [Bye()]
    desk.route(2, at="t")
    link = desk.meet("t")
    assert desk.numbers_sent(link) == [200]


def test_strays_are_counted(desk):
    desk.turn(found("any", role=""))
    desk.give(1)
    link = desk.meet()
    strays = desk.machine._deliverer.dialer.counters
    desk.say(link, Have(1, [1]), Done(1, [1], [1], [b""], [], {}))
    assert strays.strays == 2
    desk.say(desk.link, Results(1, []), ResultsAck(1), Credit(9, 9))
    assert desk.machine.listener.counters.strays == 3
    desk.ack(link, 2**40)
    desk.ack(link, 0)
    assert desk.done() == []


# -- sessions -------------------------------------------------------------------------------------


def test_what_is_not_acked_is_sent_again_in_a_new_session(desk):
    desk.give(1, 2, 3)
    link = desk.meet()
    desk.end(1)
    desk.end(2)
    assert desk.results(link) == [(2, [2])]
    desk.ack(link, 1)
    desk.turn(LinkDown(link))
    assert desk.dials() == [endpoint("s")]
    assert desk.outboxes[node_id("s")].peer is None
    desk.end(3)
    assert desk.results() == []
    again = desk.meet()
    assert desk.results(again) == [(2, [2]), (3, [3])]
    assert desk.done() == []
    desk.ack(again, 3)
    assert desk.done() == [2, 3]


def test_what_ends_in_the_turn_in_which_the_link_vanishes_is_kept(desk):
    desk.give(1)
    link = desk.meet()
    slot = desk.slot_of(1)
    desk.turn(Finished(slot, [(True, b"")], 0.001), LinkDown(link))
    assert desk.results() == []
    assert desk.results(desk.meet()) == [(1, [1])]


@pytest.mark.parametrize("inbox", ["", "orders"])
def test_a_session_that_takes_the_place_of_another_in_one_turn(desk, inbox):
    desk.give(1, 2)
    desk.give(3, inbox="others")
    link = desk.meet(inbox=inbox)
    desk.end(1, 3)
    assert desk.results() == [(1, [1])]
    desk.turn(LinkDown(link))
    second = desk.link_to()
    third = second + 1
    events = []
    for link, claim in (second, inbox), (third, "others"):
        welcome = Welcome(link, node_id("s"), "sink", "s", "realm", 1, sinks=["d"], inbox=claim)
        events += [LinkUp(link), desk.heard(link, welcome), LinkDown(link)]
    desk.turn(*events[:-1])
    assert desk.results(second) == []
    desk.say(third, Credit(*CREDIT))
    assert desk.results(third) == [(1, [3, 1])]
    assert [box.key for box in desk.outboxes.values() if box.peer] == ["inbox others"]


def test_an_outbox_without_results_and_session_is_forgotten(desk):
    desk.give(1, 2)
    link = desk.meet()
    desk.end(1)
    desk.ack(link, 1)
    desk.turn(LinkDown(link))
    assert desk.outboxes == {}
    link = desk.meet()
    desk.end(2)
    assert desk.results(link) == [(2, [2])], "a number is never used again"


def test_an_inbox_may_come_back_as_another_node(desk):
    desk.give(1, 2, inbox="orders")
    link = desk.meet(inbox="orders")
    desk.end(1)
    assert desk.results(link) == [(1, [1])]
    desk.turn(LinkDown(link))
    desk.end(2)
    desk.route(at="t", inbox="orders")
    assert desk.dials() == [endpoint("t")]
    other = desk.meet("t", inbox="orders")
    assert desk.results(other) == [(1, [1]), (2, [2])]
    desk.ack(other, 2)
    assert desk.done() == [1, 2]


def test_nobody_but_its_inbox_gets_a_result(desk):
    desk.give(1, inbox="orders")
    link = desk.meet(inbox="others")
    desk.end(1)
    assert desk.results() == []
    desk.route(at="s", inbox="orders")
    assert desk.results() == [], "whatever the producer says"
    desk.turn(LinkDown(link))
    assert desk.results(desk.meet(inbox="orders")) == [(1, [1])]


def test_results_wait_for_an_inbox_that_nobody_serves(desk):
    desk.give(1, at="", inbox="orders")
    assert desk.dials() == []
    desk.end(1)
    desk.turn(found("s"))
    assert desk.results(desk.meet(inbox="orders")) == [(1, [1])]


def test_of_two_nodes_that_claim_an_inbox_the_newest_session_has_it(desk):
    desk.give(1, 2, inbox="orders")
    old = desk.meet(inbox="orders")
    desk.end(1)
    desk.turn(found("t"))
    new = desk.meet("t", inbox="orders")
    assert desk.results(new) == [(1, [1])]
    desk.ack(old, 1)
    assert desk.done() == []
    desk.end(2)
    assert (desk.results(old), desk.results(new)) == ([], [(2, [2])])
    desk.turn(LinkDown(old))
    desk.ack(new, 2)
    assert desk.done() == [1, 2]


def test_what_is_for_a_node_with_an_inbox_shares_its_memory(desk):
    desk.give(1, 2)
    desk.end(1)
    assert desk.outboxes.keys() == {node_id("s")}
    link = desk.meet(inbox="orders")
    assert desk.outboxes.keys() == {"inbox orders"}
    assert desk.results(link) == [(1, [1])]
    desk.end(2)
    assert desk.results(link) == [(2, [2])]
    desk.live(140.0, link)
    assert "undelivered" not in desk.notices()


def test_what_is_for_a_node_is_not_for_whoever_serves_its_inbox_next(desk):
    desk.give(1, 2)
    desk.give(3, inbox="orders")
    link = desk.meet(inbox="orders")
    desk.end(1, 3)
    assert desk.results(link) == [(1, [1, 3])]
    desk.turn(LinkDown(link))
    desk.turn(found("t"))
    other = desk.meet("t", inbox="orders")
    assert desk.results(other) == [(1, [3])]
    desk.end(2)
    assert desk.results(other) == []
    link = desk.meet(inbox="")
    assert desk.results(link) == [(1, [1, 2])]


def test_a_node_that_has_lost_its_inbox_to_another_gets_nothing_in_this_session(desk):
    desk.give(1, 2)
    old = desk.meet(inbox="orders")
    desk.end(1)
    desk.turn(found("t"))
    new = desk.meet("t", inbox="orders")
    desk.end(2)
    assert desk.results(new) == desk.results(old) == []
    desk.ack(old, 1)
    assert desk.done() == []
    assert desk.outboxes[node_id("s")].count == 2
    desk.turn(LinkDown(old))
    again = desk.meet(inbox="orders")
    assert desk.results(again) == [(2, [1, 2])]


def test_a_node_that_claims_another_inbox_each_time_confuses_nobody(desk):
    desk.give(1, 2, 3)
    link = desk.meet()
    desk.end(1)
    desk.turn(LinkDown(link))
    link = desk.meet(inbox="one")
    assert desk.results(link) == [(1, [1])]
    assert desk.outboxes.keys() == {"inbox one"}
    desk.turn(LinkDown(link))
    assert desk.results(desk.meet(inbox="two")) == [(2, [1])]
    desk.end(2)
    assert desk.results() == [(3, [2])]
    assert {key: box.count for key, box in desk.outboxes.items()} == {"inbox two": 2}


def test_the_inventory_has_what_is_on_its_way(desk):
    desk.give(1, 2, 3, 4)
    link = desk.meet(credit=(1, 1 << 20))
    desk.end(1, 2)
    slot = desk.slot_of(3)
    desk.turn(LinkDown(desk.link))
    desk.turn(
        Finished(slot, [(True, b"")], 0.001),
        desk.heard(b"new", Hello(2, node_id("p"), "producer", "p", "realm", (1, 1))),
    )
    (welcome,) = desk.sent(Welcome, b"new")
    assert welcome.held == [
        [4, 1, HELD_RUNNING],
        [1, 1, HELD_DONE],
        [2, 1, HELD_DONE],
        [3, 1, HELD_DONE],
    ]
    desk.ack(link, 1)
    assert desk.done() == [1]


# -- routes ---------------------------------------------------------------------------------------


def test_a_route_moves_what_has_not_ended(desk):
    desk.give(*range(1, 9))
    desk.route(1, 2, at="t", producer_id="run")
    old, new = desk.meet("s"), desk.meet("t")
    desk.end(1, 2, 3)
    assert desk.numbers_sent(old) == [30]
    assert desk.numbers_sent(new) == [100, 200]
    assert [p.producer_id for r in desk.sent(Results, new) for p in r.parcels] == ["run"]


def test_a_route_moves_what_waits_in_the_queue():
    desk = DeliveryDesk(slots=1, ready=False)
    desk.give(1)
    desk.route(1, at="t")
    link = desk.meet("t")
    desk.turn(SlotReady(0))
    desk.end(1)
    assert desk.numbers_sent(link) == [100]


def test_a_route_moves_results_sent_or_not(desk):
    desk.give(1, 2, 3, 4)
    old = desk.meet(credit=(2, 1 << 20))
    desk.end(1, 2)
    assert desk.results() == [(1, [1, 2])]
    desk.end(3, 4)
    assert desk.results() == []
    desk.route(2, 3, 77, at="t", producer_id="run")
    new = desk.meet("t")
    (results,) = desk.sent(Results, new)
    assert [(p.producer_id, p.sink_seqs, p.seqs) for p in results.parcels] == [
        ("run", [200, 300], [2, 3])
    ]
    desk.ack(old, 1)
    assert (desk.done(), desk.results(old)) == ([1], [(2, [4])])
    desk.ack(new, 1)
    assert desk.done() == [2, 3]
    desk.ack(old, 2)
    assert desk.done() == [4]
    assert desk.account().finished == 0


def test_results_may_get_other_numbers_at_the_same_sink(desk):
    desk.give(1)
    desk.end(1)
    desk.route(1)
    link = desk.meet()
    assert desk.numbers_sent(link) == [100]


def test_a_route_that_says_what_is_so_moves_nothing(desk):
    desk.give(1, 2, 3)
    link = desk.meet(credit=(2, 1 << 20))
    desk.end(1, 2, 3)
    assert desk.results() == [(1, [1, 2])]
    desk.route(1, 2, 3, numbers=[10, 99, 30])
    desk.ack(link, 1)
    assert desk.done() == [1]
    assert sorted(desk.numbers_sent(link)) == [30, 99]


def test_two_results_of_one_task_are_moved_together(desk):
    desk.give(1)
    desk.end(1)
    desk.give(1, attempt=2)
    desk.end(1)
    desk.route(1, numbers=[10])
    assert desk.outboxes[node_id("s")].count == 2
    desk.route(1, at="t")
    assert desk.numbers_sent(desk.meet("t")) == [100, 100]


def test_destinations_that_lie_are_bounded(desk, monkeypatch):
    monkeypatch.setattr(neighbours, "HEARD_MAX", 2)
    for seq, label in enumerate(["s1", "s2", "s3"], 1):
        desk.give(seq, at=label)
    assert len(desk.machine._deliverer.dialer.peers) == 2


def test_what_all_was_moved_away_leaves_no_outbox(desk):
    desk.give(1)
    desk.end(1)
    assert desk.outboxes.keys() == {node_id("s")}
    desk.route(1, at="t")
    assert desk.outboxes.keys() == {node_id("t")}
    desk.live(129.9)
    assert "undelivered" not in desk.notices()


def test_the_time_of_what_was_moved_away_is_not_that_of_what_comes_later(desk):
    desk.give(1, 2)
    desk.end(1)
    desk.live(110.0)
    desk.route(1, at="t")
    link = desk.meet("t")
    desk.ack(link, 1)
    desk.live(120.0, link)
    desk.end(2)
    desk.live(149.9, link)
    assert "undelivered" not in desk.notices()
    desk.live(150.0, link)
    assert desk.returned() == [("undelivered", [2])]


def test_a_task_that_goes_to_its_producer_cannot_be_sent_elsewhere(desk):
    desk.say(desk.link, desk.tasks(1))
    desk.route(1, at="t")
    desk.end(1)
    assert desk.done() == [1]


def test_another_producers_results_are_not_moved(desk):
    other = desk.hello("q")
    desk.give(1)
    desk.end(1)
    desk.route(1, at="t", link=other)
    assert desk.outboxes.keys() == {node_id("s")}


def test_a_route_with_fewer_numbers_than_tasks_moves_those_that_have_one(desk):
    desk.give(1, 2)
    desk.say(desk.link, Route([1, 2], destination(7, at="t")))
    link = desk.meet("t")
    desk.end(1, 2)
    assert desk.numbers_sent(link) == [7]


# -- sinks that are not reached -------------------------------------------------------------------


def test_results_that_nobody_takes_are_given_back(desk):
    desk.give(1, 2, attempt=3)
    desk.end(1, at=102.0)
    desk.end(2, at=110.0)
    desk.live(131.9)
    assert "undelivered" not in desk.notices()
    desk.live(132.0)
    assert desk.returned() == [("undelivered", [1, 2])]
    assert "undelivered" in desk.notices()
    assert desk.outboxes == {}
    assert (desk.account().finished, desk.account().unacked_bytes) == (0, 0)
    assert desk.machine.counters["returned"] == 2


def test_the_time_counts_from_the_end_of_the_session(desk):
    desk.give(1, 2)
    link = desk.meet()
    desk.end(1)
    desk.live(110.0, link)
    desk.turn(LinkDown(link))
    desk.live(120.0)
    link = desk.meet()
    desk.live(121.0, link)
    desk.turn(LinkDown(link))
    desk.live(150.9)
    assert "undelivered" not in desk.notices()
    desk.live(151.0)
    assert desk.returned() == [("undelivered", [1])]


def test_a_session_is_all_that_is_asked_of_a_sink(desk):
    desk.give(1)
    link = desk.meet()
    desk.end(1)
    desk.live(160.0, link)
    assert desk.outboxes[node_id("s")].count == 1
    desk.ack(link, 1)
    assert desk.done() == [1]


def test_what_ends_when_the_time_is_over_is_given_back_with_the_rest(desk):
    desk.give(1, 2)
    slot = desk.slot_of(2)
    desk.end(1)
    desk.live(129.9)
    desk.turn(Finished(slot, [(True, b"")], 30.0), at=130.0)
    assert desk.returned() == [("undelivered", [1, 2])]
    assert desk.outboxes == {}


def test_what_is_moved_when_the_time_is_over_is_not_given_back(desk):
    desk.give(1)
    desk.end(1)
    desk.live(129.9)
    desk.turn(desk.heard(desk.link, Route([1], destination(5, at="t"))), at=130.0)
    assert desk.returned() == []
    assert "undelivered" not in desk.notices()
    assert desk.outboxes.keys() == {node_id("t")}


def test_undelivered_results_of_nobody_are_dropped(desk):
    desk.give(1)
    desk.end(1)
    desk.say(desk.link, Bye())
    desk.until(130.0)
    assert desk.returned() == []
    assert "undelivered" in desk.notices()
    assert desk.outboxes == {}


# -- producers that do not want them any more -----------------------------------------------------


def test_a_cancelled_result_is_delivered_if_it_was_sent_and_not_counted(desk):
    desk.give(1, 2, 3)
    link = desk.meet(credit=(1, 1 << 20))
    desk.end(1, 2, 3)
    assert desk.account().finished == 3
    desk.say(desk.link, Cancel([1, 2, 77]))
    assert desk.account().finished == 1
    assert desk.account().unacked_bytes == desk.machine._deliverer.outboxes.weight // 2
    delivered = []
    for batch in range(1, 4):
        desk.ack(link, batch)
        delivered += desk.numbers_sent(link)
        if desk.done():
            assert desk.done() == [3]
    assert sorted(delivered) == [10, 30], "the first one twice"
    assert desk.outboxes[node_id("s")].count == 0


def test_cancelled_results_do_not_pile_up(desk):
    """A sink that takes its time, and a producer that changes its mind again and again."""
    desk.give(1)
    link = desk.meet(credit=(1, 1 << 20))
    desk.end(1)
    desk.say(desk.link, Cancel([1]))
    for seq in range(2, 20):
        desk.give(seq)
        desk.end(seq)
        desk.say(desk.link, Cancel([seq]))
    assert desk.account().unacked_bytes == 0
    assert desk.outboxes[node_id("s")].count == 1
    desk.ack(link, 1)
    desk.ack(link, 2)
    assert desk.outboxes[node_id("s")].count == 0


def test_what_a_lost_producer_has_finished_is_delivered(desk):
    desk.give(1, 2)
    link = desk.meet(credit=(1, 1 << 20))
    desk.end(1)
    slot = desk.slot_of(2)
    desk.say(desk.link, Bye())
    desk.turn(Finished(slot, [(True, b"")], 0.001))
    assert desk.outboxes[node_id("s")].count == 1, "what had not ended is dropped"
    again = desk.hello(session=2)
    assert desk.sent(Welcome, again)[0].held == []
    desk.ack(link, 1)
    assert desk.sent(Done) == []
    assert desk.outboxes[node_id("s")].count == 0


def test_what_ends_in_the_turn_in_which_its_producer_is_lost_is_delivered(desk):
    desk.give(1)
    slot = desk.slot_of(1)
    desk.turn(Finished(slot, [(True, b"")], 0.001), desk.heard(desk.link, Bye()))
    assert desk.results(desk.meet()) == [(1, [1])]
    assert [bundle.account for bundle in desk.outboxes[node_id("s")]] == [None]


def test_a_sink_is_not_to_blame_for_a_silence_that_nobody_listened_to(desk):
    desk.give(1)
    link = desk.meet()
    desk.turn(at=110.0)
    assert "peer_gone" not in desk.notices()
    desk.end(1)
    assert desk.results(link) == [(1, [1])]


def test_status(desk):
    desk.give(1, 2)
    desk.meet(inbox="orders")
    desk.end(1)
    status = desk.machine._answers.status()
    (sink,) = status["outboxes"]
    assert sink == {
        "name": f"sink-s#{node_id('s')[:4]}",
        "node_id": node_id("s"),
        "inbox": "orders",
        "connected": True,
        "results": 1,
        "bytes": 4,
    }
    assert [producer["finished"] for producer in status["producers"]] == [1]
