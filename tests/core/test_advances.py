"""What handlers say while they run, at the worker."""

from __future__ import annotations

import pytest
from desks import WorkerDesk

from zmqwork.core.effects import Grant
from zmqwork.core.events import (
    DrainRequested,
    Finished,
    SlotDied,
    StopRequested,
)
from zmqwork.core.link_events import LinkDown
from zmqwork.core.messages import TAKE_PROGRESS, Cancel, Done, DoneAck, Return
from zmqwork.core.progress import (
    PROGRESS_MAX,
    Advanced,
    Parts,
    PartsAck,
    Progress,
    Yielded,
)


@pytest.fixture
def desk():
    return WorkerDesk(slots=2)


def begin(desk, *seqs, **fields):
    link = desk.hello(can=[TAKE_PROGRESS], **fields)
    desk.say(link, desk.tasks(*seqs))
    return link


def held(desk, seq):
    return desk.account().held[seq]


def says(desk, seq, at=None, **said):
    return desk.turn(Advanced(held(desk, seq), said), at=at)


def yields(desk, seq, first, *values, at=None):
    return desk.turn(Yielded(held(desk, seq), first, list(values)), at=at)


def parts(desk):
    return [(p.seq, p.first, p.values) for p in desk.sent(Parts)]


def test_progress_goes_at_once_and_then_now_and_then(desk):
    begin(desk, 1)
    says(desk, 1, fraction=0.1)
    assert desk.sent(Progress) == [Progress([1], [1], [{"fraction": 0.1}])]
    says(desk, 1, at=desk.now + 0.1, fraction=0.2)
    says(desk, 1, fraction=0.3, note="x")
    assert desk.sent(Progress) == []
    desk.until(desk.now + 0.15)
    assert desk.sent(Progress) == [Progress([1], [1], [{"fraction": 0.3, "note": "x"}])]
    desk.until(desk.now + 1.0)
    assert desk.sent(Progress) == []


def test_what_is_said_of_many_is_one_message_or_few():
    desk = WorkerDesk(slots=20)
    begin(desk, *range(1, 21))
    desk.turn(*[Advanced(held(desk, seq), {"fraction": 0.5}) for seq in range(1, 21)])
    assert [len(m.seqs) for m in desk.sent(Progress)] == [PROGRESS_MAX, 20 - PROGRESS_MAX]


def test_a_producer_that_does_not_take_progress_gets_none(desk):
    link = desk.hello()
    desk.say(link, desk.tasks(1))
    says(desk, 1, fraction=0.1)
    assert desk.sent(Progress) == []


def test_a_checkpoint_goes_before_the_failure_behind_it(desk):
    begin(desk, 1)
    says(desk, 1, fraction=0.1)
    says(desk, 1, checkpoint=b"7", part=0)
    assert desk.sent(Progress) == []
    desk.finish(1, good=False)
    kinds = [type(send.message) for send in desk.effects if hasattr(send, "message")]
    assert kinds.index(Progress) < kinds.index(Done)


def test_a_checkpoint_is_said_again_with_the_failure_behind_it(desk):
    link = begin(desk, 1)
    says(desk, 1, checkpoint=b"7", part=0)
    desk.turn(LinkDown(link))
    desk.finish(1, good=False)
    again = desk.hello(session=2, can=[TAKE_PROGRESS])
    kinds = [type(send.message) for send in desk.effects if hasattr(send, "message")]
    assert kinds.index(Progress) < kinds.index(Done)
    (done,) = desk.sent(Done)
    desk.say(again, DoneAck(done.batch))
    assert desk.account().advances == {}


def test_a_checkpoint_goes_before_a_death_is_told(desk):
    begin(desk, 1)
    says(desk, 1, fraction=0.1)
    says(desk, 1, checkpoint=b"7", part=0)
    desk.turn(SlotDied(0, 1, {"signal": "SIGKILL"}))
    (progress,) = desk.sent(Progress)
    assert progress.said[0]["checkpoint"] == b"7"
    (done,) = desk.sent(Done)
    assert done.failures[0].outcome == "lost"


def test_a_checkpoint_goes_before_a_stop_gives_the_attempt_back(desk):
    begin(desk, 1)
    says(desk, 1, fraction=0.1)
    says(desk, 1, checkpoint=b"7", part=0)
    desk.turn(StopRequested())
    kinds = [type(send.message) for send in desk.effects if hasattr(send, "message")]
    assert kinds.index(Progress) < kinds.index(Return)


def test_parts_go_at_once_in_order_and_before_the_outcome(desk):
    begin(desk, 1)
    yields(desk, 1, 0, b"a", b"b")
    assert parts(desk) == [(1, 0, [b"a", b"b"])]
    last = Yielded(held(desk, 1), 2, [b"c"])
    desk.turn(last, Finished(0, [(True, b"end")], 0.1))
    assert parts(desk) == [(1, 2, [b"c"])]
    kinds = [type(send.message) for send in desk.effects if hasattr(send, "message")]
    assert kinds.index(Parts) < kinds.index(Done)


def test_parts_go_before_a_checkpoint_that_counts_them(desk):
    begin(desk, 1)
    desk.turn(
        Advanced(held(desk, 1), {"checkpoint": b"7", "part": 1}), Yielded(held(desk, 1), 0, [b"a"])
    )
    kinds = [type(send.message) for send in desk.effects if hasattr(send, "message")]
    assert kinds.index(Parts) < kinds.index(Progress)


def test_an_ack_lets_the_handler_go_on(desk):
    link = begin(desk, 1)
    yields(desk, 1, 0, b"a", b"b")
    desk.say(link, PartsAck(1, 1))
    (grant,) = desk.of(Grant)
    assert (grant.slot, grant.attempt.seq, grant.count) == (0, 1, 1)
    assert list(desk.account().advances[1].parts) == [b"b"]


def test_an_ack_for_what_has_ended_or_never_was_is_harmless(desk):
    link = begin(desk, 1)
    desk.say(link, PartsAck(9, 1))
    yields(desk, 1, 0, b"a")
    desk.finish(1)
    desk.say(link, PartsAck(1, 1))
    assert desk.of(Grant) == []


def test_what_is_kept_is_said_again_in_a_new_session(desk):
    link = begin(desk, 1)
    says(desk, 1, fraction=0.5, checkpoint=b"7", part=1)
    yields(desk, 1, 0, b"a", b"b", b"c")
    desk.say(link, PartsAck(1, 1))
    desk.turn(LinkDown(link))
    yields(desk, 1, 3, b"d")
    desk.hello(session=2, can=[TAKE_PROGRESS])
    assert parts(desk) == [(1, 1, [b"b", b"c", b"d"])]
    assert desk.sent(Progress) == [
        Progress([1], [1], [{"fraction": 0.5, "checkpoint": b"7", "part": 1}])
    ]


def test_parts_are_kept_until_the_outcome_behind_them_is_acked(desk):
    link = begin(desk, 1)
    yields(desk, 1, 0, b"a")
    desk.finish(1)
    (done,) = desk.sent(Done)
    desk.turn(LinkDown(link))
    again = desk.hello(session=2, can=[TAKE_PROGRESS])
    assert parts(desk) == [(1, 0, [b"a"])]
    assert [d.batch for d in desk.sent(Done)] == [done.batch]
    desk.say(again, DoneAck(done.batch))
    assert desk.account().advances == {}


def test_a_later_attempt_begins_anew(desk):
    link = begin(desk, 1)
    yields(desk, 1, 0, b"a")
    desk.finish(1, good=False)
    desk.say(link, desk.tasks(1, attempt=2, checkpoint=b"7", part=1))
    yields(desk, 1, 1, b"b")
    assert parts(desk) == [(1, 1, [b"b"])]


def test_of_what_was_cancelled_nothing_is_said(desk):
    link = begin(desk, 1)
    attempt = held(desk, 1)
    yields(desk, 1, 0, b"a")
    desk.say(link, Cancel([1]))
    assert desk.account().advances == {}
    desk.turn(Advanced(attempt, {"fraction": 0.5}), Yielded(attempt, 1, [b"b"]))
    assert parts(desk) == []
    assert desk.sent(Progress) == []


def test_a_producer_with_a_journal_hears_all_of_it_in_its_next_process(desk):
    link = begin(desk, 1, epoch=1)
    yields(desk, 1, 0, b"a")
    says(desk, 1, checkpoint=b"7", part=1)
    desk.turn(LinkDown(link))
    desk.until(desk.now + 4.0)
    says(desk, 1, checkpoint=b"8", part=1)
    desk.hello(epoch=2, link=b"again", can=[TAKE_PROGRESS])
    assert parts(desk) == [(1, 0, [b"a"])]
    assert desk.sent(Progress) == [Progress([1], [0], [{"checkpoint": b"8", "part": 1}])]


def test_a_drain_hears_what_runs_to_its_end(desk):
    begin(desk, 1)
    desk.turn(DrainRequested())
    yields(desk, 1, 0, b"a")
    assert parts(desk) == [(1, 0, [b"a"])]
