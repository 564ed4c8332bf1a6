from __future__ import annotations

import asyncio
import threading

import pytest
from work_app import app, echo

from zmqwork.errors import PendingFull, TaskCancelled, UsageError
from zmqwork.journal.inspection import Inspection


def test_all_of_it_is_submitted_at_the_end(producer, start_worker):
    start_worker()
    with app.batch():
        futures = [echo.submit(value) for value in range(100)]
        assert producer.status()["pending"] == 0
        assert futures[0].id == f"{producer.node_id[:8]}-0"
        assert not futures[0].cancel()
    assert [future.seq for future in futures] == list(range(1, 101))
    assert [future.result(30) for future in futures] == list(range(100))
    assert echo.submit("behind").result(30) == "behind"


def failing(futures, *, within=False):
    with app.batch():
        if within:
            with app.batch():
                futures.append(echo.submit(1))
        else:
            futures.append(echo.submit(1))
        assert not futures[0].done()
        raise ZeroDivisionError


def test_nothing_of_it_is_if_an_exception_ends_it(producer):
    futures = []
    with pytest.raises(ZeroDivisionError):
        failing(futures)
    (future,) = futures
    assert future.cancelled()
    with pytest.raises(TaskCancelled, match="its batch was not submitted"):
        future.result(0)
    assert producer.status()["pending"] == 0


def test_waiting_inside_it_is_refused(producer):
    with app.batch():
        future = echo.submit(1)
        for wait in (future.result, future.exception, lambda: asyncio.run(awaited(future))):
            with pytest.raises(UsageError, match="not submitted yet"):
                wait()
        with pytest.raises(TimeoutError):
            future.result(0)
    assert not future.done()
    assert producer.status()["pending"] == 1


async def awaited(future):
    return await future


def test_one_within_another_joins_it(producer):
    futures = []
    with pytest.raises(ZeroDivisionError):
        failing(futures, within=True)
    assert futures[0].cancelled()
    assert producer.status()["pending"] == 0


def test_other_threads_and_what_outlives_it_are_not_in_it(producer):
    futures = {}

    def submit(name):
        futures[name] = echo.submit(name)

    async def later(name, event):
        await event.wait()
        submit(name)

    async def main():
        event = asyncio.Event()
        with app.batch():
            thread = threading.Thread(target=submit, args=["thread"])
            thread.start()
            thread.join()
            submit("inside")
            assert [futures[name].seq for name in ("thread", "inside")] == [1, 0]
            started = asyncio.create_task(later("outlives", event))
        event.set()
        await started

    asyncio.run(main())
    assert {name: future.seq for name, future in futures.items()} == {
        "thread": 1, "inside": 2, "outlives": 3,
    }  # fmt: skip
    assert producer.status()["pending"] == 3


def test_a_group_that_is_too_large(realm):
    with app.producer(realm=realm, max_pending=2, max_pending_bytes=1000) as small:
        futures = []
        with pytest.raises(UsageError, match="a group of 3 tasks"), app.batch():
            futures.extend(echo.submit(value) for value in range(3))
        assert [future.cancelled() for future in futures] == [True, True]
        with pytest.raises(UsageError, match="max_pending_bytes=1000"), app.batch():
            echo.submit("x" * 2000)
        assert small.status()["pending"] == 0
        small.stop()


def test_there_is_no_room_now(realm):
    with app.producer(realm=realm, max_pending=2, on_full="raise") as small:
        first = echo.submit(1)
        with pytest.raises(PendingFull), app.batch():
            futures = [echo.submit(2), echo.submit(3)]
        assert [future.cancelled() for future in futures] == [True, True]
        assert first.cancel()
        with app.batch():
            futures = [echo.submit(2), echo.submit(3)]
        assert small.status()["pending"] == 2
        small.stop()


def test_it_waits_for_room(realm):
    with app.producer(realm=realm, max_pending=2) as small:
        first = echo.submit(1)
        inside = threading.Event()

        def submit():
            with app.batch():
                echo.submit(2)
                echo.submit(3)
                inside.set()

        thread = threading.Thread(target=submit)
        thread.start()
        assert inside.wait(30)
        assert first.cancel()
        thread.join(30)
        assert small.status()["pending"] == 2
        small.stop()


def test_what_has_no_place_in_it(producer):
    with app.batch(), pytest.raises(UsageError, match=r"submit\(\) alone"):
        list(echo.map([1]))
    assert producer.status()["pending"] == 0


def test_its_producer_stops_meanwhile(realm):
    with app.producer(realm=realm) as stopping:
        futures = []
        with pytest.raises(UsageError, match="has stopped"), app.batch():
            futures += [echo.submit(1), stopping.stop()]
        assert futures[0].cancelled()


def test_with_a_journal_it_is_one(realm, tmp_path):
    with app.producer(realm=realm, journal=tmp_path / "j", allow_volatile_journal=True) as durable:
        with app.batch():
            futures = [echo.submit(value) for value in range(10)]
        assert durable.flush(30)
        assert all(future.confirmed for future in futures)
        durable.stop()
    (path,) = (tmp_path / "j").glob("*.db")
    with Inspection(path) as inspection:
        rows = [[part for _, _, part in parts] for _, _, parts in inspection.rows()]
    (filed,) = [part.filed for parts in rows for part in parts if part.filed]
    assert [one.seqs for one in filed] == [list(range(1, 11))]
