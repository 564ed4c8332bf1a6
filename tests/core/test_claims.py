"""A task that its application takes back to run it itself."""

from __future__ import annotations

import pytest
from desks import ProducerDesk, done, spec

from zmqwork.core.effects import Answer, Settle
from zmqwork.core.events import Claimed, ClaimRequested
from zmqwork.core.messages import Cancel, Started, Tasks
from zmqwork.queues import Queues


@pytest.fixture
def desk():
    return ProducerDesk()


def claim(desk, seq=1, names=("f",), queues=(), *, from_worker=True):
    request = ClaimRequested(seq, set(names), Queues(tuple(queues)), from_worker, "heir", "request")
    desk.turn(request)
    (answer,) = desk.of(Answer)
    assert answer.request == "request"
    return answer.value


def test_a_waiting_task_is_given_up(desk):
    (entry,) = desk.submit(1, args=b"args")
    entry.owner = "future"
    assert claim(desk) == Claimed(entry.spec, b"args", 1, options={"queue": "default"})
    # Whoever asked settles the future; here only the books are closed.
    (settle,) = desk.of(Settle)
    assert [(e.seq, e.owner) for e in settle.entries] == [(1, "heir")]
    desk.open(credit=9)
    assert desk.given() == []
    assert claim(desk) is None


def test_an_attempt_that_was_not_begun_is_taken_from_its_worker(desk):
    link = desk.open(credit=2, slots=2)
    (entry,) = desk.submit(1)
    assert desk.sent(Tasks)
    assert claim(desk, from_worker=False) is None
    assert claim(desk) == Claimed(entry.spec, b"", 2, options={"queue": "default"})
    assert desk.sent(Cancel, link) == [Cancel([1])]
    # It had begun all the same: what comes of it is dropped.
    desk.say(link, done(1, (1, 1)))
    assert desk.settled() == []


def test_what_was_begun_stays_where_it_is(desk):
    link = desk.open(credit=1)
    desk.submit(1)
    desk.say(link, Started([1], [1]))
    assert claim(desk) is None
    desk.say(link, done(1, (1, 1)))
    assert desk.settled() == [(1, "succeeded")]


@pytest.mark.parametrize(
    ("names", "queues", "claimed"),
    [
        (["f"], [], True),
        (["f"], ["special", "other"], True),
        (["g"], [], False),
        (["f"], ["other"], False),
    ],
)
def test_only_what_the_claimant_can_run(desk, names, queues, claimed):
    desk.submit(1, of=spec(queue="special"))
    assert (claim(desk, names=names, queues=queues) is not None) is claimed


def test_an_unknown_task(desk):
    assert claim(desk, seq=7) is None


def test_what_goes_to_a_sink_is_not_given_up(desk):
    """Its result would go nowhere."""
    desk.submit(1, of=spec(sink="out"))
    desk.submit(2, of=spec(inbox="box"))
    assert claim(desk, 1) is None
    assert claim(desk, 2) is None
