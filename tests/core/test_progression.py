"""What running attempts say, at the producer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from desks import ProducerDesk, done, node_id, spec
from durable_desk import DurableDesk, legacy

from zmqwork.core.effects import AddParts, MarkProgress, MarkRunning
from zmqwork.core.events import PartsTaken, StatusRequested
from zmqwork.core.lifecycle import STARTED
from zmqwork.core.messages import FAILED, HELD_RUNNING, Cancel, Done, Failure, Return, Tasks
from zmqwork.core.progress import ALL_PARTS, PARTS_MAX, Parts, PartsAck, Progress
from zmqwork.core.records import Recorded, Trial

STREAM = replace(spec(retry_backoff=0.0), streams=True)


@pytest.fixture
def desk():
    return ProducerDesk()


def says(desk, link, seq, attempt=1, **said):
    return desk.say(link, Progress([seq], [attempt], [said]))


def added(desk):
    return [(effect.entry.seq, effect.values) for effect in desk.of(AddParts)]


def options(desk, link=None):
    return [run.options for tasks in desk.sent(Tasks, link) for run in tasks.runs]


def fails(desk, link, batch, seq, attempt):
    error = {"type": "E", "text": "", "after": 0.0}
    return desk.say(link, Done(batch, [], [], [], [Failure(seq, attempt, FAILED, error)], {}))


def test_progress_is_marked_and_says_that_it_runs(desk):
    link = desk.open()
    (entry,) = desk.submit(1)
    says(desk, link, 1, fraction=0.5, note="half")
    assert [e.entries for e in desk.of(MarkProgress)] == [[entry]]
    assert [e.entries for e in desk.of(MarkRunning)] == [[entry]]
    assert (entry.state, entry.headway.said) == (STARTED, {"fraction": 0.5, "note": "half"})
    says(desk, link, 1, fraction=0.7)
    assert entry.headway.said == {"fraction": 0.7, "note": "half"}


def test_progress_of_others_attempts_is_not_heard(desk):
    link = desk.open()
    (entry,) = desk.submit(1)
    says(desk, link, 1, attempt=2, fraction=0.5)
    says(desk, link, 9, fraction=0.5)
    other = desk.open("other")
    says(desk, other, 1, fraction=0.5)
    assert (entry.headway, desk.of(MarkProgress)) == (None, [])


def test_the_next_attempt_has_the_newest_checkpoint(desk):
    link = desk.open()
    desk.submit(1)
    assert options(desk) == [{"queue": "default"}]
    says(desk, link, 1, checkpoint=b"6", part=0)
    says(desk, link, 1, checkpoint=b"7", part=2)
    says(desk, link, 1, fraction=0.5)
    desk.lose()
    assert options(desk) == []
    desk.open("other")
    assert options(desk) == [{"queue": "default", "checkpoint": b"7", "part": 2}]


def test_tasks_with_checkpoints_stand_alone_in_their_runs(desk):
    link = desk.open(credit=3, slots=3)
    desk.submit(1, 2, 3)
    says(desk, link, 2, checkpoint=b"7", part=0)
    desk.lose()
    desk.open("other", credit=3, slots=3)
    (tasks,) = desk.sent(Tasks)
    runs = {tuple(run.seqs): run.options.get("checkpoint") for run in tasks.runs}
    assert runs == {(1,): None, (2,): b"7", (3,): None}


def test_checkpoints_count_where_a_message_is_cut(desk):
    link = desk.open(credit=64, slots=64)
    desk.submit(*range(1, 65))
    for seq in range(1, 65):
        says(desk, link, seq, checkpoint=bytes([seq]) * 65_536, part=0)
    desk.lose()
    desk.open("other", credit=64, slots=64)
    sizes = [sum(len(run.options["checkpoint"]) for run in t.runs) for t in desk.sent(Tasks)]
    assert sum(sizes) == 64 * 65_536
    assert max(sizes) <= 1 << 20


def test_parts_are_handed_on_once_in_order(desk):
    link = desk.open()
    desk.submit(1, of=STREAM)
    assert options(desk) == [{"queue": "default", "stream": True}]
    desk.say(link, Parts(1, 0, [b"a", b"b"]))
    assert added(desk) == [(1, [b"a", b"b"])]
    desk.say(link, Parts(1, 0, [b"a", b"b", b"c"]))
    assert added(desk) == [(1, [b"c"])]
    desk.say(link, Parts(1, 1, [b"b"]))
    assert added(desk) == []


def test_parts_that_a_later_attempt_yields_again_are_passed_over(desk):
    link = desk.open()
    desk.submit(1, of=STREAM)
    desk.say(link, Parts(1, 0, [b"a", b"b"]))
    fails(desk, link, 1, 1, 1)
    desk.until(desk.now + 0.1)
    desk.say(link, Parts(1, 0, [b"a"]))
    assert added(desk) == []
    desk.say(link, Parts(1, 1, [b"b", b"c"]))
    assert added(desk) == [(1, [b"c"])]


def test_a_late_attempt_that_wins_brings_its_parts(desk):
    """Its worker was given up on, another one had the task, and both have yielded something."""
    link = desk.open()
    desk.submit(1, of=STREAM)
    desk.say(link, Parts(1, 0, [b"a"]))
    desk.lose()
    other = desk.open("other")
    assert desk.given() == [(1, 2)]
    desk.say(other, Parts(1, 0, [b"a"]))
    again = desk.greet(held=[(1, 1, HELD_RUNNING)])
    desk.say(again, Parts(1, 0, [b"a", b"b"]))
    assert added(desk) == [(1, [b"b"])]
    desk.say(again, done(1, (1, 1)))
    assert desk.settled() == [(1, "succeeded")]


@pytest.mark.parametrize("begun", [True, False])
def test_parts_of_who_never_had_the_task_are_not_handed_on(desk, begun):
    """It would put its own in front of those of the worker that has it."""
    link = desk.open()
    (entry,) = desk.submit(1, of=STREAM)
    if begun:
        desk.say(link, Parts(1, 0, [b"a"]))
    other = desk.open("other")
    desk.say(other, Parts(1, len(added(desk)), [b"x"]))
    assert added(desk) == []
    assert desk.sent(Cancel, other) == [Cancel([1])]
    desk.say(link, Parts(1, 0, [b"a", b"b"]))
    assert added(desk) == [(1, [b"b"] if begun else [b"a", b"b"])]
    assert other not in entry.headway.senders


def test_what_was_read_is_acked_to_whoever_sends(desk):
    link = desk.open()
    desk.submit(1, of=STREAM)
    desk.say(link, Parts(1, 0, [b"a", b"b"]))
    assert desk.sent(PartsAck) == []
    desk.turn(PartsTaken(1, 2))
    assert desk.sent(PartsAck, link) == [PartsAck(1, 2)]
    # An attempt that begins again is told at once how much of it was read before.
    desk.say(link, Parts(1, 0, [b"a"]))
    assert desk.sent(PartsAck, link) == [PartsAck(1, 2)]
    desk.turn(PartsTaken(7, 2))
    assert desk.sent(PartsAck) == []


def test_what_nobody_wants_is_not_handed_on(desk):
    link = desk.open()
    desk.submit(1, of=STREAM)
    desk.turn(PartsTaken(1, ALL_PARTS))
    desk.say(link, Parts(1, 0, [b"a"]))
    assert (added(desk), desk.sent(PartsAck)) == ([], [PartsAck(1, ALL_PARTS)])


def test_parts_of_what_has_ended_are_dropped_and_their_attempt_ended(desk):
    link = desk.open()
    desk.submit(1, of=STREAM)
    desk.say(link, done(1, (1, 1)), Parts(1, 0, [b"a"]))
    assert (added(desk), desk.sent(PartsAck)) == ([], [])
    assert desk.sent(Cancel, link) == [Cancel([1])], "it may wait for its reader"


def test_an_attempt_that_was_given_up_on_is_ended_with_the_task(desk):
    """Its worker comes back and waits for its reader; the task is done elsewhere."""
    link = desk.open()
    desk.submit(1, of=STREAM)
    desk.say(link, Parts(1, 0, [b"a"]))
    desk.lose()
    other = desk.open("other")
    again = desk.greet(held=[(1, 1, HELD_RUNNING)])
    desk.say(again, Parts(1, 0, [b"a", b"b"]))
    desk.say(other, Parts(1, 0, [b"a", b"b"]), done(1, (1, 2)))
    assert desk.sent(Cancel, again) == [Cancel([1])]
    assert desk.machine._workforce.get(node_id("w")).strays == {}


def test_the_next_attempt_knows_what_is_unread(desk):
    link = desk.open()
    desk.submit(1, of=STREAM)
    desk.say(link, Parts(1, 0, [b"aa", b"b", b"c"]))
    says(desk, link, 1, checkpoint=b"7", part=3)
    desk.turn(PartsTaken(1, 1))
    desk.lose()
    desk.open("other")
    (told,) = options(desk)
    assert (told["part"], told["unread"], told["unread_bytes"]) == (3, 2, 2)


def test_no_part_is_lost_though_nobody_reads_over_many_attempts(desk):
    link = desk.open()
    desk.submit(1, of=STREAM)
    count = 0
    for attempt in range(1, 4):
        desk.say(link, Parts(1, count, [b"x"] * PARTS_MAX))
        count += sum(len(values) for _, values in added(desk))
        says(desk, link, 1, attempt, checkpoint=b"7", part=count)
        fails(desk, link, attempt, 1, attempt)
        desk.until(desk.now + 0.1)
    assert count == 3 * PARTS_MAX


def test_a_checkpoint_is_recorded_when_its_attempt_is_given_back():
    desk = DurableDesk()
    link = desk.open()
    desk.file(1)
    says(desk, link, 1, checkpoint=b"7", part=0)
    desk.say(link, Return("stopping", [1], [1]))
    (trial,) = desk.batch().trials
    assert (trial.failures, trial.crashes, trial.checkpoint) == (0, 0, b"7")


def test_a_worker_that_minds_no_ack_cannot_fill_the_memory(desk):
    link = desk.open()
    desk.submit(1, of=STREAM)
    count = 0
    for first in range(0, 10 * PARTS_MAX, PARTS_MAX):
        desk.say(link, Parts(1, first, [b"x"] * PARTS_MAX))
        count += sum(len(values) for _, values in added(desk))
    assert count <= 3 * PARTS_MAX


def test_somebody_is_told_of_parts_that_nobody_reads(desk):
    link = desk.open()
    desk.submit(1, of=STREAM)
    desk.say(link, Parts(1, 0, [b"a"]))
    desk.until(desk.now + 11.0)
    assert desk.notices().count("unread_parts") == 1


def test_nobody_is_told_of_parts_that_are_read(desk):
    link = desk.open()
    desk.submit(1, of=STREAM)
    desk.say(link, Parts(1, 0, [b"a", b"b"]))
    desk.turn(PartsTaken(1, 1))
    desk.until(desk.now + 11.0)
    assert "unread_parts" not in desk.notices()


def test_explain_says_how_far_it_is(desk):
    link = desk.open()
    desk.submit(1, of=STREAM)
    says(desk, link, 1, fraction=0.25, note="page 4")
    desk.say(link, Parts(1, 0, [b"a"]))
    desk.turn(StatusRequested("r", 1))
    (answer,) = [e for e in desk.effects if hasattr(e, "request")]
    assert answer.value["text"].endswith(": 25% done, page 4, 1 parts wait to be read")


def test_a_checkpoint_is_recorded_with_the_trial():
    desk = DurableDesk()
    link = desk.open()
    desk.file(1)
    says(desk, link, 1, checkpoint=b"7", part=2)
    fails(desk, link, 1, 1, 1)
    (trial,) = desk.batch().trials
    assert (trial.failures, trial.checkpoint, trial.part) == (1, b"7", 2)


def test_a_later_process_goes_on_from_the_checkpoint():
    trial = Trial(1, failures=1, checkpoint=b"7", part=2)
    desk = DurableDesk(legacy(Recorded(STREAM, 1, b"", trial=trial), epoch=2))
    link = desk.open()
    assert options(desk) == [{"queue": "default", "stream": True, "checkpoint": b"7", "part": 2}]
    # What came before went to the earlier process: nobody wants the rest.
    desk.say(link, Parts(1, 2, [b"c"]))
    assert (added(desk), desk.sent(PartsAck)) == ([], [PartsAck(1, ALL_PARTS)])
