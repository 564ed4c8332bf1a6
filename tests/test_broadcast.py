from __future__ import annotations

import asyncio
import concurrent.futures

import pytest
from producer_standin import producing

from zmqwork import App
from zmqwork.core.events import WorkersRequested
from zmqwork.errors import (
    EncodeError,
    NoWorker,
    PendingFull,
    TaskCancelled,
    TaskFailed,
    UsageError,
)

WAIT = 20.0

app = App("test-broadcast")
runs: list[object] = []


@app.task(max_retries=0)
def remember(value: object, *, twice: bool = False) -> int:
    """Each run is remembered; the second one fails if it is told to."""
    runs.append(value)
    if len(runs) == 2 and value == "fail":
        raise ValueError(value)
    return len(runs) * (2 if twice else 1)


@app.task
async def asynchronous(value: int) -> int:
    await asyncio.sleep(0)
    return value


@pytest.fixture
def node():
    runs.clear()
    with producing(app) as made:
        yield made


def test_each_worker_gets_one_and_has_a_future(node):
    answers = remember.broadcast("x", twice=True)
    assert list(answers) == ["one#1111", "two#2222", "three#3333"]
    assert len(answers) == 3
    assert "one#1111" in answers
    assert answers.results(WAIT) == {"one#1111": 2, "two#2222": 4, "three#3333": 6}
    assert answers["two#2222"].result(0) == 4
    assert len(concurrent.futures.wait(answers.values(), WAIT).done) == 3
    assert repr(answers) == "<Broadcast to 3 workers, 3 done>"
    assert [spec.node for spec, _ in node.submitted] == ["1" * 32, "2" * 32, "3" * 32]
    assert {(spec.name, spec.options) for spec, _ in node.submitted} == {
        ("remember", remember.options)
    }


def test_workers_are_asked_for_with_patience(node):
    remember.broadcast(1)
    remember.using(expires=2.5).broadcast(1)
    (first, second) = node.asked
    assert isinstance(first, WorkersRequested)
    assert (first.spec, first.patience) == (remember.spec, 10.0)
    assert second.patience == 2.5


def test_labels_are_unique(node):
    node.nodes = [("1" * 32, "w"), ("1" * 31 + "2", "w"), ("2" * 32, "w")]
    assert list(remember.broadcast(1)) == ["w#1111", "w#" + "1" * 31 + "2", "w#2222"]


def test_the_first_failure_is_raised_and_says_where(node):
    answers = remember.broadcast("fail")
    for _ in range(2):
        with pytest.raises(TaskFailed, match="ValueError: fail") as caught:
            answers.results(WAIT)
        assert caught.value.__notes__ == ["broadcast: this is the answer of worker two#2222"]


def test_failures_stand_among_the_results(node):
    results = remember.broadcast("fail").results(WAIT, return_exceptions=True)
    assert isinstance(results.pop("two#2222"), TaskFailed)
    assert results == {"one#1111": 1, "three#3333": 3}


def test_the_timeout_is_for_all_together(node):
    node.hold()
    answers = remember.broadcast(1)
    node.let_go(1)
    with pytest.raises(TimeoutError):
        answers.results(0.01)
    results = answers.results(0.01, return_exceptions=True)
    assert results["one#1111"] == 1
    assert isinstance(results["two#2222"], TimeoutError)
    assert isinstance(results["three#3333"], TimeoutError)
    assert repr(answers) == "<Broadcast to 3 workers, 1 done>"


def test_cancel(node):
    node.hold()
    answers = remember.broadcast(1)
    node.let_go(1)
    assert answers.cancel() == 2
    assert answers.cancel() == 0
    results = answers.results(WAIT, return_exceptions=True)
    assert results.pop("one#1111") == 1
    assert {type(error) for error in results.values()} == {TaskCancelled}


def test_await(node):
    async def ask(value):
        return await remember.broadcast(value), await asynchronous.broadcast(value)

    assert asyncio.run(ask(7)) == (
        {"one#1111": 1, "two#2222": 2, "three#3333": 3},
        {"one#1111": 7, "two#2222": 7, "three#3333": 7},
    )
    runs.clear()
    with pytest.raises(TaskFailed) as caught:
        asyncio.run(ask("fail"))
    assert caught.value.__notes__ == ["broadcast: this is the answer of worker two#2222"]


def test_nobody_is_there(node):
    node.nodes = []
    node.answer = "  looked in nowhere"
    with pytest.raises(NoWorker) as caught:
        remember.using(expires=0.5).broadcast(1)
    assert str(caught.value) == (
        "task remember: not broadcast: no worker was there for 0.5 s\n  looked in nowhere"
    )
    assert node.submitted == []


def test_results_that_go_to_a_sink_do_not_come_back(node):
    with pytest.raises(UsageError, match=r"using\(sink=None, inbox=\(\)\)"):
        remember.using(sink="store").broadcast(1)
    assert len(remember.using(sink="store").using(sink=None).broadcast(1)) == 3


def test_the_producer_has_stopped(node):
    node.nodes = None
    with pytest.raises(UsageError, match="has stopped"):
        remember.broadcast(1)


def test_what_cannot_be_called_or_cannot_travel_goes_nowhere(node):
    with pytest.raises(TypeError, match="missing"):
        remember.broadcast()
    with pytest.raises(EncodeError, match="value"):
        remember.broadcast(object())
    assert (node.asked, node.submitted) == ([], [])


def test_nobody_gets_it_if_there_is_no_room_for_all():
    with producing(app, max_pending=2, on_full="raise") as node:
        node.hold()
        with pytest.raises(PendingFull):
            remember.broadcast(1)
        assert node.abandoned == [1, 2]
        assert node.status()["pending"] == 0
