from __future__ import annotations

import pytest
from desks import entries, spec, welcome

from zmqwork.core.lanes import Lane, key_of
from zmqwork.core.ledger import TaskSpec
from zmqwork.core.link_events import PeerFound
from zmqwork.core.liveness import Liveness
from zmqwork.core.peer import Peer
from zmqwork.core.workers import Workforce
from zmqwork.options import TaskOptions


def peer(label):
    made = Peer(PeerFound(f"local:{label}", (f"ipc://{label}",)), Liveness(2.0, 4.0, 0.0))
    made.name = f"worker-{label}"
    return made


def lane(queue, name, fingerprint):
    return Lane(key_of(TaskSpec(name, fingerprint, TaskOptions(queue=queue))))


@pytest.fixture
def workforce():
    return Workforce()


def admit(workforce, label, limit=2, slots=1, **fields):
    worker = workforce.admit(peer(label), welcome(label, slots=slots, **fields))
    worker.usable = True
    worker.limit = limit
    worker.group.list(worker)
    return worker


def load(worker, count):
    for entry in entries(*range(count), args=b"xy"):
        worker.take_on(entry)


def test_a_worker_counts_what_it_holds(workforce):
    worker = admit(workforce, "a")
    one, other = entries(1, 2, args=b"12345")
    worker.take_on(one)
    worker.take_on(other)
    assert (one.worker, worker.held_bytes) == (worker, 10)
    worker.drop(one)
    worker.drop(one)
    assert (one.worker, worker.held_bytes, list(worker.held)) == (None, 5, [2])
    assert repr(worker) == "<Worker local:a: 1 held, credit 2>"


def test_workers_with_one_offer_are_one_group(workforce):
    a, b = admit(workforce, "a"), admit(workforce, "b")
    c = admit(workforce, "c", tasks={"f": "2"})
    assert a.group is b.group is not c.group
    assert len(workforce) == 3
    assert list(workforce) == [a, b, c]
    assert workforce.get(a.node_id) is a


@pytest.mark.parametrize(
    ("key", "serves"),
    [
        (("default", "f", "1"), True),
        (("other", "f", "1"), False),
        (("default", "f", "2"), False),
        (("default", "h", "1"), False),
    ],
)
def test_a_group_serves_by_task_signature_and_queue(workforce, key, serves):
    assert admit(workforce, "a", queues=["default"]).group.serves(lane(*key)) is serves


def test_no_queues_means_all(workforce):
    assert admit(workforce, "a").group.serves(lane("any", "f", "1"))


def test_idle_workers_take_turns(workforce):
    a, b = admit(workforce, "a"), admit(workforce, "b")
    group = a.group
    assert group.idle_count == group.open_count == 2
    assert group.idle_worker() is a
    group.rotate_idle()
    assert group.idle_worker() is b
    group.rotate_open()
    assert group.open_worker() is b


def test_whoever_has_filled_up_is_dropped_when_its_turn_comes(workforce):
    a, b = admit(workforce, "a"), admit(workforce, "b")
    load(a, 1)
    assert a.group.idle_worker() is b
    assert not a.in_idle
    assert a.group.open_worker() is a, "its slot is busy, its credit is not used up"
    load(b, 2)
    assert a.group.idle_worker() is None
    load(a, 2)
    assert a.group.open_worker() is None
    a.held.clear()
    a.group.list(a)
    a.group.list(a)
    assert (a.group.idle_worker(), a.group.idle_count) == (a, 1)


def test_whoever_is_not_usable_is_neither_listed_nor_chosen(workforce):
    a = admit(workforce, "a")
    a.usable = False
    assert a.group.idle_worker() is None
    assert a.group.open_worker() is None
    a.group.list(a)
    assert a.group.idle_count == a.group.open_count == 0


def test_without_credit_nobody_is_listed(workforce):
    assert admit(workforce, "a", limit=0).group.open_count == 0


def test_another_offer_moves_a_worker(workforce):
    a, b = admit(workforce, "a"), admit(workforce, "b")
    old = a.group
    again = admit(workforce, "a", tasks={"g": "9"})
    assert again is a
    assert a.group is not old
    assert list(old.workers) == [b.node_id]
    assert a.group.idle_worker() is a
    assert old.idle_worker() is b
    admit(workforce, "b", tasks={"g": "9"})
    assert list(workforce.groups.values()) == [a.group]


def test_a_task_can_be_withdrawn(workforce):
    a = admit(workforce, "a")
    workforce.withdraw_task(a, "f")
    assert not a.group.serves(lane("default", "f", "1"))
    assert a.group.serves(lane("default", "g", "1"))
    assert a.group.idle_worker() is a
    workforce.withdraw_task(a, "f")
    assert a.group.idle_count == 1


def test_removed_workers_leave_nothing(workforce):
    a = admit(workforce, "a")
    workforce.remove(a)
    assert len(workforce) == 0
    assert workforce.groups == {}
    assert not a.usable
    assert spec().name == "f"
