from __future__ import annotations

from desks import ProducerDesk, WorkerDesk, done, spec
from durable_desk import DurableDesk, legacy

from zmqwork.core.events import SlotDied
from zmqwork.core.letters import RevivalRequested
from zmqwork.core.link_events import LinkDown, Probed
from zmqwork.core.messages import LOST, REJECTED, Cancel, Demand, Failure, Started, Tasks
from zmqwork.core.records import Recorded, Trial


def died(seq, attempt, batch):
    error = {"type": "ChildDied", "text": "", "signal": "SIGSEGV"}
    return done(batch, failures=[Failure(seq, attempt, LOST, error)])


def options(desk):
    return [run.options for tasks in desk.sent(Tasks) for run in tasks.runs]


def lose(desk, label="w"):
    desk.turn(LinkDown(desk.link_of(label)), Probed(f"local:{label}", gone=True))


# -- the producer ---------------------------------------------------------------------------------


def test_the_last_chance_is_alone():
    desk = ProducerDesk()
    link = desk.open()
    desk.submit(1)
    assert options(desk) == [{"queue": "default"}]
    desk.say(link, died(1, 1, 1))
    assert options(desk) == [{"queue": "default"}]
    desk.say(link, died(1, 2, 2))
    assert options(desk) == [{"queue": "default", "alone": True}]
    desk.say(link, died(1, 3, 3))
    assert desk.settled() == [(1, "dead")]


def test_a_lost_worker_is_the_fault_of_the_one_that_ran_alone():
    desk = ProducerDesk(crash_limit=2)
    link = desk.open("a", credit=4, slots=4)
    desk.submit(1)
    desk.say(link, died(1, 1, 1))
    desk.submit(2, 3)
    desk.say(link, Started([1], [2]))
    lose(desk, "a")
    assert desk.settled() == [(1, "dead")]
    assert [desk.machine._ledger.get(seq).crashes for seq in (2, 3)] == [0, 0]


def test_if_nothing_is_known_to_run_it_is_the_suspect():
    desk = ProducerDesk(crash_limit=2)
    link = desk.open("a", credit=4, slots=4)
    desk.submit(1)
    desk.say(link, died(1, 1, 1))
    desk.submit(2)
    lose(desk, "a")
    assert desk.settled() == [(1, "dead")]
    assert desk.machine._ledger.get(2).crashes == 0


def test_while_it_waits_it_is_not():
    desk = ProducerDesk(crash_limit=2)
    link = desk.open("a", credit=4, slots=4)
    desk.submit(1, 2)
    desk.say(link, died(1, 1, 1), Started([2], [1]))
    lose(desk, "a")
    assert desk.machine._ledger.get(1).crashes == 1
    assert desk.machine._ledger.get(2).crashes == 1


def test_a_later_process_knows_that_it_is_the_last_chance():
    trial = Trial(1, crashes=2, losses=2, evidence=[{"cause": "worker lost", "worker": "x"}])
    desk = DurableDesk(legacy(Recorded(spec(), 1, b"", trial=trial), epoch=2))
    desk.open()
    assert options(desk) == [{"queue": "default", "alone": True}]


def test_a_dead_letter_that_is_sent_again_has_all_its_chances():
    desk = ProducerDesk(crash_limit=2)
    link = desk.open()
    desk.submit(1)
    desk.say(link, died(1, 1, 1))
    desk.say(link, died(1, 2, 2))
    assert desk.settled() == [(1, "dead")]
    desk.turn(RevivalRequested("asked", None, lambda seq: f"owner of {seq}"))
    assert options(desk) == [{"queue": "default"}]


def test_what_is_rejected_on_its_last_chance_is_alone_elsewhere():
    desk = ProducerDesk(crash_limit=2)
    link = desk.open("a")
    desk.submit(1)
    desk.say(link, died(1, 1, 1))
    error = {"type": "Reject", "text": "no GPU", "rejected": True}
    desk.say(link, done(2, failures=[Failure(1, 2, REJECTED, error)]))
    desk.open("b")
    assert options(desk) == [{"queue": "default", "alone": True}]


# -- the worker -----------------------------------------------------------------------------------


def worker(slots, **more):
    desk = WorkerDesk(slots=slots, **more)
    link = desk.hello()
    desk.machine._window.ran(1000, 0.01)
    desk.machine._window.acked(0.01, 100.0)
    desk.machine._feeder._pace.observe("f", 1000, 0.01)
    desk.say(link, Demand(2))
    return desk, link


def test_it_has_a_slot_for_itself():
    desk, link = worker(2)
    desk.turn(desk.heard(link, desk.tasks(1, alone=True), desk.tasks(2, 3, 4, 5)))
    assert desk.placed() == [(0, 1), (1, 2)]
    assert desk.sent(Started, link) == [Started([1], [1])], "at once: it may take its process along"
    desk.finish(2, slot=1)
    assert desk.placed() == [(1, 3)]
    desk.turn(SlotDied(0, 1, {}))
    assert desk.placed() == [(1, 4), (1, 5)], "all is as before"


def test_it_waits_for_an_empty_slot():
    desk, link = worker(1)
    desk.say(link, desk.tasks(1, 2, 3))
    desk.say(link, desk.tasks(4, alone=True))
    assert desk.placed() == []
    desk.finish(1, 2)
    assert desk.placed() == []
    desk.finish(3)
    assert desk.placed() == [(0, 4)]


def test_where_slots_share_a_process_nothing_runs_beside_it():
    desk, link = worker(3, shares_process=True)
    desk.say(link, desk.tasks(1))
    desk.turn(desk.heard(link, desk.tasks(2, alone=True), desk.tasks(3, 4)))
    assert desk.placed() == [], "what runs ends first"
    desk.finish(1)
    assert desk.placed() == [(0, 2)]
    desk.say(link, desk.tasks(5))
    assert desk.placed() == []
    desk.finish(2)
    assert sorted(seq for _, seq in desk.placed()) == [3, 4, 5]


def test_one_that_was_cancelled_holds_nobody_up():
    desk, link = worker(2, shares_process=True)
    desk.say(link, desk.tasks(1))
    desk.turn(desk.heard(link, desk.tasks(2, alone=True), desk.tasks(3)))
    desk.say(link, Cancel([2]))
    assert desk.placed() == [(1, 3)]
    assert not desk.machine._feeder.loners.are_here()


def test_two_of_them_run_one_after_the_other():
    desk, link = worker(2, shares_process=True)
    desk.say(link, desk.tasks(1, 2, alone=True))
    assert desk.placed() == [(0, 1)]
    desk.finish(1)
    assert desk.placed() == [(0, 2)]
