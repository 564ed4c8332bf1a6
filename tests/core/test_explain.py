from __future__ import annotations

import difflib
from types import SimpleNamespace

import pytest
from desks import REALM, ProducerDesk, done, spec

from zmqwork.core import causes, explain
from zmqwork.core.effects import Notice
from zmqwork.core.events import CancelRequested, StatusRequested
from zmqwork.core.ledger import ENDINGS_MAX, TaskSpec
from zmqwork.core.link_events import (
    LinkDown,
    LinkUp,
    Probed,
    Received,
)
from zmqwork.core.messages import (
    FAILED,
    HELD_RUNNING,
    LOST,
    Credit,
    Draining,
    Failure,
    Refused,
    Started,
)
from zmqwork.core.trouble import CHILD_DIED, WORKER_LOST, Trouble
from zmqwork.options import TaskOptions


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


def test_a_worker_that_runs_commands_is_started_in_another_way(desk):
    desk.submit(1, of=spec("exec"))
    said = about(desk)
    assert said["text"].endswith("start one with: zmqwork worker --realm NAME --exec 'CMD {}'")
    assert f"zmqwork worker --realm {REALM} --exec" in said["advice"][0]


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
    assert about(desk)["text"].endswith("; see: zmqwork doctor")


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
    assert causes.crashes(trouble) == (
        "3 of its attempts ended in a crash (child died by SIGSEGV on a; child exited with 3 on b; "
        "worker c was lost)"
    )


def why_not(desk, seq=1):
    return {view["name"]: view["why_not"] for view in about(desk, seq)["workers"]}


def test_each_worker_says_why_it_does_not_run_a_task(desk):
    desk.open("a", tasks={"g": "1"})
    desk.open("b", tasks={"f": "2"})
    desk.open("c", queues=["images"])
    desk.open("d", credit=1)
    desk.open("e", credit=0)
    desk.say(desk.open("h"), Draining())
    desk.submit(1)
    desk.submit(2, args=b"123")
    assert why_not(desk, 2) == {
        "worker-a": "does not know the task: known are 'g'",
        "worker-b": "knows the task with another signature",
        "worker-c": "does not serve queue 'default', but images",
        "worker-d": "has no credit left: it holds 1, and has granted 1",
        "worker-e": "has no credit left: it holds 0, and has granted 0 (it is paused, or has just "
        "come)",
        "worker-h": "is draining: it takes nothing new",
    }
    assert why_not(desk, 1)["worker-d"] == ""
    assert [v["name"] for v in about(desk)["workers"] if v["has_it"]] == ["worker-d"]


def test_what_a_worker_has_besides_takes_its_credit(desk):
    """It was given up on, and is back with a task that runs elsewhere by now."""
    link = desk.open("w", credit=1)
    desk.submit(1)
    desk.open("v", credit=1)
    desk.turn(LinkDown(link), Probed("local:w", gone=True))
    desk.greet("w", Credit(1, 1 << 20), held=[[1, 1, HELD_RUNNING]])
    desk.submit(2)
    assert why_not(desk, 2)["worker-w"] == "has no credit left: it holds 1, and has granted 1"
    (advice,) = about(desk, 2)["advice"]
    assert "more workers" in advice


def test_a_worker_without_room_for_the_arguments(desk):
    desk.open("w", credit=9, slots=9, size_bytes=4)
    desk.submit(1, args=b"123")
    desk.submit(2, args=b"123")
    assert why_not(desk, 2) == {"worker-w": "has no room for 3 bytes of arguments"}


def test_a_suspect_that_has_the_task(desk):
    desk.open()
    desk.submit(1, 2)
    desk.until(102.5)
    assert about(desk)["text"].endswith("is queued at worker worker-w#0000, which is suspect")
    assert "dispatched again" in about(desk)["advice"][0]
    assert why_not(desk, 2) == {"worker-w": "is suspect: it is given nothing new"}


def test_the_times_that_remain(desk):
    link = desk.open()
    desk.submit(1, of=spec(retry_backoff=100.0, expires=50.0))
    desk.say(link, done(1, failures=[Failure(1, 1, FAILED, {"type": "E", "text": "x" * 999})]))
    said = about(desk)
    assert (said["state"], said["expires_in"]) == ("resting", 50.0)
    assert 0 < said["retry_in"] <= 100.0
    assert f"a retry is due in {said['retry_in']:.1f} s" in said["text"]
    assert (said["failures"], said["max_retries"]) == (1, 3)
    assert said["evidence"] == [{"cause": "failed", "type": "E", "text": "x" * 300, "attempt": 1}]


def test_what_is_not_due_yet(desk):
    link = desk.open()
    desk.submit(1, of=spec(countdown=1.0))
    assert about(desk)["text"] == "it is not time yet: it is due in 1.0 s"
    assert about(desk)["advice"] == []
    desk.until(101.0)
    desk.say(link, done(1, failures=[Failure(1, 1, FAILED, {"snooze": True, "after": 2.0})]))
    assert about(desk)["text"] == "attempt 1 put it off; the next one is due in 2.0 s"


@pytest.mark.parametrize(
    ("evidence", "advice"),
    [
        ({"signal": "SIGKILL"}, "did its memory run out?"),
        ({"signal": "SIGSEGV"}, "faulthandler"),
        ({"exit_code": 3}, "faulthandler"),
    ],
)
def test_what_a_crash_calls_for(desk, evidence, advice):
    link = desk.open()
    desk.submit(1)
    error = {"type": "ChildDied", "text": "", **evidence}
    desk.say(link, done(1, failures=[Failure(1, 1, LOST, error)]))
    said = about(desk)
    assert (said["crashes"], said["crash_limit"]) == (1, 3)
    assert said["evidence"][0] == {
        "worker": "worker-w#0000", "cause": CHILD_DIED, "attempt": 1, **evidence,
    }  # fmt: skip
    assert any(advice in line for line in said["advice"])


@pytest.mark.parametrize(
    ("fields", "advice"),
    [
        (None, "zmqwork doctor --realm realm"),
        ({"tasks": {"f": "2"}}, "version of the code"),
        ({"queues": ["images"]}, "-Q default"),
        ({"tasks": {"g": "1"}}, "correct its name"),
    ],
)
def test_what_to_try_when_nobody_can_run_it(desk, fields, advice):
    if fields is not None:
        desk.open(**fields)
    desk.submit(1)
    said = about(desk)
    assert said["no_worker"]
    assert any(advice in line for line in said["advice"])


def test_chunks_of_map_have_the_name_of_their_task(desk):
    desk.open(tasks={"thumbnail": "1", "thumbnail[]": "1"})
    desk.submit(1, of=spec("thumbnial[]"))
    said = about(desk)
    assert (said["task"], said["is_chunk"]) == ("thumbnial", True)
    assert "did you mean 'thumbnail'?" in said["text"]


def test_tasks_that_are_settled(desk):
    link = desk.open(credit=9, slots=9)
    desk.submit(1, 2, of=spec(max_retries=0))
    error = {"type": "ValueError", "text": "no such tile"}
    desk.say(link, done(1, (1, 1), failures=[Failure(2, 1, FAILED, error)]))
    assert about(desk, 1)["text"] == "it is settled as succeeded"
    said = about(desk, 2)
    assert (said["state"], said["task"], said["attempt"]) == ("failed", "f", 1)
    assert said["text"] == "it is settled as failed: ValueError: no such tile"
    assert about(desk, 3)["text"] == "this producer never had it: its newest is number 2"


def test_a_producer_that_had_no_task(desk):
    assert about(desk)["text"] == "this producer never had it: it has had none"


def test_endings_are_forgotten_in_the_end(desk):
    link = desk.open(credit=ENDINGS_MAX + 9, slots=ENDINGS_MAX + 9)
    last = ENDINGS_MAX + 1
    desk.submit(*range(1, last + 2), of=spec(max_retries=0))
    failures = [Failure(seq, 1, FAILED, {"type": "E", "text": ""}) for seq in range(1, last + 1)]
    desk.say(link, done(1, (last + 1, 1), failures=failures))
    assert len(desk.machine._ledger.endings) == ENDINGS_MAX
    assert about(desk, 2)["state"] == "failed"
    # One was forgotten, so it cannot be told any more which.
    assert about(desk, 1)["state"] == about(desk, last + 1)["state"] == "settled"


def test_the_lanes_of_a_status_say_why_nobody_serves_them(desk):
    desk.open(credit=1)
    desk.submit(1, 2, 3)
    desk.submit(4, of=spec("zzz", queue="q"))
    desk.turn(StatusRequested("all"))
    (status,) = [effect.value for effect in desk.effects if hasattr(effect, "value")]
    assert (status["pending"], status["queues"]) == (4, ["default", "q"])
    served, unserved = status["lanes"]
    assert served == {"task": "f", "queue": "default", "priority": 0, "waiting": 2, "why": ""}
    assert "no worker knows this task" in unserved["why"]


def test_of_many_names_those_are_compared_that_begin_alike(desk, monkeypatch):
    compared = []

    def get_close_matches(name, names, n):
        compared.append(len(names))
        return difflib.get_close_matches(name, names, n=n)

    monkeypatch.setattr(explain, "difflib", SimpleNamespace(get_close_matches=get_close_matches))
    desk.open(tasks={f"task_{number:05}": "1" for number in range(20_000)} | {"thumbnail": "1"})
    desk.submit(1, of=spec("thumbnial"))
    assert "did you mean 'thumbnail'?" in about(desk)["text"]
    desk.submit(2, of=spec("task_0700x"))
    assert "did you mean 'task_07" in about(desk, 2)["text"]
    assert max(compared) <= 128
