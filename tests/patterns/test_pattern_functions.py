"""The patterns' own decisions, over a producer without a network."""

from __future__ import annotations

import threading

import pytest
from producer_standin import producing

from zmqwork import App, ConfigError, NoWorker, TaskCancelled, TaskFailed
from zmqwork.patterns import fanout, freelance, pirate, scatter

WAIT = 20.0

app = App("test-patterns")
runs: list[object] = []


@app.task(max_retries=0)
def fail_first(times: int) -> int:
    runs.append(times)
    if len(runs) <= times:
        raise ValueError(len(runs))
    return len(runs)


@app.task(max_retries=0)
def inverses(numbers: list[int]) -> list[float]:
    return [1 / number for number in numbers]


@pytest.fixture
def node():
    runs.clear()
    with producing(app) as made:
        yield made


def pending(node):
    return node.status()["pending"]


# -- pirate ---------------------------------------------------------------------------------------


def test_a_call_is_answered(node):
    assert pirate.Client().call(fail_first, times=0) == 1


def test_retries_are_the_clients_or_the_tasks(node):
    assert pirate.Client(retries=2).call(fail_first, 2) == 3
    runs.clear()
    with pytest.raises(TaskFailed):
        pirate.Client().call(fail_first, 1)


def test_a_call_that_is_not_begun_in_time_is_withdrawn(node):
    node.hold()
    with pytest.raises(TimeoutError):
        pirate.Client(timeout=0.01).call(fail_first, 0)
    assert pending(node) == 0
    node.workers = 0
    with pytest.raises(NoWorker):
        pirate.Client(timeout=0.01).call(fail_first, 0)
    assert pending(node) == 0


# -- freelance ------------------------------------------------------------------------------------


def test_the_first_answer_is_taken_and_the_rest_withdrawn(node):
    node.hold()
    client = freelance.Client(hedge=3)
    answers = []
    asking = threading.Thread(target=lambda: answers.append(client.ask(fail_first, 0)))
    asking.start()
    while len(node.submitted) < 3:
        node.begun.wait(0.01)
    node.let_go(1)
    asking.join(WAIT)
    assert answers == [1]
    assert (runs, pending(node)) == ([0], 0)


def test_others_are_asked_only_when_it_takes_long(node):
    assert freelance.Client(hedge=3, hedge_delay=WAIT).ask(fail_first, 0) == 1
    assert len(node.submitted) == 1


def test_a_failed_answer_lets_the_next_be_asked_at_once(node):
    assert freelance.Client(hedge=3, hedge_delay=WAIT).ask(fail_first, 2) == 3
    assert len(node.submitted) == 3


@pytest.mark.parametrize("hedge", [1, 2, 3])
@pytest.mark.parametrize("hedge_delay", [0.0, WAIT])
def test_when_all_fail_the_last_failure_is_raised(node, hedge, hedge_delay):
    with pytest.raises(TaskFailed, match="ValueError"):
        freelance.Client(hedge=hedge, hedge_delay=hedge_delay).ask(fail_first, 3)
    assert len(node.submitted) == hedge


def test_when_all_fail_at_about_the_same_time(node):
    node.hold()
    client = freelance.Client(hedge=3)
    errors = []

    def ask():
        with pytest.raises(TaskFailed) as caught:
            client.ask(fail_first, 3)
        errors.append(caught.value)

    asking = threading.Thread(target=ask)
    asking.start()
    while len(node.submitted) < 3:
        node.begun.wait(0.01)
    node.let_go()
    asking.join(WAIT)
    assert len(errors) == 1


@pytest.mark.parametrize(("hedge", "hedge_delay"), [(1, 0.0), (2, 0.0), (2, 0.005), (2, WAIT)])
def test_nobody_answers_in_time(node, hedge, hedge_delay):
    node.hold()
    with pytest.raises(TimeoutError):
        freelance.Client(0.05, hedge, hedge_delay).ask(fail_first, 0)
    assert pending(node) == 0


def test_a_producer_that_stops(node):
    node.hold()
    stopping = threading.Timer(0.01, node.stop)
    stopping.start()
    with pytest.raises(TaskCancelled):
        freelance.Client(hedge=2).ask(fail_first, 0)
    stopping.join(WAIT)


def test_somebody_must_be_asked():
    with pytest.raises(ConfigError, match="hedge must be 1 or more, not 0"):
        freelance.Client(hedge=0)


# -- scatter --------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 16, 100])
@pytest.mark.parametrize("parts", [1, 2, 3, 16])
def test_parts_are_whole_in_order_and_alike(count, parts):
    pieces = scatter.split(list(range(count)), parts)
    assert [item for piece in pieces for item in piece] == list(range(count))
    assert len(pieces) == min(count, parts)
    lengths = {len(piece) for piece in pieces}
    assert not lengths or (min(lengths) >= 1 and max(lengths) - min(lengths) <= 1)


def test_there_is_one_part_at_least():
    with pytest.raises(ConfigError, match="parts must be 1 or more, not 0"):
        scatter.gather(inverses, [1], parts=0)


def test_results_are_in_order(node):
    assert scatter.gather(inverses, (n for n in (1, 2, 4, 5)), parts=2) == [[1.0, 0.5], [0.25, 0.2]]
    assert scatter.gather(inverses, []) == []


def test_parts_that_failed_are_named(node):
    with pytest.raises(ExceptionGroup) as caught:
        scatter.gather(inverses, [1, 2, 0, 4, 5, 0], parts=3)
    assert caught.value.message == "2 of 3 parts failed: 2 (items 2 to 3), 3 (items 4 to 5)"
    notes = [error.__notes__ for error in caught.value.exceptions]
    assert notes == [
        ["scatter: part 2 of 3, items 2 to 3"],
        ["scatter: part 3 of 3, items 4 to 5"],
    ]
    assert {error.type_name for error in caught.value.exceptions} == {"ZeroDivisionError"}
    with pytest.raises(
        ExceptionGroup, match=r"7 of 7 parts failed: 1 .*, 5 \(items 4 to 4\), \.\.\."
    ):
        scatter.gather(inverses, [0] * 7)


# -- fanout ---------------------------------------------------------------------------------------


def test_everywhere(node):
    results = fanout.everywhere(fail_first, times=1)
    assert list(results) == ["one#1111", "two#2222", "three#3333"]
    failure, *rest = results.values()
    assert isinstance(failure, TaskFailed)
    assert rest == [2, 3]
