from __future__ import annotations

import pytest
from desks import ProducerDesk, done, spec

from zmqwork.config import TaskOptions
from zmqwork.core import explain
from zmqwork.core.effects import Notice
from zmqwork.core.events import CancelRequested, LinkDown, LinkUp, Probed, Received, StatusRequested
from zmqwork.core.ledger import CHILD_DIED, WORKER_LOST, TaskSpec, Trouble
from zmqwork.core.messages import FAILED, Failure, Refused, Started


@pytest.fixture
def desk():
    return ProducerDesk()


def about(desk, seq=1):
    desk.turn(StatusRequested("request", seq))
    return next(effect.value for effect in desk.effects if hasattr(effect, "value"))


def test_no_worker_was_found(desk):
    desk.submit(1)
    said = about(desk)
    assert said["no_worker"]
    assert "no worker was found" in said["text"]
    assert "none" in said["text"]


def test_of_chunks_the_items_are_counted(desk):
    first, second = (TaskSpec("f[]", "1", TaskOptions(), count) for count in (10, 7))
    desk.submit(1, 2, of=first)
    desk.submit(3, of=second)
    assert "27 x task 'f' " in about(desk)["text"]
    desk.turn(CancelRequested([2]))
    assert "17 x task 'f' " in about(desk)["text"]
    desk.until(110.0)
    [notice] = [notice for notice in desk.effects if isinstance(notice, Notice)]
    assert "17 x task 'f' " in notice.text
    assert notice.data["waiting"] == 17


def test_refusals_are_named(desk):
    link = desk.find()
    desk.turn(LinkUp(link))
    desk.turn(Received(link, [(1, Refused("realm", "this node belongs to 'other'"))]))
    desk.submit(1)
    assert "refused: this node belongs to 'other'" in about(desk)["text"]
    assert "1 refused" in about(desk)["text"]


@pytest.mark.parametrize(
    ("tasks", "name", "hint"),
    [
        ({"thumbnail": "1"}, "thumbnial", "did you mean 'thumbnail'?"),
        ({"thumbnail": "1", "thumbnail[]": "1"}, "zzz", "known are 'thumbnail'"),
        ({f"t{n}": "1" for n in range(9)}, "zzz", "and 4 more"),
        ({}, "zzz", "none are known"),
    ],
)
def test_an_unknown_task_gets_a_hint(desk, tasks, name, hint):
    desk.open(tasks=tasks)
    desk.submit(1, of=spec(name))
    assert hint in about(desk)["text"]


def test_another_signature(desk):
    desk.open(tasks={"f": "2"})
    desk.submit(1)
    assert "another signature" in about(desk)["text"]


def test_another_queue(desk):
    desk.open(queues=["images"])
    desk.submit(1)
    assert "no worker serves this queue" in about(desk)["text"]


def test_a_task_under_way(desk):
    link = desk.open()
    desk.submit(1)
    assert about(desk)["text"] == "attempt 1 is queued at worker worker-w#0000"
    desk.say(link, Started([1], [1]))
    assert about(desk)["text"] == "attempt 1 runs on worker worker-w#0000"
    desk.say(link, done(1, failures=[Failure(1, 1, FAILED, {"type": "E", "text": ""})]))
    assert "a retry is due" in about(desk)["text"]


def test_a_lost_worker(desk):
    desk.open()
    desk.submit(1)
    desk.turn(LinkDown(desk.link_of("w")), Probed("local:w", gone=True))
    assert "1 lost" in about(desk)["text"]


def test_what_killed_the_workers_of_a_task():
    trouble = Trouble(crashes=3)
    trouble.note({"worker": "a", "cause": CHILD_DIED, "signal": "SIGSEGV"})
    trouble.note({"worker": "b", "cause": CHILD_DIED, "exit_code": 3})
    trouble.note({"worker": "c", "cause": WORKER_LOST, "attempt": 3})
    trouble.note({"cause": "failed", "type": "E", "text": ""})
    assert explain.crashes(trouble) == (
        "3 of its attempts ended in a crash (child died by SIGSEGV on a; child exited with 3 on b; "
        "worker c was lost)"
    )
