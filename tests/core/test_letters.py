from __future__ import annotations

import pytest
from desks import ProducerDesk, done, node_id, spec
from durable_desk import DurableDesk, legacy

from zmqwork.core.effects import Answer, Reopen
from zmqwork.core.events import StopRequested
from zmqwork.core.ledger import Entry, TaskSpec
from zmqwork.core.letters import Letters, LettersRequested, RevivalRequested
from zmqwork.core.messages import FAILED, LOST, Failure
from zmqwork.core.records import Batch, Letter, Recorded, Trial
from zmqwork.options import TaskOptions

ERROR = {"type": "E", "text": "no"}


def failure(seq, attempt=1, outcome=FAILED, **error):
    return Failure(seq, attempt, outcome, ERROR | error)


@pytest.fixture
def desk():
    made = ProducerDesk()
    made.open(credit=50, slots=50)
    return made


def fail(desk, *seqs, batch=1, of=None):
    """These are submitted, and fail at once."""
    desk.submit(*seqs, of=of or spec(max_retries=0), args=b"args")
    desk.say(desk.link_of("w"), done(batch, failures=[failure(seq) for seq in seqs]))


def letters(desk, seqs=None, **more):
    desk.turn(LettersRequested("asked", seqs, **more))
    (answer,) = desk.of(Answer)
    return answer.value


def revive(desk, seqs=None):
    return desk.turn(RevivalRequested("asked", seqs, lambda seq: f"owner of {seq}"))


def test_what_failed_is_kept_with_its_age(desk):
    fail(desk, 1, 2)
    desk.now += 60.0
    (one, age), (two, _) = letters(desk)
    assert (one.seq, one.args, one.state, one.attempt, age) == (1, b"args", "failed", 1, 60.0)
    assert one.error == {**ERROR, "attempts": 1}
    assert two.seq == 2
    assert [letter.seq for letter, _ in letters(desk, [2, 9, 2])] == [2]


def test_what_died_is_kept(desk):
    desk.submit(1)
    link = desk.link_of("w")
    for attempt in (1, 2, 3):
        desk.say(link, done(attempt, failures=[failure(1, attempt, LOST, signal=11)]))
    ((letter, _),) = letters(desk)
    assert (letter.state, letter.attempt) == ("dead", 3)
    assert len(letter.error["evidence"]) == 3


def test_what_ended_otherwise_is_not(desk):
    desk.submit(1, of=spec(expires=0.5))
    desk.submit(2)
    desk.say(desk.link_of("w"), done(1, (2, 1)))
    desk.submit(3, of=spec("unknown", expires=0.1))
    desk.until(desk.now + 1.0)
    assert letters(desk) == []


@pytest.mark.parametrize(
    "kind",
    [
        TaskSpec("f", "1", TaskOptions(max_retries=0), node=node_id("w")),
        TaskSpec("f[]", "1", TaskOptions(max_retries=0)),
    ],
)
def test_broadcasts_and_chunks_leave_no_letters(kind):
    desk = ProducerDesk()
    desk.open(credit=5, slots=5, tasks={"f": "1", "f[]": "1"})
    fail(desk, 1, of=kind)
    assert letters(desk) == []


def test_none_are_kept_where_none_are_wanted():
    desk = ProducerDesk(letters_max=0)
    desk.open(credit=5, slots=5)
    fail(desk, 1)
    assert letters(desk) == []


def test_the_oldest_go_first():
    desk = ProducerDesk(letters_max=2)
    desk.open(credit=5, slots=5)
    fail(desk, 1, 2, 3)
    assert [letter.seq for letter, _ in letters(desk)] == [2, 3]


def test_large_ones_go_sooner():
    kept = Letters(10, 1_200, journaled=False)
    for seq in (1, 2, 3):
        entry = Entry(seq, spec(), b"x" * 100, None)
        kept.keep(entry, "failed")
    assert [letter.seq for letter in kept] == [2, 3]
    large = Entry(4, spec(), b"x" * 10_000, None)
    kept.keep(large, "failed")
    assert [letter.seq for letter in kept] == [4]
    assert (len(kept), kept.removed, kept.remove([99])) == (1, [], [])


def test_removed_ones_are_gone(desk):
    fail(desk, 1, 2)
    assert [letter.seq for letter, _ in letters(desk, [1], remove=True)] == [1]
    assert [letter.seq for letter, _ in letters(desk)] == [2]


def test_texts_count(desk):
    kept = Letters(10, 20_000, journaled=False)
    for seq in (1, 2):
        entry = Entry(seq, spec(), b"", None)
        entry.error = {"traceback": "x" * 10_000, "evidence": [{"text": "x" * 2_000}]}
        kept.keep(entry, "failed")
    assert [letter.seq for letter in kept] == [2]
    del desk


# -- revived --------------------------------------------------------------------------------------


def test_a_revived_task_is_tried_again_under_its_number(desk):
    fail(desk, 1, 2)
    revive(desk, [1, 7])
    assert desk.of(Answer)[-1] == Answer("asked", [1])
    (reopened,) = desk.of(Reopen)
    assert [(entry.seq, entry.owner, entry.size_bytes) for entry in reopened.entries] == [
        (1, "owner of 1", 4)
    ]
    # (A worker may have heard of the first attempt.)
    assert desk.given() == [(1, 2)]
    assert [letter.seq for letter, _ in letters(desk)] == [2]
    desk.say(desk.link_of("w"), done(5, (1, 2)))
    assert desk.settled() == [(1, "succeeded")]


def test_its_retries_are_counted_anew(desk):
    fail(desk, 1, of=spec(max_retries=0))
    revive(desk)
    desk.say(desk.link_of("w"), done(5, failures=[failure(1, 2)]))
    assert desk.settled() == [(1, "failed")]
    ((letter, _),) = letters(desk)
    assert letter.attempt == 2


def test_a_number_of_a_run_is_kept():
    desk = ProducerDesk(producer_id="run")
    desk.open(credit=5, slots=5)
    desk.open_sink("s", inbox="db")
    made = desk.submit(1, of=spec(max_retries=0, inbox="db"))
    number = made[0].sink_seq
    desk.say(desk.link_of("w"), done(1, failures=[failure(1)]))
    revive(desk)
    assert desk.destined() == {1: ("db", number)}


def test_a_number_without_a_run_is_a_new_one():
    desk = ProducerDesk()
    desk.open(credit=5, slots=5)
    desk.open_sink("s", inbox="db")
    desk.submit(1, of=spec(max_retries=0, inbox="db"))
    desk.say(desk.link_of("w"), done(1, failures=[failure(1)]))
    revive(desk)
    assert desk.destined() == {1: ("db", 2)}


def test_nothing_is_revived_in_a_producer_that_leaves(desk):
    fail(desk, 1)
    desk.turn(StopRequested())
    revive(desk)
    assert desk.settled() == [(1, "cancelled")]


# -- with a journal -------------------------------------------------------------------------------


def dead(seq, **fields):
    return Recorded(spec(), seq, b"args", letter=Letter(seq, "failed", ERROR), **fields)


def test_the_journal_brings_its_letters():
    desk = DurableDesk(legacy(letters=[dead(3, age=30.0)], newest=5))
    ((letter, age),) = letters(desk)
    assert (letter.seq, letter.args, letter.state, letter.error, age) == (
        3, b"args", "failed", ERROR, 30.0,
    )  # fmt: skip


def test_a_revival_is_recorded_before_it_is_dispatched():
    desk = DurableDesk(legacy(letters=[dead(3)], newest=5))
    link = desk.open(credit=5, slots=5)
    desk.write()
    revive(desk)
    assert desk.batch() == Batch(trials=[Trial(3)])
    assert desk.machine._books.ledger.newest == 5
    assert not desk.of(Answer)
    assert not desk.given(link)
    desk.write()
    assert desk.of(Answer) == [Answer("asked", [3])]
    assert desk.given(link) == [(3, 1)]
    assert not letters(desk)


def test_a_number_at_an_inbox_is_the_same_again():
    bound = TaskSpec("f", "1", TaskOptions(inbox="db"), inbox="db")
    left = Recorded(bound, 3, b"", sink_seq=2, letter=Letter(3, "failed", ERROR))
    desk = DurableDesk(legacy(letters=[left], newest=5))
    desk.open(credit=5, slots=5)
    desk.open_sink("s", inbox="db")
    revive(desk)
    desk.write()
    assert desk.destined() == {3: ("db", 2)}
    assert "floors" not in {what for what, _ in desk.machine._timers._at}


def test_a_removal_is_recorded():
    desk = DurableDesk(legacy(letters=[dead(3), dead(4)], newest=5))
    desk.turn(LettersRequested("asked", [3], remove=True))
    assert desk.batch() == Batch(removed=[3])
    assert not desk.of(Answer)
    desk.write()
    assert [letter.seq for letter, _ in desk.of(Answer)[0].value] == [3]
