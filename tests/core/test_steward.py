from __future__ import annotations

import pytest
from desks import ProducerDesk, done, entries, node_id, spec
from durable_desk import DurableDesk

from zmqwork.core.effects import Reopen, Resubmit
from zmqwork.core.events import Resubmitted
from zmqwork.core.messages import Cancel, Failure, Hello, Started, Welcome
from zmqwork.core.orders import ORDER_TASKS_MAX, REFUSED, UNFIT, UNKNOWN_TASK, Order, Ordered
from zmqwork.queues import QUEUES_MAX

LINK = b"observer/1"


def observe(desk, role="observer", link=LINK):
    """An observer dials in."""
    hello = Hello(1, node_id(f"o-{role}"), role, "o", "realm", (1, 1))
    desk.say(link, hello)
    (welcome,) = desk.sent(Welcome, link)
    return welcome


def order(desk, verb, data=(), **arguments):
    """What comes of it, at once."""
    desk.say(LINK, Order(7, verb, arguments, list(data)))
    return desk.sent(Ordered, LINK)


def ordered(desk, verb, data=(), **arguments):
    (answer,) = order(desk, verb, data, **arguments)
    assert answer.request == 7
    return answer


def value(desk, verb, **arguments):
    answer = ordered(desk, verb, **arguments)
    assert (answer.code, answer.text) == ("done", "")
    return answer.value


def fail(desk, *seqs, batch=1, of=None, error=None, args=b"args"):
    desk.submit(*seqs, of=of or spec(max_retries=0), args=args)
    error = error or {"type": "E", "text": "no", "traceback": "tb"}
    failures = [Failure(seq, 1, "failed", error) for seq in seqs]
    desk.say(desk.link_of("w"), done(batch, failures=failures))


@pytest.fixture
def desk():
    made = ProducerDesk()
    made.open(credit=50, slots=50)
    observe(made)
    return made


def test_that_it_obeys_is_said_to_observers_alone():
    desk = ProducerDesk()
    assert observe(desk).can == ["obey"]
    assert observe(desk, "worker", b"w/1").can == []


def test_others_order_nothing():
    desk = ProducerDesk()
    observe(desk, "worker")
    strays = desk.machine.listener.counters.strays
    assert order(desk, "pause", queue="q") == []
    assert desk.machine.listener.counters.strays == strays + 1


def test_what_it_does_not_know(desk):
    assert ordered(desk, "fly").code == "unknown_verb"
    assert ordered(desk, "pause").code == UNFIT


def test_tasks_by_state(desk):
    desk.submit(1, 2, 3, of=spec(priority=3))
    desk.submit(4, of=spec("nobody", expires=50))
    desk.submit(5, of=spec(countdown=30))
    desk.say(desk.link_of("w"), Started([2], [1]))
    desk.now += 2.5
    (started,) = value(desk, "tasks", state="started")["rows"]
    assert started == {
        "seq": 2, "task": "f", "queue": "default", "priority": 3, "state": "started", "attempt": 1,
        "worker": "worker-w", "worker_id": node_id("w"), "running_for": 2.5,
    }  # fmt: skip
    assert [row["seq"] for row in value(desk, "tasks", state="dispatched")["rows"]] == [1, 3]
    (waiting,) = value(desk, "tasks", state="waiting")["rows"]
    assert (waiting["seq"], waiting["expires_in"]) == (4, 47.5)
    assert "worker" not in waiting
    (resting,) = value(desk, "tasks", state="resting")["rows"]
    assert (resting["seq"], resting["due_in"]) == (5, 27.5)
    assert ordered(desk, "tasks", state="asleep").code == UNFIT


def test_lists_are_pages(desk):
    desk.submit(*range(1, 8), of=spec("nobody"))
    page = value(desk, "tasks", state="waiting", count=3)
    assert ([row["seq"] for row in page["rows"]], page["more"]) == ([1, 2, 3], True)
    page = value(desk, "tasks", state="waiting", after=4, count=3)
    assert ([row["seq"] for row in page["rows"]], page["more"]) == ([5, 6, 7], False)
    assert len(value(desk, "tasks", state="waiting", count=0)["rows"]) == 7


def test_cancel(desk):
    desk.submit(1, 2, 3)
    desk.submit(4, of=spec("nobody"))
    desk.say(desk.link_of("w"), Started([1], [1]))
    assert value(desk, "cancel", tasks=[1, 2, 2, 4, 99]) == {"tasks": [2, 4]}
    assert desk.settled() == [(2, "cancelled"), (4, "cancelled")]
    assert value(desk, "cancel", tasks=[1], running=True) == {"tasks": [1]}
    assert desk.sent(Cancel) == [Cancel([1])]
    assert value(desk, "cancel", tasks=[3], hard=True) == {"tasks": [3]}
    assert desk.sent(Cancel) == [Cancel([3], hard=True)]


def test_pause_and_resume(desk):
    assert value(desk, "pause", queue="default") == {"paused": ["default"]}
    desk.submit(1)
    assert desk.given() == []
    assert value(desk, "resume", queue="default") == {"paused": []}
    assert len(desk.given()) == 1


def test_too_many_are_paused(desk):
    desk.machine._books.paused.update(dict.fromkeys(map(str, range(QUEUES_MAX))))
    assert ordered(desk, "pause", queue="one more").code == REFUSED
    assert len(value(desk, "pause", queue="1")["paused"]) == QUEUES_MAX


def test_dead_letters(desk):
    fail(desk, 2, 1)
    desk.now += 10
    fail(desk, 3, batch=2, of=spec("g", max_retries=0), error={"type": "E", "text": "x" * 9999})
    rows = value(desk, "letters")["rows"]
    assert rows[0] == {
        "seq": 1, "task": "f", "queue": "default", "state": "failed", "attempts": 1, "age": 10.0,
        "type": "E", "text": "no", "size_bytes": 4,
    }  # fmt: skip
    assert [row["seq"] for row in rows] == [1, 2, 3]
    assert len(rows[2]["text"]) == 2000

    def seqs(**conditions):
        return [row["seq"] for row in value(desk, "letters", **conditions)["rows"]]

    assert seqs(task="g") == [3]
    assert seqs(older_than=5) == [1, 2]
    assert seqs(newer_than=5) == [3]
    assert seqs(tasks=[3, 99, 1], older_than=5) == [1]
    assert seqs(after=1, count=1) == [2]
    answer = ordered(desk, "letters", tasks=[1], full=True)
    assert answer.data == [b"args"]
    (row,) = answer.value["rows"]
    assert (row["traceback"], row["evidence"]) == ("tb", [])


def keep(desk, *seqs, args=b"", error=None):
    for entry in entries(*seqs, args=args):
        entry.error = error
        desk.machine._books.letters.keep(entry, "failed")


def test_evidence_is_short(desk):
    keep(desk, 1, error={"evidence": [{"text": "y" * 999, "attempt": 3}]})
    (row,) = ordered(desk, "letters", full=True).value["rows"]
    assert row["evidence"] == [{"text": "y" * 300, "attempt": 3}]


def test_arguments_of_many_are_pages_too(desk):
    keep(desk, 1, 2, 3, args=bytes(600_000))
    answer = ordered(desk, "letters", full=True)
    assert (len(answer.data), answer.value["more"]) == (1, True)
    answer = ordered(desk, "letters", full=True, after=2)
    assert (len(answer.data), answer.value["more"]) == (1, False)


def test_revive(desk):
    fail(desk, 1, 2, 3)
    assert ordered(desk, "revive").code == UNFIT
    assert value(desk, "revive", tasks=[2, 99]) == {"tasks": [2], "more": False}
    assert [[entry.seq for entry in effect.entries] for effect in desk.of(Reopen)] == [[2]]
    assert len(desk.given()) == 1
    assert value(desk, "revive", all=True) == {"tasks": [1, 3], "more": False}


def test_remove(desk):
    fail(desk, 1, 2, 3)
    assert ordered(desk, "remove", all=False).code == UNFIT
    assert value(desk, "remove", task="g") == {"tasks": [], "more": False}
    assert value(desk, "remove", all=True, after=1) == {"tasks": [2, 3], "more": False}
    assert [row["seq"] for row in value(desk, "letters")["rows"]] == [1]


def test_one_order_is_for_so_many(desk):
    keep(desk, *range(1, ORDER_TASKS_MAX + 3))
    first = value(desk, "remove", all=True)
    assert (len(first["tasks"]), first["more"]) == (ORDER_TASKS_MAX, True)
    assert len(desk.machine._books.letters) == 2


def test_age_of_one_that_is_not_dated(desk):
    keep(desk, 1)
    desk.machine._books.letters._fresh.clear()
    assert value(desk, "letters")["rows"][0]["age"] == 0.0


def test_edit(desk):
    fail(desk, 1)
    assert ordered(desk, "edit", [b"other"], seq=9).code == UNKNOWN_TASK
    assert order(desk, "edit", [b"other"], seq=1) == []
    (effect,) = desk.of(Resubmit)
    assert (effect.spec.name, effect.args) == ("f", b"other")
    desk.turn(Resubmitted(effect.request, None, "it has stopped"))
    assert desk.sent(Ordered, LINK) == [Ordered(7, REFUSED, "it has stopped")]
    assert len(desk.machine._books.letters) == 1
    desk.turn(Resubmitted(effect.request, 2))
    assert desk.sent(Ordered, LINK) == [Ordered(7, value={"tasks": [2]})]
    assert len(desk.machine._books.letters) == 0


def test_with_a_journal_done_means_recorded():
    desk = DurableDesk()
    desk.open(credit=50, slots=50)
    observe(desk)
    desk.file(1)
    assert order(desk, "cancel", tasks=[1]) == []
    assert desk.batch().settled == {"cancelled": [1]}
    desk.write()
    assert desk.sent(Ordered, LINK) == [Ordered(7, value={"tasks": [1]})]
    # What is asked while nothing is written is answered at once.
    assert value(desk, "tasks", state="waiting") == {"rows": [], "more": False}


def test_a_journal_that_closes_answers_at_once():
    desk = DurableDesk()
    observe(desk)
    desk.machine._journaling.close(desk.now)
    assert value(desk, "tasks", state="waiting") == {"rows": [], "more": False}
