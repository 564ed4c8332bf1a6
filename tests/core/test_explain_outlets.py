"""What a producer says of its sinks, in words and values."""

from __future__ import annotations

import pytest
from desks import ProducerDesk, node_id, spec

from zmqwork.core import explain_outlets
from zmqwork.core.effects import Answer
from zmqwork.core.events import OutletsRequested, StatusRequested
from zmqwork.core.link_events import LinkDown
from zmqwork.core.messages import Bye, Draining
from zmqwork.core.ranges import Ranges

OUT = spec(sink="out")
BOX = spec(inbox="box")


@pytest.fixture
def desk():
    return ProducerDesk()


def about(desk, seq=1):
    desk.turn(StatusRequested("request", seq))
    (answer,) = desk.of(Answer)
    return answer.value


def status(desk):
    desk.turn(StatusRequested("request"))
    (answer,) = desk.of(Answer)
    return answer.value


def test_no_worker_knows_sinks(desk):
    desk.open(can=[])
    desk.open_sink()
    desk.submit(1, of=OUT)
    said = about(desk)
    assert "the workers bring no results to sinks; start one of this version" in said["text"]
    (worker,) = said["workers"]
    assert worker["why_not"].startswith("does not bring results to sinks: it has an older version")


def test_no_sink_was_found(desk):
    desk.open()
    desk.submit(1, of=OUT)
    said = about(desk)
    assert "no sink 'out' was found; start one" in said["text"]
    assert said["advice"] == ["start its sink: zmqwork sink MODULE:APP"]
    assert not said["no_worker"]


def test_but_others_were(desk):
    desk.open()
    for count in range(9):
        desk.open_sink(f"s{count}", sinks=[f"log{count}"])
    desk.submit(1, of=OUT)
    assert (
        "no sink 'out' was found; sinks known: log0, log1, log2, log3, log4;" in about(desk)["text"]
    )


@pytest.mark.parametrize(
    ("how", "state"),
    [("lost", "is lost"), ("cut", "is suspect"), ("drain", "is draining"), ("bye", "has left")],
)
def test_one_that_is_there_and_takes_nothing(desk, how, state):
    desk.open()
    link = desk.open_sink()
    if how == "lost":
        desk.lose("s")
    elif how == "cut":
        desk.turn(LinkDown(link))
    else:
        desk.say(link, Draining() if how == "drain" else Bye())
    desk.submit(1, of=OUT)
    assert f"wait: sink sink-s#0000 {state};" in about(desk)["text"]


def test_of_many_that_are_gone_the_newest_are_named(desk):
    desk.open()
    for count in range(9):
        desk.open_sink(f"s{count}")
        desk.lose(f"s{count}")
    desk.submit(1, of=OUT)
    text = about(desk)["text"]
    assert [f"s{count}#" in text for count in range(9)] == [False] * 4 + [True] * 5


def test_no_inbox_was_found(desk):
    desk.open()
    desk.submit(1, of=BOX)
    assert "no sink with inbox 'box' was found; start" in about(desk)["text"]
    desk.open_sink(inbox="bax")
    assert "was found; inboxes known: bax; start" in about(desk)["text"]


def test_an_inbox_that_is_away(desk):
    desk.open()
    desk.open_sink(inbox="box")
    desk.lose("s")
    desk.submit(1, of=BOX)
    assert "sink sink-s#0000 (inbox box) is lost" in about(desk)["text"]


def test_nothing_lacks_where_somebody_takes_it(desk):
    desk.open(credit=0)
    desk.open_sink(inbox="box")
    desk.submit(1)
    desk.submit(2, of=OUT)
    desk.submit(3, of=BOX)
    lanes = list(desk.machine._lanes)
    assert [explain_outlets.lack(lane, desk.machine._books.outlets) for lane in lanes] == [""] * 3
    assert about(desk, 2)["text"] == "it waits for a free slot"


def test_a_task_in_doubt(desk):
    desk.open_sink(inbox="box")
    desk.open()
    desk.submit(1, of=BOX)
    desk.lose("w")
    said = about(desk)
    assert said["state"] == "asked"
    assert said["text"] == (
        "its worker was lost; sink sink-s#0000 (inbox box) is asked whether it has the result"
    )
    assert said["advice"] == [
        "start its sink again, if it is not there; it is asked as soon as it is"
    ]
    desk.lose("s")
    assert about(desk)["text"].endswith("is not known: sink sink-s#0000 (inbox box) is lost")


def test_the_sinks_are_in_the_status_and_those_that_are_there_first(desk):
    desk.open_sink("old")
    desk.lose("old")
    desk.submit(1, of=BOX)
    desk.open_sink("new", inbox="inbox", sinks=["out", "log"])
    new, old, unmet = status(desk)["sinks"]
    assert new == {
        "node_id": node_id("new"), "name": "sink-new", "state": "alive", "inbox": "inbox",
        "sinks": ["out", "log"], "usable": True, "count": 0, "open": 0, "asked": 0, "succeeded": 0,
    }  # fmt: skip
    assert (old["name"], old["state"], old["usable"]) == ("sink-old", "lost", False)
    assert unmet == {
        "node_id": "", "name": "", "state": "unknown", "inbox": "box", "sinks": [],
        "usable": False, "count": 1, "open": 1, "asked": 0, "succeeded": 0,
    }  # fmt: skip


def test_the_application_is_told_what_sinks_have(desk):
    desk.open_sink(inbox="box", taken=[[1, 3]])
    desk.turn(OutletsRequested("request"))
    (answer,) = desk.of(Answer)
    [said] = answer.value
    assert (said["inbox"], list(said["taken"])) == ("box", [(1, 3)])
    assert isinstance(said["taken"], Ranges)
