"""What a producer tells those who listen, and that it notes nothing before."""

from __future__ import annotations

from desks import ProducerDesk, done, entries, spec
from durable_desk import DurableDesk

from zmqwork.core.delivery import HAS_NOT, Has, Have
from zmqwork.core.effects import Answer, MarkRunning, Settle, Tell
from zmqwork.core.events import CancelRequested, ClaimRequested, Submitted
from zmqwork.core.happenings import CLAIMED, LATE, RESUBMITTED, RETRIED, SUBMITTED, ListenRequested
from zmqwork.core.messages import FAILED, LOST, Failure, Started
from zmqwork.queues import ALL_QUEUES

EVERYTHING = frozenset({SUBMITTED, RETRIED, RESUBMITTED, LATE})
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
