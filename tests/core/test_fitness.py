from __future__ import annotations

from desks import WorkerDesk

from zmqwork.core.effects import Answer, Left, Notice
from zmqwork.core.events import (
    Finished,
    SlotDied,
    SlotFailed,
    SlotReady,
    StatusRequested,
)
from zmqwork.core.fitness import Fitness
from zmqwork.core.messages import REJECTED, Done, DoneAck, Draining, Return
from zmqwork.core.worker_requests import UnfitDeclared, WorkerPauseRequested

REJECT = {"type": "zmqwork.Reject", "text": "no GPU", "rejected": True}


def broken(limit=3, **options):
    desk = WorkerDesk(unfit_after=limit, **options)
    return desk, desk.hello()


def die(desk, link, seq, attempt=1):
    desk.say(link, desk.tasks(seq, attempt=attempt))
    desk.turn(SlotDied(0, 1, {"signal": "SIGSEGV"}))
    return desk.turn(SlotReady(0))


def test_faults_about_different_tasks_in_a_row_make_a_worker_unfit():
    desk, link = broken()
    for seq in (1, 2):
        die(desk, link, seq)
    assert desk.machine.state == "serving"
    desk.say(link, desk.tasks(3))
    desk.turn(SlotDied(0, 1, {"signal": "SIGSEGV"}))
    assert desk.machine.state == "draining"
    assert desk.sent(Draining, link)
    (notice,) = [n for n in desk.of(Notice) if n.kind == "unfit"]
    assert "3 worker faults in a row" in notice.text
    assert "'f' died" in notice.text
    desk.turn(StatusRequested())
    (answer,) = desk.of(Answer)
    assert answer.value["cause"] == "unfit"
    assert "in a row" in answer.value["unfit"]
    desk.say(link, DoneAck(9))
    desk.until(desk.now + 1)
    assert desk.machine.state == "gone"
    assert desk.of(Left) == [Left("unfit")]


def test_one_poisonous_task_says_nothing_of_the_worker():
    desk, link = broken()
    for attempt in range(1, 6):
        die(desk, link, 1, attempt)
    assert desk.machine.state == "serving"


def test_a_success_forgives():
    desk, link = broken()
    for seq in (1, 2):
        die(desk, link, seq)
    desk.say(link, desk.tasks(3))
    desk.finish(3)
    for seq in (4, 5):
        die(desk, link, seq)
    assert desk.machine.state == "serving"


def test_a_failure_of_a_handler_neither_counts_nor_forgives():
    desk, link = broken()
    for seq in (1, 2):
        die(desk, link, seq)
    desk.say(link, desk.tasks(3))
    desk.finish(3, good=False)
    assert desk.machine.state == "serving"
    desk.say(link, desk.tasks(4))
    desk.turn(SlotDied(0, 1, {}))
    assert desk.machine.state == "draining"


def test_it_can_be_told_not_to_count():
    desk, link = broken(limit=0)
    for seq in range(1, 20):
        die(desk, link, seq)
    assert desk.machine.state == "serving"
    desk.turn(UnfitDeclared("the disk is full"))
    assert desk.machine.state == "draining", "but it believes what it is told"


def test_children_that_die_at_their_start_count():
    desk, _ = broken()
    desk.turn(SlotFailed("no module"), SlotFailed("no module"))
    assert desk.machine.state == "serving"
    desk.turn(SlotFailed("no module"))
    assert len(desk.of(Left)) == 0
    assert desk.machine.state == "leaving", "nothing is left to be finished"


def test_a_rejected_attempt_is_counted_apart_and_is_a_fault():
    desk, link = broken()
    desk.say(link, desk.tasks(1))
    desk.turn(Finished(0, [(False, dict(REJECT))], 0.1))
    (done,) = desk.sent(Done, link)
    (failure,) = done.failures
    assert failure.outcome == REJECTED
    assert failure.error["text"] == "no GPU"
    counters = desk.machine.counters
    assert (counters["rejected"], counters["failed"]) == (1, 0)
    assert desk.machine.state == "serving"


def test_a_handler_can_say_that_its_worker_is_unfit():
    desk, link = broken(slots=2)
    desk.say(link, desk.tasks(1, 2))
    desk.turn(Finished(0, [(False, REJECT | {"unfit": True})], 0.1))
    assert desk.machine.state == "draining"
    assert desk.sent(Done, link)[0].failures[0].outcome == REJECTED
    desk.say(link, desk.tasks(3))
    assert desk.sent(Return, link) == [Return("draining", [3], [1])]
    desk.finish(2, slot=1)
    assert desk.sent(Done, link), "what ran elsewhere has its result"


def test_a_paused_worker_leaves_when_it_is_unfit():
    desk, _ = broken()
    desk.turn(WorkerPauseRequested())
    desk.turn(UnfitDeclared("the disk is full"), UnfitDeclared("and more"))
    assert desk.machine.state in ("draining", "leaving")


def test_what_it_keeps_is_bounded():
    fitness = Fitness(3)
    for _ in range(100):
        fitness.stillborn("text")
    assert len(fitness.blamed) == 3
    assert fitness.why
