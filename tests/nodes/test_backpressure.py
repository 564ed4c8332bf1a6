from __future__ import annotations

import asyncio
import resource

import pytest
from work_app import app, echo

from zmqwork.errors import PendingFull, UsageError


@pytest.fixture
def tight(realm):
    """Two tasks may be unsettled, and nobody is there."""
    with app.producer(realm=realm, max_pending=2) as made:
        yield made
        made.stop()


def test_room_is_waited_for_while_the_loop_goes_on(tight):
    async def main():
        first = await echo.asubmit(1)
        await echo.asubmit(2)
        waiting = [asyncio.ensure_future(echo.asubmit(number)) for number in (3, 4)]
        await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        assert first.cancel()
        done, _ = await asyncio.wait(waiting, timeout=30, return_when=asyncio.FIRST_COMPLETED)
        assert len(done) == 1
        tight.cancel_all()
        assert [(await task).seq for task in waiting] == [3, 4]

    asyncio.run(main())


def test_who_waits_can_be_cancelled(tight):
    async def main():
        await echo.asubmit(1)
        await echo.asubmit(2)
        waiting = asyncio.ensure_future(echo.asubmit(3))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert not tight._node.pending._awaiters

    asyncio.run(main())


def test_who_waits_is_told_that_the_producer_stops(tight):
    async def main():
        await echo.asubmit(1)
        await echo.asubmit(2)
        waiting = asyncio.ensure_future(echo.asubmit(3))
        await asyncio.sleep(0)
        tight.stop()
        with pytest.raises(UsageError, match="stopped"):
            await waiting

    asyncio.run(main())


def test_a_producer_that_raises_raises_here_too(realm):
    async def main():
        with app.producer(realm=realm, max_pending=1, on_full="raise") as made:
            await echo.asubmit(1)
            with pytest.raises(PendingFull):
                await echo.asubmit(2)
            made.stop()

    asyncio.run(main())


def test_a_loop_that_is_closed_harms_nobody(tight):
    async def wait_for_ever():
        await echo.asubmit(1)
        await echo.asubmit(2)
        task = asyncio.ensure_future(echo.asubmit(3))
        await asyncio.sleep(0)
        return task

    loop = asyncio.new_event_loop()
    task = loop.run_until_complete(wait_for_ever())
    loop.close()
    tight.cancel_all()
    assert tight.drain(30)
    task._log_destroy_pending = False


def test_a_million_submits_without_a_worker_stay_within_the_bound(realm):
    """Each task beyond it is refused, and nothing is left of it."""
    with app.producer(realm=realm, max_pending=20_000, on_full="raise") as made:
        for _ in range(20_000):
            echo.submit(0)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        refused = 0
        for _ in range(980_000):
            try:
                echo.submit(0)
            except PendingFull:
                refused += 1
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert refused == 980_000
        assert grown < 4096  # KiB: a task takes some 0.6
        assert made.status()["pending"] == 20_000
        made.stop()
