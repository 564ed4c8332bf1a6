"""Floors, and the end."""

from __future__ import annotations

from dataclasses import replace

import pytest
from desks import ProducerDesk, done, node_id, spec
from durable_desk import DurableDesk, legacy

from zmqwork.core.delivery import End, Ended, Floor
from zmqwork.core.effects import Answer
from zmqwork.core.events import CancelRequested, EndRequested, StopRequested
from zmqwork.core.link_events import LinkDown
from zmqwork.core.messages import Bye, Credit, Pong, Return
from zmqwork.core.records import Recorded

OUT = spec(sink="out")
BOX = spec(inbox="box")


@pytest.fixture
def desk():
    return ProducerDesk()


def answers(desk):
    return {answer.request: answer.value for answer in desk.of(Answer)}


def work(desk, count, of=OUT, label="w"):
    """So many tasks are done; the worker is left with credit for more."""
    first = desk.machine._ledger.newest + 1
    link = desk.open(label, credit=count, slots=count)
    desk.submit(*range(first, first + count), of=of)
    desk.say(link, done(1, *[(seq, 1) for seq, _ in desk.given()]))
    return link


# -- floors ---------------------------------------------------------------------------------------


def test_what_is_settled_is_told_now_and_then(desk):
    sink = desk.open_sink()
    link = desk.open(credit=3, slots=3)
    desk.submit(1, 2, 3, of=OUT)
    desk.turn(CancelRequested([1], "request"))
    desk.until(101.0)
    assert desk.sent(Floor, sink) == [Floor(2)]
    desk.say(link, done(1, (3, 1)))
    desk.until(102.1)
    assert desk.sent(Floor) == [], "2 is open"
    desk.say(link, done(2, (2, 1)))
    desk.say(sink, Pong(0))
    desk.until(103.1)
    assert desk.sent(Floor) == [Floor(4)]
    for at in (104.5, 106.0):
        desk.say(sink, Pong(0), at=at)
    assert desk.sent(Floor) == []


def test_a_new_session_is_told_again(desk):
    """An inbox may have forgotten it with the process that served it."""
    desk.open_sink(inbox="box")
    work(desk, 2)
    desk.until(101.0)
    assert desk.sent(Floor) == [Floor(3)]
    sink = desk.renew_sink("s", node="t", inbox="box")
    desk.until(102.0)
    assert desk.sent(Floor, sink) == [Floor(3)]


def test_nobody_is_told_when_nobody_is_there(desk):
    desk.open_sink()
    work(desk, 2)
    desk.lose("w")
    desk.lose("s")
    desk.until(102.0)
    assert ("floors", None) not in desk.machine._timers
    sink = desk.greet_sink()
    desk.until(103.1)
    assert desk.sent(Floor, sink) == [Floor(3)]


def test_a_floor_does_not_pass_what_was_moved_and_is_open(desk):
    """Its worker may deliver it to the first sink still, which would take it for a duplicate."""
    desk.open_sink("s")
    link = desk.open(credit=3, slots=3)
    desk.submit(1, 2, 3, of=OUT)
    desk.turn(CancelRequested([1], "request"))
    desk.open_sink("t")
    desk.lose("s")
    assert desk.routed(link) == {2: ("t", 1), 3: ("t", 2)}
    sink = desk.greet_sink("s")
    desk.until(102.0)
    assert desk.sent(Floor, sink) == [Floor(2)]
    desk.say(link, done(1, (2, 1), (3, 1)))
    desk.say(sink, Pong(0))
    desk.until(103.1)
    assert desk.sent(Floor, sink) == [Floor(4)]


def test_a_run_leaves_its_holes_open():
    desk = ProducerDesk(producer_id="run-7")
    desk.open_sink(inbox="box")
    work(desk, 2, of=BOX)
    desk.until(103.0)
    assert ("floors", None) not in desk.machine._timers


# -- the end --------------------------------------------------------------------------------------


def test_the_end_is_told_and_answered(desk):
    one, two = desk.open_sink("s"), desk.open_sink("box", inbox="box", sinks=[])
    desk.open_sink("unused", sinks=["other"])
    desk.say(work(desk, 2), Credit(0, 0))
    work(desk, 3, of=BOX, label="v")
    desk.submit(6, of=BOX)
    desk.turn(CancelRequested([6], "request"))
    desk.turn(EndRequested("end", 10.0))
    assert desk.sent(End, one) == [End(2, 2)]
    assert desk.sent(End, two) == [End(4, 3)]
    assert len(desk.sent(End)) == 2
    desk.say(two, Ended(3, [[4, 4]]))
    assert answers(desk) == {}
    desk.say(one, Ended(2, []))
    s, box = answers(desk)["end"]
    assert s == {
        "sink": "sink-s#0000", "inbox": "", "count": 2, "succeeded": 2, "taken": 2, "missing": [],
    }  # fmt: skip
    assert box == {
        "sink": "sink-box#0000 (inbox box)", "inbox": "box", "count": 4, "succeeded": 3, "taken": 3,
        "missing": [[4, 4]],
    }  # fmt: skip
    assert ("ended", None) not in desk.machine._timers
    desk.say(one, Ended(2, []))
    assert answers(desk) == {}


def test_a_later_process_with_a_journal_says_which_numbers_are_its_own():
    desk = DurableDesk(legacy(epoch=2))
    desk.open_sink()
    link = desk.open(credit=2, slots=2)
    desk.file(1, 2, of=OUT)
    desk.say(link, done(1, (1, 1), (2, 1)))
    desk.write()
    desk.turn(EndRequested("request", 5.0))
    assert desk.sent(End) == [End(2**32 + 2, 2, [[2**32 + 1, 2**32 + 2]])]
    desk.until(desk.now + 5.0)
    (report,) = answers(desk)["request"]
    assert (report["count"], report["succeeded"]) == (2, 2)


def test_an_inbox_remembers_the_numbers_of_the_process_before():
    left = legacy(epoch=2)
    left.inboxes["box"] = 7
    desk = DurableDesk(left)
    desk.open_sink(inbox="box", taken=[[1, 5]])
    link = desk.open(credit=1, slots=1)
    desk.file(1, of=BOX)
    desk.say(link, done(1, (1, 1)))
    desk.write()
    desk.turn(EndRequested("request", 5.0))
    assert desk.sent(End) == [End(2**32 + 1, 1, [[1, 7], [2**32 + 1, 2**32 + 1]])]
    desk.until(desk.now + 5.0)
    (report,) = answers(desk)["request"]
    assert (report["count"], report["succeeded"]) == (8, 1)


def test_what_older_processes_have_numbered_counts_with_what_succeeds_of_it():
    bound = replace(BOX, inbox="box")
    tasks = [Recorded(bound, seq, b"", number) for seq, number in ((1, 3), (2, 2**32 + 2))]
    left = legacy(*tasks, epoch=3)
    left.inboxes["box"] = 2**32 + 4
    desk = DurableDesk(left)
    desk.open_sink(inbox="box")
    link = desk.open(credit=2, slots=2)
    desk.say(link, done(1, (1, 1), (2, 1)))
    desk.write()
    desk.turn(EndRequested("request", 5.0))
    assert desk.sent(End) == [End(2**32 + 4, 2, [[1, 3], [2**32 + 1, 2**32 + 4]])]


def test_without_sinks_there_is_nothing_to_wait_for(desk):
    desk.turn(EndRequested("end", 10.0))
    assert answers(desk) == {"end": []}
    desk.open_sink()
    desk.turn(EndRequested("again", 10.0))
    assert answers(desk) == {"again": []}


def test_those_that_got_nothing_are_told_if_they_are_meant(desk):
    one, two = desk.open_sink("s"), desk.open_sink("box", inbox="box", sinks=[])
    other = desk.open_sink("unused", sinks=["other"])
    work(desk, 2)
    desk.turn(EndRequested("end", 10.0, ["box", node_id("s")]))
    assert (desk.sent(End, one), desk.sent(End, two)) == ([End(2, 2)], [End(0, 0)])
    assert desk.sent(End, other) == []
    desk.say(one, Ended(2, []))
    desk.say(two, Ended(0, []))
    assert [sink["count"] for sink in answers(desk)["end"]] == [2, 0]


def test_patience_ends(desk):
    sink = desk.open_sink()
    work(desk, 1)
    desk.turn(EndRequested("end", 3.0))
    desk.until(102.99)
    assert answers(desk) == {}
    desk.until(103.0)
    [said] = answers(desk)["end"]
    assert (said["taken"], said["missing"]) == (None, [])
    desk.say(sink, Ended(1, []))
    assert answers(desk) == {}


def test_no_patience_at_all(desk):
    desk.open_sink()
    work(desk, 1)
    desk.turn(EndRequested("end", 0.0))
    assert answers(desk)["end"][0]["taken"] is None


def test_who_is_away_is_told_when_it_is_back(desk):
    desk.open_sink(inbox="box")
    work(desk, 1, of=BOX)
    desk.lose("s")
    desk.turn(EndRequested("end", 60.0))
    assert desk.sent(End) == []
    desk.until(110.0)
    sink = desk.greet_sink("s", node="t", inbox="box")
    assert desk.sent(End, sink) == [End(1, 1)]
    desk.say(sink, Ended(1, []))
    assert answers(desk)["end"][0]["taken"] == 1
    desk.renew_sink("s", inbox="box")
    assert desk.sent(End) == [], "that is over"


def test_who_is_in_doubt_is_waited_for(desk):
    desk.open_sink()
    work(desk, 1)
    desk.turn(LinkDown(desk.link_of("s")))
    desk.turn(EndRequested("end", 60.0))
    assert answers(desk) == {}
    sink = desk.greet_sink()
    assert desk.sent(End, sink) == [End(1, 1)]


@pytest.mark.parametrize("before", [True, False])
def test_a_plain_sink_that_is_lost_is_not_waited_for(desk, before):
    desk.open_sink()
    work(desk, 1)
    if before:
        desk.lose("s")
    desk.turn(EndRequested("end", 60.0))
    if not before:
        assert answers(desk) == {}
        desk.lose("s")
    assert [said["taken"] for said in answers(desk)["end"]] == [None]
    assert ("ended", None) not in desk.machine._timers


@pytest.mark.parametrize("before", [True, False])
def test_an_inbox_that_left_is_not_waited_for(desk, before):
    """It had all that it expected, perhaps."""
    sink = desk.open_sink(inbox="box")
    work(desk, 1, of=BOX)
    if before:
        desk.say(sink, Bye())
    desk.turn(EndRequested("end", 60.0))
    if not before:
        assert answers(desk) == {}
        desk.say(sink, Bye())
    assert [said["taken"] for said in answers(desk)["end"]] == [None]
    assert ("ended", None) not in desk.machine._timers


def test_an_inbox_that_was_never_met_has_nothing_to_say(desk):
    desk.submit(1, of=BOX)
    desk.turn(CancelRequested([1], "request"))
    desk.turn(EndRequested("end", 60.0))
    [said] = answers(desk)["end"]
    assert (said["inbox"], said["count"], said["succeeded"], said["taken"]) == ("box", 1, 0, None)


def test_one_that_left_with_its_answer_is_in_the_report(desk):
    one, two = desk.open_sink("s"), desk.open_sink("t")
    work(desk, 12)
    assert [desk.outlet(s).succeeded > 0 for s in "st"] == [True, True]
    desk.turn(EndRequested("end", 60.0))
    desk.say(one, Ended(5, []), Bye())
    desk.say(two, Ended(7, []))
    assert [said["taken"] for said in answers(desk)["end"]] == [5, 7]


def test_several_who_ask_are_answered_together(desk):
    sink = desk.open_sink()
    work(desk, 1)
    desk.turn(EndRequested("one", 5.0), EndRequested("two", 10.0))
    desk.say(sink, Ended(1, []))
    assert answers(desk)["one"] == answers(desk)["two"]


# -- leaving --------------------------------------------------------------------------------------


def test_who_leaves_says_that_no_more_comes(desk):
    sink = desk.open_sink()
    away = desk.open_sink("box", inbox="box", sinks=[])
    work(desk, 2)
    desk.submit(3, of=BOX)
    desk.submit(4, of=OUT)
    desk.turn(LinkDown(away))
    desk.turn(StopRequested())
    told = [type(message) for message in desk.sent(object, sink)]
    assert told == [End, Bye]
    assert desk.sent(End) == [End(3, 2)]
    desk.until(110.0)
    assert desk.machine.deadline() is None


def test_who_waits_for_the_end_is_answered_by_the_stop(desk):
    desk.open_sink()
    work(desk, 1)
    desk.turn(EndRequested("end", 60.0))
    desk.turn(StopRequested())
    assert answers(desk)["end"][0]["taken"] is None
    desk.turn(EndRequested("late", 60.0))
    assert answers(desk)["late"][0]["count"] == 1
    assert desk.sent(End) == []


def test_what_went_elsewhere_is_said_to_be_nowhere(desk):
    """Its DONE may be about the sink that it was to go to first: that had it, and was lost."""
    desk.open_sink("s")
    link = desk.open(credit=2, slots=2)
    desk.submit(1, 2, of=OUT)
    desk.say(link, Return("recalled", [1], [1]))
    desk.open_sink("t")
    desk.lose("s")
    desk.say(link, done(1, (1, 2), (2, 1)))
    counts = {sink: desk.outlet(sink) for sink in "st"}
    assert [(o.next - 1, o.succeeded) for o in counts.values()] == [(2, 0), (2, 0)]
    assert counts["t"].id == node_id("t")
