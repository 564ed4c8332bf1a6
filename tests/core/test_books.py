"""Each task is in one place: what the simulator checks after every turn, here by single moves."""

from __future__ import annotations

from desks import ProducerDesk, entries

from zmqwork.core.effects import MarkRunning, Settle


def test_what_started_is_told_before_what_is_settled():
    desk = ProducerDesk()
    books = desk.machine._books
    running, settled = entries(1, 2)
    books.running.append(running)
    books.settled.append(settled)
    books.report()
    assert [type(effect) for effect in books.out] == [MarkRunning, Settle]
    assert (books.running, books.settled) == ([], [])
    books.report()
    assert len(books.out) == 2


def test_returned_tasks_go_to_their_own_lanes():
    desk = ProducerDesk()
    link = desk.open(credit=4, slots=4)
    from zmqwork.core.messages import Return

    desk.submit(1, 3)
    from desks import spec

    desk.submit(2, 4, of=spec("g"))
    desk.turn()
    worker = next(iter(desk.machine._workforce))
    worker.limit = 0
    desk.say(link, Return("draining", [3, 4, 2, 1], [1, 1, 1, 1]))
    waiting = {lane.name: [e.seq for e in lane._entries] for lane in desk.machine._lanes}
    assert waiting == {"f": [1, 3], "g": [2, 4]}
    assert worker.held_bytes == 0
