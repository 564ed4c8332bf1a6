"""Sinks come and go: what is sent where, and nothing is left behind."""

from __future__ import annotations

import pytest
from desks import ProducerDesk, done, entries, node_id, spec, welcome
from test_stateful_sinks import in_one_place

from zmqwork.core.delivery import Ended, Floor, Has, Have, Route
from zmqwork.core.events import StopRequested, Submitted
from zmqwork.core.link_events import (
    LinkDown,
    LinkUp,
    PeerFound,
    Probed,
)
from zmqwork.core.messages import (
    BATCH_COUNT_MAX,
    FAILED,
    Bye,
    Credit,
    Draining,
    Failure,
    Hello,
    Pong,
    Return,
    Started,
)

OUT = spec(sink="out", max_retries=1, retry_backoff=50.0)
BOX = spec(inbox="box")


@pytest.fixture
def desk():
    desk = ProducerDesk()
    desk.watch = lambda: in_one_place(desk.machine)
    return desk


# -- the first way --------------------------------------------------------------------------------


def test_a_task_waits_for_its_sink_and_is_told_where_to_go(desk):
    link = desk.open()
    (task,) = desk.submit(1, of=OUT)
    assert desk.given() == []
    desk.open_sink()
    assert desk.destined(link) == {1: ("s", 1)}
    assert (task.sink_seq, task.state) == (1, "dispatched")
    desk.say(link, done(1, (1, 1)))
    assert desk.settled() == [(1, "succeeded")]
    assert (desk.outlet().open, desk.outlet().succeeded) == ({}, 1)


def test_a_task_keeps_its_number_over_its_attempts(desk):
    link = desk.open()
    desk.open_sink()
    desk.submit(1, of=OUT)
    desk.say(link, Return("recalled", [1], [1]))
    assert desk.given() == [(1, 2)]
    assert desk.destined() == {1: ("s", 1)}


def test_a_worker_that_knows_no_sinks_is_given_other_tasks_alone(desk):
    """It would run the task, and send its result back to the producer."""
    older = desk.open("older", credit=9, slots=9, can=[])
    desk.open_sink()
    desk.submit(1, of=OUT)
    desk.submit(2)
    assert desk.given(older) == [(2, 1)]
    newer = desk.open("newer", can=["something", "deliver"])
    assert desk.destined(newer) == {1: ("s", 1)}


def test_a_worker_that_turned_out_not_to_know_one_task_brings_results_of_others(desk):
    link = desk.open(credit=9, slots=9)
    desk.open_sink()
    desk.submit(1, of=spec("g"))
    unknown = {"type": "UnknownTask", "text": ""}
    desk.say(link, done(1, failures=[Failure(1, 1, "rejected", unknown)]))
    desk.submit(2, of=OUT)
    assert desk.destined(link) == {2: ("s", 1)}


def test_a_sink_of_another_name_is_no_sink(desk):
    desk.open()
    desk.open_sink(sinks=["other"])
    desk.submit(1, of=OUT)
    assert desk.given() == []


def test_a_sink_for_its_inbox_alone_needs_no_name(desk):
    desk.open()
    desk.open_sink(sinks=[], inbox="box")
    desk.submit(1, of=BOX)
    assert desk.destined() == {1: ("box", 1)}


def test_several_sinks_share_what_one_worker_is_given(desk):
    desk.open_sink("s")
    desk.open_sink("t")
    desk.machine._books.pace.observe("f", 100, 0.0)
    link = desk.open(credit=40, slots=1)
    desk.submit(*range(1, 41), of=OUT)
    found = desk.destined(link)
    for sink in ("s", "t"):
        numbers = [number for where, number in found.values() if where == sink]
        assert sorted(numbers) == list(range(1, len(numbers) + 1))
        assert len(numbers) > 8
    assert len(desk.machine._ledger) == 40


def test_nothing_new_is_given_for_a_sink_in_doubt(desk):
    link = desk.open()
    desk.open_sink()
    desk.until(101.9)
    desk.say(link, Pong(0))
    desk.until(102.0)
    assert desk.state_of("s") == "suspect"
    desk.submit(1, of=OUT)
    assert desk.given() == []
    desk.say(desk.link_of("s"), Pong(0))
    assert desk.destined() == {1: ("s", 1)}


def test_nor_for_one_that_drains(desk):
    worker = desk.open()
    link = desk.open_sink("s")
    desk.say(link, Draining())
    desk.submit(1, of=OUT)
    assert desk.given() == []
    desk.until(102.0)
    desk.turn(desk.heard(link, Pong(0)), desk.heard(worker, Pong(0)))
    assert not desk.outlet().usable, "it still drains when it is heard again"
    desk.open_sink("t")
    assert desk.destined() == {1: ("t", 1)}


# -- a plain sink is lost -------------------------------------------------------------------------


def test_what_a_worker_has_is_sent_elsewhere(desk):
    desk.open_sink("s")
    link = desk.open(credit=2, slots=2)
    queued, started = desk.submit(1, 2, of=OUT)
    desk.say(link, Started([2], [1]))
    desk.open_sink("t")
    desk.lose("s")
    assert desk.routed(link) == {1: ("t", 1), 2: ("t", 2)}
    assert (queued.state, started.state) == ("dispatched", "started")
    assert desk.outlet("s").open == {}
    desk.say(link, done(1, (1, 1), (2, 1)))
    assert [state for _, state in desk.settled()] == ["succeeded"] * 2


def test_without_another_one_it_stays_until_one_comes(desk):
    desk.open_sink("s")
    link = desk.open()
    (task,) = desk.submit(1, of=OUT)
    desk.lose("s")
    assert desk.sent(Route) == []
    assert task.outlet is desk.outlet("s")
    desk.open_sink("t")
    assert desk.routed(link) == {1: ("t", 1)}


def test_or_until_one_that_was_silent_is_heard_again(desk):
    """It was usable again, and what hung at the lost one hung there until its worker gave it up."""
    desk.open_sink("s")
    link = desk.open()
    desk.submit(1, of=OUT)
    desk.open_sink("t")
    desk.until(101.5)
    desk.say(link, Pong(0))
    desk.say(desk.link_of("s"), Pong(0))
    desk.until(102.0)
    assert desk.state_of("t") == "suspect"
    desk.lose("s")
    assert desk.sent(Route) == []
    desk.say(desk.link_of("t"), Pong(0))
    assert desk.routed(link) == {1: ("t", 1)}


def test_or_until_it_is_back_itself(desk):
    desk.open_sink("s")
    link = desk.open()
    (task,) = desk.submit(1, of=OUT)
    desk.lose("s")
    desk.greet_sink("s")
    assert desk.sent(Route) == []
    assert (task.outlet, task.sink_seq) == (desk.outlet("s"), 1)
    desk.say(link, done(1, (1, 1)))
    assert desk.settled() == [(1, "succeeded")]
    desk.submit(2, of=OUT)
    assert desk.destined() == {2: ("s", 2)}, "the same outlet, which counts on"


def test_what_waits_gets_another_one_when_it_is_dispatched(desk):
    desk.open_sink("s")
    link = desk.open(credit=1)
    waiting, resting = desk.submit(1, 2, of=OUT)
    desk.say(link, done(1, failures=[Failure(1, 1, FAILED, {"type": "E", "text": ""})]))
    desk.say(link, Credit(0, 1 << 20), Return("recalled", [2], [1]))
    assert (waiting.state, resting.state) == ("resting", "waiting")
    desk.open_sink("t")
    desk.lose("s")
    assert desk.sent(Route) == []
    desk.say(link, Credit(2, 1 << 20))
    assert desk.destined() == {2: ("t", 1)}
    desk.say(link, done(2, (2, 2)))
    desk.until(150.5)


def test_only_a_sink_that_is_given_up_loses_what_it_had(desk):
    """A short blink of all links: the first that is back must not get what the others have."""
    desk.open_sink("s")
    link = desk.open()
    (task,) = desk.submit(1, of=OUT)
    desk.open_sink("t")
    desk.turn(LinkDown(desk.link_of("s")), LinkDown(desk.link_of("t")))
    desk.greet_sink("t")
    assert desk.sent(Route) == []
    desk.greet_sink("s")
    assert task.outlet is desk.outlet("s")
    desk.say(link, done(1, (1, 1)))


def test_a_sink_that_leaves_is_lost_too(desk):
    sink = desk.open_sink("s")
    link = desk.open()
    desk.submit(1, of=OUT)
    desk.open_sink("t")
    desk.say(sink, Draining())
    assert desk.sent(Route) == [], "it takes what is under way"
    desk.say(sink, Bye())
    assert desk.routed(link) == {1: ("t", 1)}


def test_another_process_at_the_same_address_is_another_outlet(desk):
    """Its peer is the same object: what it says must not reach the outlet of the old process."""
    desk.open_sink("s")
    link = desk.open()
    (task,) = desk.submit(1, of=OUT)
    desk.turn(LinkDown(desk.link_of("s")))
    sink = desk.greet_sink("s", node="n")
    old, new = desk.outlet("s"), desk.outlet("n")
    assert desk.routed(link) == {1: ("n", 1)}
    assert (old.session, old.gone, new.usable) == (None, True, True)
    desk.say(sink, Draining())
    assert (new.server.draining, old.server.draining) == (True, False)
    desk.until(103.0)
    assert desk.sent(Floor) == []
    assert task.outlet is new


def test_a_worker_may_come_where_a_sink_was(desk):
    desk.open_sink("s")
    desk.lose("s")
    link = desk.link_of("s")
    desk.turn(LinkUp(link))
    (hello,) = desk.sent(Hello, link)
    desk.say(link, welcome("w", hello.session))
    assert (desk.state_of("s"), desk.outlet("s").session) == ("alive", None)
    desk.lose("s")
    assert desk.machine.counters["lost_workers"] == 1


def test_a_node_that_says_now_this_now_that_harms_nobody_else(desk):
    desk.open_sink("s")
    worker = desk.open()
    desk.submit(1, of=OUT)
    desk.turn(LinkDown(desk.link_of("s")))
    desk.greet("s")
    assert (desk.outlet("s").session, desk.outlet("s").state) == (None, "lost")
    desk.open_sink("t")
    assert desk.routed(worker) == {1: ("t", 1)}
    desk.turn(LinkDown(desk.link_of("s")))
    desk.greet_sink("s")
    assert desk.machine.counters["lost_workers"] == 1
    assert desk.outlet("s").usable
    desk.lose("s")
    assert not desk.outlet("s").usable


def test_many_that_are_moved_are_told_in_batches(desk):
    desk.watch = None
    count = BATCH_COUNT_MAX + 3
    desk.open_sink("s")
    link = desk.open(credit=count, slots=count)
    desk.submit(*range(1, count + 1), of=OUT)
    desk.turn()
    desk.open_sink("t")
    desk.lose("s")
    assert [len(route.seqs) for route in desk.sent(Route, link)] == [BATCH_COUNT_MAX, 3]
    assert len(desk.routed(link)) == count


# -- workers that were away -----------------------------------------------------------------------


def test_a_worker_that_was_away_is_told_when_it_is_back(desk):
    desk.open_sink("s")
    link = desk.open(credit=2, slots=2)
    desk.submit(1, 2, of=OUT)
    desk.open_sink("t")
    desk.turn(LinkDown(link))
    desk.lose("s")
    assert desk.sent(Route) == []
    link = desk.greet(held=[[1, 1, 1], [2, 1, 0]], slots=2)
    assert desk.routed(link) == {1: ("t", 1), 2: ("t", 2)}


def test_one_that_was_taken_for_lost_is_told_as_well(desk):
    desk.open_sink("s")
    desk.open()
    (task,) = desk.submit(1, of=OUT)
    desk.lose("w")
    desk.open_sink("t")
    desk.lose("s")
    assert task.state == "waiting"
    link = desk.greet("w", held=[[1, 1, 1]])
    assert desk.routed(link) == {1: ("t", 1)}
    assert task.state == "started"


def test_a_worker_is_told_nothing_if_nothing_was_moved(desk):
    desk.open_sink("s")
    link = desk.open()
    desk.submit(1, of=OUT)
    desk.turn(LinkDown(link))
    desk.greet(held=[[1, 1, 1]])
    assert desk.sent(Route) == []


def test_what_goes_back_to_the_producer_is_moved_nowhere(desk):
    desk.open_sink("s")
    link = desk.open(credit=2, slots=2)
    desk.submit(1, of=spec())
    desk.submit(2, of=OUT)
    desk.open_sink("t")
    desk.lose("s")
    assert desk.routed(link) == {2: ("t", 1)}
    desk.turn(LinkDown(link))
    link = desk.greet(held=[[1, 1, 1], [2, 1, 1]], slots=2)
    assert desk.routed(link) == {2: ("t", 1)}


# -- inboxes --------------------------------------------------------------------------------------


def test_an_inbox_keeps_what_it_has_whoever_serves_it(desk):
    desk.open_sink("s", inbox="box")
    link = desk.open()
    (task,) = desk.submit(1, of=BOX)
    desk.open_sink("t")
    desk.lose("s")
    assert desk.sent(Route) == []
    desk.open_sink("u", inbox="box")
    (route,) = desk.sent(Route, link)
    assert (route.seqs, route.to.node_id, route.to.inbox) == ([], node_id("u"), "box")
    assert (task.outlet.id, task.sink_seq) == ("box", 1)


def test_a_plain_task_leaves_an_inbox_that_is_gone(desk):
    desk.open_sink("s", inbox="box")
    link = desk.open(credit=2, slots=2)
    desk.submit(1, of=OUT)
    desk.submit(2, of=BOX)
    assert desk.outlet("box").next == 3
    desk.open_sink("t")
    desk.lose("s")
    assert desk.routed(link) == {1: ("t", 1)}
    assert list(desk.outlet("box").open) == [2]


def test_the_same_node_in_a_new_session_is_no_news(desk):
    desk.open_sink("s", inbox="box")
    desk.open()
    desk.submit(1, of=BOX)
    desk.renew_sink("s", inbox="box")
    assert desk.sent(Route) == []


def test_what_an_inbox_has_need_not_be_begun(desk):
    """A run that is started again: some were submitted before the sink was met, some after."""
    before = desk.submit(1, 2, 3, of=BOX)
    desk.open_sink(inbox="box", taken=[[1, 2], [5, 5]])
    assert desk.settled() == [(1, "succeeded"), (2, "succeeded")]
    after = desk.submit(4, 5, of=BOX)
    assert desk.settled() == [(5, "succeeded")]
    assert [e.attempt for e in (*before, *after)] == [0] * 5
    assert before[0].value == b"\xc0"
    desk.open(credit=9, slots=9)
    assert desk.destined() == {3: ("box", 3), 4: ("box", 4)}
    assert desk.outlet("box").succeeded == 3


def test_what_rests_is_settled_by_what_the_sink_has(desk):
    desk.open_sink("s")
    link = desk.open()
    desk.submit(1, of=OUT)
    desk.say(link, done(1, failures=[Failure(1, 1, FAILED, {"type": "E", "text": ""})]))
    desk.renew_sink("s", taken=[[1, 1]])
    assert desk.settled() == [(1, "succeeded")]
    assert ("rest", 1) not in desk.machine._timers


def test_what_runs_is_not_settled_by_it(desk):
    desk.open_sink("s")
    link = desk.open()
    (task,) = desk.submit(1, of=OUT)
    desk.renew_sink("s", taken=[[1, 1]])
    assert task.state == "dispatched"
    desk.say(link, done(1, (1, 1)))
    assert desk.settled() == [(1, "succeeded")]


def test_numbers_that_are_given_out_of_order(desk):
    made = entries(1, 2, 3, 4, of=BOX)
    for entry, number in zip(made, (7, 3, 9, 3), strict=True):
        entry.sink_seq = number
    desk.turn(Submitted(made))
    desk.open_sink(inbox="box", taken=[[9, 9]])
    assert desk.settled() == [(3, "succeeded")]
    link = desk.open(credit=9, slots=9)
    assert desk.destined() == {1: ("box", 7), 2: ("box", 3), 4: ("box", 3)}
    desk.say(link, done(1, (1, 1), (2, 1), (4, 1)))
    assert len(desk.settled()) == 3
    desk.until(103.0)
    assert desk.sent(Floor) == []


def test_two_tasks_of_one_number_whose_worker_is_lost(desk):
    made = entries(1, 2, of=BOX)
    for entry in made:
        entry.sink_seq = 5
    desk.turn(Submitted(made))
    sink = desk.open_sink(inbox="box")
    desk.open(credit=2, slots=2)
    desk.lose("w")
    (have,) = desk.sent(Have)
    assert have.sink_seqs == [5, 5]
    desk.say(sink, Has(have.request, [2, 2]))
    assert desk.settled() == [(1, "succeeded"), (2, "succeeded")]


# -- several nodes of one inbox -------------------------------------------------------------------


def test_the_newest_node_of_an_inbox_serves_it(desk):
    """As when a sink is replaced while it runs: the old one goes when the new one is there."""
    link = desk.open(credit=2, slots=2)
    desk.open_sink("old", inbox="box")
    desk.submit(1, of=BOX)
    desk.open_sink("new", inbox="box")
    assert [route.to.node_id for route in desk.sent(Route, link)] == [node_id("new")]
    desk.lose("old")
    desk.submit(2, of=BOX)
    assert desk.destined() == {2: ("box", 2)}
    assert desk.outlet("box").server.welcome.node_id == node_id("new")


@pytest.mark.parametrize("how", ["lost", "suspect", "draining", "left"])
def test_the_other_one_takes_over_when_it_goes_first(desk, how):
    """Whichever was met last."""
    link = desk.open(credit=2, slots=2)
    desk.open_sink("new", inbox="box")
    old = desk.open_sink("old", inbox="box")
    desk.submit(1, of=BOX)
    if how == "lost":
        desk.lose("old")
    elif how == "suspect":
        desk.turn(LinkDown(old))
    else:
        desk.say(old, Draining() if how == "draining" else Bye())
    assert [route.to.node_id for route in desk.sent(Route, link)] == [node_id("new")]
    desk.submit(2, of=BOX)
    assert desk.destined() == {2: ("box", 2)}
    desk.until(desk.now + 1.9)
    assert desk.outlet("box").server.welcome.node_id == node_id("new")


def test_an_old_one_that_is_in_doubt_is_not_mistaken_for_the_new_one(desk):
    desk.open()
    old = desk.open_sink("old", inbox="box")
    desk.turn(LinkDown(old))
    desk.open_sink("new", inbox="box")
    desk.submit(1, of=BOX)
    assert desk.destined() == {1: ("box", 1)}
    desk.until(101.5)
    assert desk.state_of("old") == "lost"
    assert desk.outlet("box").usable


def test_both_in_doubt_the_first_that_is_heard_serves(desk):
    worker = desk.open()
    first, second = (desk.open_sink(label, inbox="box") for label in ("one", "two"))
    desk.until(102.0)
    desk.say(worker, Pong(0))
    assert not desk.outlet("box").usable
    desk.submit(1, of=BOX)
    desk.say(first, Pong(0))
    assert desk.destined() == {1: ("box", 1)}
    assert desk.outlet("box").server.welcome.node_id == node_id("one")
    desk.say(second, Pong(0))
    assert desk.outlet("box").server.welcome.node_id == node_id("one")


def test_a_second_node_that_drains_does_not_serve_later(desk):
    second = desk.open_sink("second", inbox="box")
    desk.open_sink("first", inbox="box")
    desk.say(second, Draining())
    desk.lose("first")
    assert not desk.outlet("box").usable


def test_only_who_serves_an_inbox_is_believed(desk):
    old = desk.open_sink("old", inbox="box")
    desk.open_sink("new", inbox="box")
    strays = desk.machine.dialer.counters.strays
    desk.say(old, Has(1, []), Ended(1, []))
    assert desk.machine.dialer.counters.strays == strays + 2


# -- strangers ------------------------------------------------------------------------------------


def test_what_no_sink_says_is_counted(desk):
    link = desk.open_sink()
    worker = desk.open()
    desk.say(link, Started([1], [1]))
    desk.say(worker, Has(1, []))
    assert desk.machine.dialer.counters.strays == 2


def test_a_peer_that_was_never_met_is_no_loss(desk):
    desk.turn(PeerFound("static:x", ("tcp://127.0.0.1:1",), ""))
    peer = desk.machine.dialer.peers["static:x"]
    for told in ("suspected", "revived", "lost"):
        getattr(desk.machine._shipping, told)(peer, desk.now)


def test_one_node_by_two_addresses_is_lost_once(desk):
    desk.open_sink("s")
    desk.turn(LinkDown(desk.link_of("s")))
    desk.find("other", role="sink")
    desk.greet_sink("other", node="s")
    desk.open()
    desk.submit(1, of=OUT)
    assert desk.destined() == {1: ("s", 1)}
    desk.turn(Probed("local:s", gone=True))
    assert desk.outlet("s").usable
    desk.lose("other")
    assert not desk.outlet("s").usable


def test_stop_in_every_state(desk):
    desk.open_sink("s")
    sink = desk.open_sink("box", inbox="box")
    link = desk.open(credit=3, slots=3)
    away = desk.open("away", credit=1, slots=1)
    desk.submit(1, 2, 3, 4, of=OUT)
    desk.say(link, done(1, failures=[Failure(1, 1, FAILED, {"type": "E", "text": ""})]))
    desk.say(link, Started([2], [1]))
    desk.submit(5, 6, 7, of=BOX)
    desk.turn(LinkDown(away), Probed("local:away", gone=True))
    desk.turn(LinkDown(sink))
    states = {entry.state for entry in desk.machine._ledger}
    assert states == {"resting", "started", "dispatched", "asked", "waiting"}
    desk.turn(StopRequested())
    assert len(desk.settled()) == 7
    desk.submit(8, of=BOX)
    assert desk.settled() == [(8, "cancelled")]
    desk.until(110.0)
    assert desk.machine.deadline() is None


def test_submitted_behind_the_stop_though_it_is_done(desk):
    desk.open_sink(inbox="box", taken=[[1, 1]])
    desk.turn(StopRequested())
    desk.submit(1, of=BOX)
    assert desk.settled() == [(1, "cancelled")]


def test_a_link_that_comes_up_again_is_asked_nothing(desk):
    """Nothing was in doubt."""
    desk.open_sink()
    desk.turn(LinkDown(desk.link_of("s")))
    desk.turn(LinkUp(desk.link_of("s")))
    assert desk.sent(Have) == []
