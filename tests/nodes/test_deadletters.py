from __future__ import annotations

import pytest
from work_app import app, echo, exit_hard, raise_value_error

from zmqwork.errors import TaskFailed, TaskLost, UsageError


@pytest.fixture
def served(producer, start_worker):
    start_worker()
    return producer


def fail(text):
    future = raise_value_error.submit(text)
    with pytest.raises(TaskFailed):
        future.result(30)
    return future


def test_what_failed_and_what_died_is_listed(served):
    one = fail("one")
    dead = exit_hard.submit(3)
    with pytest.raises(TaskLost):
        dead.result(30)
    assert echo.submit(1).result(30) == 1
    first, second = app.deadletters
    assert (first.id, first.task, first.state, first.attempts) == (
        one.id, "raise_value_error", "failed", 1,
    )  # fmt: skip
    assert isinstance(first.error, TaskFailed)
    assert first.error.reason == "ValueError: one"
    assert first.call == (["one"], {})
    assert (second.state, len(second.evidence), second.call) == ("dead", 3, ([3], {}))
    assert second.evidence[0]["exit_code"] == 3
    assert 0 <= second.age <= first.age < 60
    assert len(app.deadletters) == 2
    assert [letter.id for letter in app.deadletters.find(task="exit_hard")] == [dead.id]
    assert app.deadletters.find(older_than=3600) == []
    assert len(app.deadletters.find(newer_than=3600)) == 2
    assert [letter.id for letter in app.deadletters.find(one.id)] == [one.id]
    assert repr(app.deadletters).startswith("<DeadLetters of <Producer")


def test_it_is_sent_again(served, wait_until):
    one, two = fail("one"), fail("two")
    (again,) = app.deadletters.revive(one.id)
    assert again.id == one.id
    assert served.status()["pending"] <= 1
    with pytest.raises(TaskFailed, match="one"):
        again.result(30)
    assert served.drain(30)
    assert {letter.id for letter in app.deadletters} == {one.id, two.id}
    for future in app.deadletters.revive(all=True):
        with pytest.raises(TaskFailed):
            future.result(30)
    assert served.status()["pending"] == 0


def test_it_is_sent_again_with_other_arguments(served):
    one = fail("one")
    future = app.deadletters.edit(one.id, "other")
    with pytest.raises(TaskFailed, match="other"):
        future.result(30)
    assert [letter.call[0] for letter in app.deadletters] == [["other"]]
    with pytest.raises(UsageError, match="no dead letter"):
        app.deadletters.edit(one.id, "x")


def test_it_is_removed(served):
    fail("one")
    fail("two")
    assert app.deadletters.remove(newer_than=60) == 2
    assert len(app.deadletters) == 0


def test_none_is_not_all(served):
    fail("one")
    with pytest.raises(UsageError, match="say which"):
        app.deadletters.remove(*[])
    assert len(app.deadletters) == 1


def test_ids_of_others(served):
    with pytest.raises(UsageError, match="no id of a task"):
        app.deadletters.find("17")
    with pytest.raises(UsageError, match="another producer"):
        app.deadletters.revive("00000000-1")


def test_a_journal_keeps_them(realm, tmp_path, start_worker):
    start_worker()
    with app.producer(realm=realm, journal=tmp_path / "journal"):
        one = fail("one")
    with app.producer(realm=realm, journal=tmp_path / "journal") as second:
        (letter,) = app.deadletters
        assert (letter.id, letter.call, letter.error.reason) == (
            one.id,
            (["one"], {}),
            "ValueError: one",
        )
        (again,) = app.deadletters.revive(all=True)
        with pytest.raises(TaskFailed, match="one"):
            again.result(30)
        assert second.drain(30)
        assert app.deadletters.remove(all=True) == 1
    assert list((tmp_path / "journal").iterdir()) == []
