"""What a producer tells those who listen, and that it notes nothing before."""

from __future__ import annotations

from dataclasses import replace

from desks import ProducerDesk, done, entries, node_id, spec
from durable_desk import DurableDesk, legacy

from zmqwork.core.delivery import HAS_NOT, Has, Have
from zmqwork.core.effects import Answer, MarkRunning, Resubmit, Settle, Tell
from zmqwork.core.events import (
    CancelRequested,
    ClaimRequested,
    Resubmitted,
    StopRequested,
    Submitted,
)
from zmqwork.core.happenings import (
    CLAIMED,
    LATE,
    REJECTED,
    RESUBMITTED,
    RETRIED,
    SUBMITTED,
    ListenRequested,
)
from zmqwork.core.letters import RevivalRequested
from zmqwork.core.messages import (
    FAILED,
    HELD_DONE,
    HELD_QUEUED,
    HELD_RUNNING,
    LOST,
    Failure,
    Hello,
    Return,
    Started,
)
from zmqwork.core.orders import Order
from zmqwork.core.records import Recorded, Trial
from zmqwork.queues import ALL_QUEUES

EVERYTHING = frozenset({SUBMITTED, RETRIED, RESUBMITTED, REJECTED, LATE})
BAD = {"type": "ValueError", "text": "no"}


def listening(*kinds, **options):
    desk = ProducerDesk(**options)
    desk.turn(ListenRequested(frozenset(kinds) or EVERYTHING))
    return desk


def told(desk):
    return [(h.kind, h.seq, h.attempt, h.worker) for tell in desk.of(Tell) for h in tell.happenings]


def test_nothing_is_told_unless_somebody_listens():
    desk = ProducerDesk()
    link = desk.open(credit=2)
    desk.turn(Submitted(entries(1, 2)))
    desk.say(link, done(1, (1, 1), failures=[Failure(2, 1, FAILED, BAD)]))
    assert desk.of(Tell) == []
    (settle,) = desk.of(Settle)
    assert settle.enders == {}


def test_only_what_is_listened_for_is_told():
    desk = listening(RETRIED)
    link = desk.open(credit=2)
    desk.turn(Submitted(entries(1)))
    assert desk.of(Tell) == []
    desk.turn(ListenRequested(frozenset({SUBMITTED}), "r"))
    assert [answer.request for answer in desk.of(Answer)] == ["r"]
    desk.turn(Submitted(entries(2)))
    assert told(desk) == [(SUBMITTED, 2, 0, "")]
    desk.say(link, done(1, failures=[Failure(1, 1, FAILED, BAD)]))
    assert desk.of(Tell) == []


def test_a_retry_is_told_with_its_delay_and_its_error():
    desk = listening()
    link = desk.open()
    desk.turn(Submitted(entries(1, of=spec(retry_jitter=False, retry_backoff=3.0))))
    desk.say(link, done(1, failures=[Failure(1, 1, FAILED, BAD)]))
    assert told(desk) == [(RETRIED, 1, 1, "worker-w#0000")]
    (tell,) = desk.of(Tell)
    assert tell.happenings[0].delay == 3.0
    assert tell.happenings[0].error == BAD


def test_who_ended_a_task_is_told_with_it():
    desk = listening(crash_limit=1)
    link = desk.open(credit=3, slots=3)
    once = spec(max_retries=0)
    desk.turn(Submitted([*entries(1), *entries(2, 3, of=once)]))
    failures = [Failure(2, 1, FAILED, BAD), Failure(3, 1, LOST, {"exit_code": 1})]
    desk.say(link, done(1, (1, 1), failures=failures))
    (settle,) = desk.of(Settle)
    assert settle.enders == dict.fromkeys((1, 2, 3), "worker-w#0000")


def test_what_was_lost_with_its_child_is_told_as_resubmitted():
    desk = listening()
    link = desk.open()
    desk.turn(Submitted(entries(1)))
    desk.say(link, done(1, failures=[Failure(1, 1, LOST, {"exit_code": 1})]))
    assert told(desk) == [(RESUBMITTED, 1, 1, "worker-w#0000")]


def test_what_was_lost_with_its_worker_is_told_as_resubmitted():
    desk = listening()
    desk.open(credit=2, slots=2)
    desk.turn(Submitted(entries(1, 2)))
    desk.lose("w")
    assert told(desk) == [
        (RESUBMITTED, 1, 1, "worker-w#0000"),
        (RESUBMITTED, 2, 1, "worker-w#0000"),
    ]


def test_late_outcomes_are_told():
    desk = listening()
    desk.open("a", credit=2, slots=2)
    desk.turn(Submitted(entries(1, 2)))
    desk.lose("a")
    # It was only slow: both of its attempts run still, and others are under way.
    other = desk.open("b", credit=2, slots=2)
    desk.say(other, Started([1, 2], [2, 2]))
    link = desk.open("a", held=[(1, 1, 1), (2, 1, 1)])
    desk.say(link, done(1, (1, 1), failures=[Failure(2, 1, FAILED, BAD)]))
    assert told(desk) == [(LATE, 1, 1, "worker-a#0000"), (LATE, 2, 1, "worker-a#0000")]
    (settle,) = desk.of(Settle)
    assert settle.enders == {1: "worker-a#0000"}
    # What is settled is no news.
    desk.say(other, done(1, (2, 2)))
    desk.say(link, done(2, (1, 1), failures=[Failure(2, 1, FAILED, BAD)]))
    assert desk.of(Tell) == []


def test_beginnings_and_retries_come_before_ends():
    desk = listening()
    link = desk.open(credit=3, slots=3)
    desk.turn(Submitted(entries(1, 2, 3)))
    desk.turn(
        desk.heard(link, Started([3], [1]), done(1, (1, 1), failures=[Failure(2, 1, FAILED, BAD)]))
    )
    kinds = [type(e) for e in desk.effects if isinstance(e, MarkRunning | Tell | Settle)]
    assert kinds == [MarkRunning, Tell, Settle]


def test_a_cancelled_task_has_no_ender_and_a_claimed_one_is_marked():
    desk = listening()
    desk.turn(Submitted(entries(1, 2)))
    desk.turn(CancelRequested([1], "r"), ClaimRequested(2, {"f"}, ALL_QUEUES, False, None, "s"))
    ended = [e for settle in desk.of(Settle) for e in settle.entries]
    assert [e.error["type"] for e in ended] == ["CancelledError", CLAIMED]
    assert all(settle.enders == {} for settle in desk.of(Settle))


def test_what_a_sink_has_not_is_told_as_resubmitted():
    desk = listening()
    link = desk.open_sink()
    desk.open()
    desk.submit(1, of=spec(sink="out"))
    desk.lose("w")
    assert told(desk) == [], "nobody knows yet"
    (have,) = desk.sent(Have)
    desk.say(link, Has(have.request, [HAS_NOT]))
    assert told(desk) == [(RESUBMITTED, 1, 1, "")]


def test_with_a_journal_the_ender_is_told_when_the_end_is_recorded():
    desk = DurableDesk()
    desk.turn(ListenRequested(EVERYTHING))
    link = desk.open()
    desk.submit(1)
    assert told(desk) == [(SUBMITTED, 1, 0, "")]
    desk.write()
    desk.say(link, done(1, (1, 1)))
    assert desk.of(Settle) == []
    desk.write()
    (settle,) = desk.of(Settle)
    assert settle.enders == {1: "worker-w#0000"}


# -- what is rejected ----------------------------------------------------------------------------


def pinned(label):
    return replace(spec(), node=node_id(label))


NO_GPU = {"type": "Reject", "text": "no GPU", "rejected": True}


def test_a_rejection_is_told_with_its_worker_and_why():
    desk = listening()
    link = desk.open("a")
    desk.submit(1)
    desk.open("b")
    desk.say(link, done(1, failures=[Failure(1, 1, REJECTED, NO_GPU)]))
    assert told(desk) == [(REJECTED, 1, 1, "worker-a#0000")]
    (tell,) = desk.of(Tell)
    assert tell.happenings[0].error == NO_GPU


def test_who_rejected_a_task_once_too_often_has_ended_it():
    desk = listening()
    link = desk.open("a")
    desk.submit(1, of=pinned("a"))
    desk.say(link, done(1, failures=[Failure(1, 1, REJECTED, NO_GPU)]))
    assert told(desk) == []
    (settle,) = desk.of(Settle)
    assert (settle.entries[0].state, settle.enders) == ("dead", {1: "worker-a#0000"})


def test_what_a_worker_does_not_know_or_gives_back_is_no_news():
    desk = listening()
    link = desk.open("a", credit=2, slots=2)
    desk.submit(1, 2)
    unknown = Failure(1, 1, REJECTED, {"type": "UnknownTask", "text": ""})
    desk.say(link, done(1, failures=[unknown]), Return("recalled", [2], [1]))
    assert told(desk) == []
    assert desk.machine.counters["returned"] == 1


# -- dead letters and orders ---------------------------------------------------------------------

LINK = b"observer/1"


def ordered(desk, verb, data=(), **arguments):
    desk.say(LINK, Hello(1, node_id("o"), "observer", "o", "realm", (1, 1)))
    return desk.say(LINK, Order(7, verb, arguments, list(data)))


def with_a_letter():
    desk = listening()
    link = desk.open()
    desk.submit(1, of=spec(max_retries=0))
    desk.say(link, done(1, failures=[Failure(1, 1, FAILED, BAD)]))
    return desk


def test_a_revived_letter_is_submitted_whoever_revives_it():
    desk = with_a_letter()
    desk.turn(RevivalRequested("r", [1], lambda _: None))
    assert told(desk) == [(SUBMITTED, 1, 1, "")], "it has had an attempt"
    desk = with_a_letter()
    ordered(desk, "revive", tasks=[1])
    assert told(desk) == [(SUBMITTED, 1, 1, "")]


def test_a_letter_that_is_edited_elsewhere_is_another_task():
    desk = with_a_letter()
    ordered(desk, "edit", [b"other"], seq=1)
    assert told(desk) == []
    (resubmit,) = desk.of(Resubmit)
    desk.submit(2, of=resubmit.spec)
    assert told(desk) == [(SUBMITTED, 2, 0, "")]
    desk.turn(Resubmitted(resubmit.request, 2))
    assert told(desk) == []


def test_what_an_observer_cancels_nobody_has_ended():
    desk = listening()
    desk.open()
    desk.submit(1)
    ordered(desk, "cancel", tasks=[1], running=True)
    (settle,) = desk.of(Settle)
    assert (settle.entries[0].state, settle.enders) == ("cancelled", {})


# -- a journal -----------------------------------------------------------------------------------


def recovered(*tasks, **fields):
    return DurableDesk(legacy(*tasks, **fields), listens=EVERYTHING)


def task(seq, **fields):
    return Recorded(spec(), seq, b"", **fields)


def test_what_a_journal_brings_back_is_not_submitted_again():
    desk = recovered(task(1, trial=Trial(1, 1)), task(2), workers=[node_id("gone")])
    assert told(desk) == []
    desk.until(104.0)  # the worker of before is waited for no longer
    assert told(desk) == []
    link = desk.open(credit=5, slots=5)
    assert desk.given(link) == [(1, 1), (2, 1)]
    assert told(desk) == []
    desk.write()
    desk.say(link, done(1, (1, 1)))
    assert desk.of(Settle) == []
    desk.write()
    (settle,) = desk.of(Settle)
    assert settle.enders == {1: "worker-w#0000"}


def test_what_is_adopted_begins_ends_and_is_lost_as_any_other():
    desk = recovered(task(1), task(2), task(3), workers=[node_id("w")])
    held = [(1, 0, HELD_RUNNING), (2, 0, HELD_QUEUED), (3, 0, HELD_RUNNING)]
    link = desk.open(held=held, credit=5, slots=5)
    marks = [effect for effect in desk.effects if isinstance(effect, MarkRunning)]
    assert [[entry.seq for entry in mark.entries] for mark in marks] == [[1, 3]]
    assert told(desk) == []
    desk.say(link, done(1, failures=[Failure(1, 0, FAILED, BAD)]))
    assert told(desk) == [(RETRIED, 1, 0, "worker-w#0000")], "at once; the trial is recorded later"
    desk.lose("w")
    assert set(told(desk)) == {
        (RESUBMITTED, seq, 0, "worker-w#0000") for seq in (2, 3)
    }  # fmt: skip


def test_what_an_earlier_process_has_counted_is_not_told_again():
    desk = recovered(task(1, trial=Trial(1, 1)), workers=[node_id("w")])
    link = desk.open(held=[(1, 0, HELD_DONE)], credit=5, slots=5)
    desk.say(link, done(1, failures=[Failure(1, 0, FAILED, BAD)]))
    assert told(desk) == []


def test_what_the_journal_has_no_room_for_nobody_has_ended():
    desk = recovered()
    desk.submit(1)
    assert told(desk) == [(SUBMITTED, 1, 0, "")], "it was handed over"
    desk.refuse()
    (settle,) = desk.of(Settle)
    assert (settle.entries[0].state, settle.enders) == ("failed", {})
    assert settle.entries[0].error["journal"] == "full"


def test_what_stays_in_the_journal_is_marked():
    desk = recovered(task(1))
    desk.open("w", credit=0)
    desk.submit(2)
    desk.submit(3, of=pinned("w"))
    desk.write()
    desk.turn(StopRequested())
    marks = {e.seq: e.error.get("journal") for s in desk.of(Settle) for e in s.entries}
    assert marks == {1: "kept", 2: "kept", 3: None}, "what is pinned is in no journal"
    desk.submit(4)  # in the last moment
    ((entry,),) = [settle.entries for settle in desk.of(Settle)]
    assert entry.error == {"type": "CancelledError", "text": "its producer stopped"}
