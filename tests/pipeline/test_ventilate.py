"""One task from a ventilator to a sink: real nodes, in this process."""

import os
import pickle
import signal
import threading

import pytest
from pipeline_parts import PATIENCE, our_threads, until

from zmqwork import App, ConfigError, EncodeError, TaskFailed, UsageError, remembering, ventilate
from zmqwork.core.dispatcher import Dispatcher
from zmqwork.ventilating import Call
from zmqwork.ventilation import Ventilation


def echo(value):
    return value


@pytest.fixture
def task(app):
    return app.task(max_retries=0)(echo)


def test_each_item_reaches_the_sink(app, task, work, collect):
    work()
    sink = collect()
    run = ventilate(app, task, range(2_000))
    assert sorted(sink.results) == list(range(2_000))
    counts = (run.read, run.ok, run.settled, run.pending, run.lost, run.already)
    assert counts == (2_000, 2_000, 2_000, 0, 0, 0)
    assert run.rate == pytest.approx(2_000 / run.seconds)
    assert str(run) == f"2,000 ok of 2,000 in {run.seconds:.1f} s, {run.rate:,.0f}/s"
    [said] = run.sinks
    assert said["sink"] == f"{sink.node.config.name}#{sink.node.node_id[:4]}"
    assert {key: said[key] for key in said if key != "sink"} == {
        "inbox": "", "count": 2_000, "succeeded": 2_000, "taken": 2_000, "missing": []
    }  # fmt: skip
    assert our_threads() == [thread for thread in our_threads() if "producer" not in thread.name]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("run", ["", "named"])
def test_an_io_thread_that_fails_ends_the_run(app, task, work, collect, monkeypatch, caplog, run):
    """What was settled then cannot be counted, and nothing is settled any more."""

    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(Ventilation, "settle", fail)
    if run:
        monkeypatch.setattr(Dispatcher, "tick", fail)
    else:
        work()
        collect()
    with pytest.raises(UsageError, match=r"I/O thread of .* failed; the log says why"):
        ventilate(app, task, [1], run=run)
    assert "MemoryError" in caplog.text


@pytest.mark.parametrize("order", ["worker sink", "sink worker"])
def test_whoever_starts_last_is_waited_for(app, task, work, collect, begin, order):
    pushed = begin(task, [1, 2, 3])
    assert pushed.begun.wait(PATIENCE)
    for who in order.split():
        until(lambda: pushed.run_so_far.read == 3, "all is pulled")
        assert pushed.run_so_far.settled == 0
        if who == "worker":
            work()
        else:
            sink = collect()
    assert pushed.result().ok == 3
    assert sorted(sink.results) == [1, 2, 3]


def test_an_empty_input_needs_nobody(app, task):
    run = ventilate(app, task, [])
    assert (run.read, run.settled, run.sinks) == (0, 0, [])
    assert str(run).startswith("0 ok of 0 in 0.")


def test_calls_are_whole_calls(app, work, collect):
    @app.task
    def power(base, exponent=2, *, minus=0):
        return base**exponent - minus

    work()
    sink = collect()
    calls = [
        Call(0, (2,), {}, "line 1"),
        Call(7, (2, 3), {"minus": 1}, "line 8"),
        3,
    ]
    assert ventilate(app, power, calls).ok == 3
    assert sorted(sink.results) == [4, 7, 9]
    with pytest.raises(UsageError, match="item 7 comes behind item 7: numbers must grow"):
        ventilate(app, power, [calls[1], calls[1]])


# -- how far it is ahead --------------------------------------------------------------------------


def test_it_is_pulled_as_fast_as_the_window_lets_it(app, task, work, collect, begin):
    ahead = []

    def numbers():
        for number in range(500):
            ahead.append(number + 1 - pushed.run_so_far.settled)
            yield number

    work()
    pushed = begin(task, numbers(), window=20)
    until(lambda: len(ahead) == 20, "the window is full")
    sink = collect()
    sink.go.clear()
    until(lambda: sink.node.status()["queued"], "results are there")
    assert len(ahead) == 20, "nothing was stored, so nothing more is pulled"
    sink.go.set()
    assert pushed.result().ok == 500
    assert max(ahead) == 20
    assert sorted(sink.results) == list(range(500))


def test_a_window_of_one_is_a_dialogue(app, task, work, collect):
    sink = collect()
    known = []

    def numbers():
        for number in range(20):
            known.append(len(sink.results))
            yield number

    work()
    assert ventilate(app, task, numbers(), window=1).ok == 20
    assert known == list(range(20))


def test_what_is_in_flight_does_not_grow_with_the_input(app, task, work, collect):
    """Ten times the input, and not an entry more: the bound is the window."""
    pulled = [0]
    most = [0]
    runs = []

    def numbers():
        for number in range(30_000):
            pulled[0] += 1
            most[0] = max(most[0], pulled[0] - runs[0].settled)
            yield number

    work(1, "inline")
    sink = collect()
    assert ventilate(app, task, numbers(), window=300, on_start=runs.append).ok == 30_000
    assert most[0] <= 300
    assert len(set(sink.results)) == 30_000


# -- what fails -----------------------------------------------------------------------------------


def test_failures_are_told_and_counted(app, work, collect):
    @app.task(max_retries=0)
    def invert(number):
        return 1 / number

    work()
    sink = collect()
    failures = []
    threads = set()

    def tell(failure):
        failures.append(failure)
        threads.add(threading.current_thread())

    run = ventilate(app, invert, [1, 0, 2, 0], on_failed=tell)
    assert (run.ok, run.failed, run.lost, run.settled) == (2, 2, 2, 4)
    assert str(run).startswith("2 ok, 2 failed of 4 in ")
    assert sorted(sink.results) == [0.5, 1.0]
    assert [(f.number, f.item, f.state, f.task) for f in sorted(failures)] == [
        (1, 0, "failed", invert.name),
        (3, 0, "failed", invert.name),
    ]
    assert all(isinstance(f.error, TaskFailed) for f in failures)
    assert failures[0].error.type_name == "ZeroDivisionError"
    assert threads == {threading.current_thread()}
    [said] = run.sinks
    assert (said["succeeded"], said["taken"]) == (2, 2)


def test_what_expires_is_counted(app, task):
    failures = []
    hurried = task.using(expires=0.05)
    run = ventilate(app, hurried, [1, 2], on_failed=failures.append)
    assert (run.expired, run.lost, [f.state for f in failures]) == (2, 2, ["expired"] * 2)
    assert str(run).startswith("0 ok, 2 expired of 2 in ")


def test_a_generator_that_raises_in_the_middle(app, task, work, collect):
    def numbers():
        yield from range(50)
        raise LookupError("line 51 is broken")

    work()
    sink = collect(once=True)
    with pytest.raises(LookupError, match="line 51 is broken") as caught:
        ventilate(app, task, numbers())
    assert sorted(sink.results) == list(range(50))
    [note] = caught.value.__notes__
    assert note.startswith("the pipeline until then: 50 ok of 50 in ")
    assert sink.node.wait(PATIENCE), "it was told that no more comes"


def test_sinks_that_got_nothing_are_told_of_the_end(app, task, work, collect):
    work()
    two = [collect(once=True), collect(once=True)]
    other = collect(name="other", once=True)
    run = ventilate(app, task, [1])
    assert (run.ok, len(run.sinks)) == (1, 1)
    assert all(sink.node.wait(PATIENCE) for sink in two)
    assert sorted(len(sink.results) for sink in two) == [0, 1]
    assert not other.node.has_left, "the run was not for it"


def test_an_input_without_items_ends_a_sink_too(app, task, collect):
    sink = collect(once=True)
    run = ventilate(app, task, [])
    assert (run.read, run.sinks) == (0, [])
    assert sink.node.wait(PATIENCE)
    [report] = sink.node.reports
    assert (report["count"], report["lacking"]) == (0, 0)


def test_an_item_that_cannot_travel(app, task, work, collect):
    work()
    sink = collect()
    with pytest.raises(EncodeError, match="value"):
        ventilate(app, task, [1, 2, object(), 3])
    assert sorted(sink.results) == [1, 2]


def test_an_item_that_does_not_fit(app, work, collect):
    @app.task
    def add(one, other):
        return one + other

    work()
    sink = collect()
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'other'"):
        ventilate(app, add, [Call(0, (1, 2), {}, None), (3, 4)])
    assert sink.results == [3]


def test_an_input_that_waits_can_let_failures_be_told(app, work):
    @app.task(max_retries=0)
    def fail(number):
        raise ValueError(number)

    runs, told = [], []

    def on_failed(failure):
        told.append(failure.item)
        raise LookupError("enough")

    def numbers():
        yield 1
        until(lambda: runs[0].tell_failures() or told, "the failure is told")
        yield 2
        yield 3

    work()
    with pytest.raises(LookupError, match="enough"):
        ventilate(app, fail, numbers(), sink=None, on_failed=on_failed, on_start=runs.append)
    assert told == [1]
    assert runs[0].read == 2, "what was raised is known when the next item is pulled"


def test_what_has_ended_can_be_pickled(app, task, work, collect):
    work()
    collect()
    run = ventilate(app, task, [1, 2], on_failed=lambda failure: None)
    assert pickle.loads(pickle.dumps(run)) == run


@pytest.mark.parametrize("window", [1, 100])
def test_telling_of_failures_may_end_the_run(app, work, collect, window):
    @app.task(max_retries=0)
    def fail(number):
        raise ValueError(number)

    told = []
    pulled = []

    def numbers():
        for number in range(40):
            pulled.append(number)
            yield number

    def tell(failure):
        told.append(failure)
        raise StopAsyncIteration("too many")

    work()
    collect()
    with pytest.raises(StopAsyncIteration) as caught:
        ventilate(app, fail, numbers(), window=window, on_failed=tell)
    assert len(told) == 1
    assert f"{len(pulled)} failed of {len(pulled)} in" in caught.value.__notes__[0]
    assert len(pulled) == 1 if window == 1 else len(pulled) <= 40


def test_the_input_raises_and_failures_are_told_all_the_same(app, work, collect):
    @app.task(max_retries=0)
    def fail(number):
        raise ValueError(number)

    def numbers():
        yield 1
        raise LookupError

    told = []
    work()
    collect()
    with pytest.raises(LookupError):
        ventilate(app, fail, numbers(), on_failed=told.append)
    assert [failure.number for failure in told] == [0]


# -- Ctrl-C ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("waits_for", ["room", "the end", "an inbox", "the input"])
def test_an_interrupt_ends_it_at_once(app, task, waits_for, monkeypatch, caplog):
    """Nobody is there who could settle anything."""
    monkeypatch.setattr(remembering, "_PATIENCE", 0.05)
    runs = []

    def numbers():
        yield 1
        if waits_for == "the input":
            signal.raise_signal(signal.SIGINT)
        yield 2

    def interrupt():
        wanted = 1 if waits_for == "room" else 2
        if waits_for != "an inbox":
            until(lambda: runs and runs[0].read == wanted, "it waits")
        else:
            until(lambda: "waiting for a sink 'default'" in caplog.text, "it waits")
        os.kill(os.getpid(), signal.SIGINT)

    options = {"window": 1} if waits_for == "room" else {}
    options |= {"run": "some"} if waits_for == "an inbox" else {}
    interrupter = threading.Thread(target=interrupt if waits_for != "the input" else int)
    interrupter.start()
    with pytest.raises(KeyboardInterrupt):
        ventilate(app, task, numbers(), on_start=runs.append, **options)
    interrupter.join(PATIENCE)
    assert our_threads() == []
    if waits_for != "an inbox":
        [run] = runs
        assert run.cancelled == (2 if waits_for == "the end" else 1)
        assert run.ended_at is not None


# -- where results go -----------------------------------------------------------------------------


def test_results_of_a_key_go_to_one_sink(app, task, work, collect, begin):
    sinks = [collect() for _ in range(3)]
    work()
    pushed = begin(task, both_found(sinks, 600), key=lambda number: f"key {number % 20}")
    run = pushed.result()
    assert run.ok == 600
    assert len(run.sinks) > 1
    keys = [{number % 20 for number in sink.results} for sink in sinks]
    assert sum(map(len, keys)) == len(set().union(*keys)) == 20
    assert sorted(number for sink in sinks for number in sink.results) == list(range(600))


def both_found(sinks, count):
    """Numbers, once the producer has met all sinks."""
    until(
        lambda: all(sink.node.status()["producers"] for sink in sinks), "the producer has met them"
    )
    yield from range(count)


def test_a_key_that_is_none(app, task, work, collect):
    work()
    collect()
    with pytest.raises(ConfigError, match="key must be a non-empty string, not 7"):
        ventilate(app, task, [7], key=echo)


def test_sinks_of_another_name(app, task, work, collect):
    work()
    other, wanted = collect(), collect(name="wanted")
    assert ventilate(app, task, [1], sink="wanted").ok == 1
    assert (other.results, wanted.results) == ([], [1])


def test_another_realm(app, task, collect, work):
    work(realm=f"{app.name}-2")
    sink = collect(realm=f"{app.name}-2")
    assert ventilate(app, task, [1], realm=f"{app.name}-2").ok == 1
    assert sink.results == [1]


def test_peers_that_are_named(app, task, collect, work):
    worker = work(bind=["tcp://127.0.0.1:*"], discovery="static")
    sink = collect(bind=["tcp://127.0.0.1:*"], discovery="static")
    peers = [*worker.endpoints, *sink.node.endpoints]
    assert len(peers) == 2
    assert ventilate(app, task, [1], discovery="static", peers=peers).ok == 1
    assert sink.results == [1]


# -- what is refused ------------------------------------------------------------------------------


async def some_async():
    yield 1


@pytest.mark.parametrize(
    ("tasks", "items", "options", "error", "text"),
    [
        ([], [], {}, ConfigError, "a pipeline needs at least one task"),
        (echo, [], {}, UsageError, "echo at .* is no task: make it one with @app.task"),
        ("task", 5, {}, UsageError, "5 is nothing that can be pulled: items are a list"),
        ("task", None, {}, UsageError, "None is nothing that can be pulled"),
        ("task", some_async(), {}, UsageError, "is asynchronous: a ventilator is pulled by a thr"),
        ("task", [], {"window": 0}, ConfigError, "window must be a number at least 1, not 0"),
        ("task", [], {"sink": ""}, ConfigError, "sink must be a non-empty string"),
        ("task", [], {"inbox": ["a", ""]}, ConfigError, "inbox must be a non-empty string"),
        ("task", [], {"run": "\n"}, ConfigError, "run must be printable"),
    ],
)
def test_what_is_no_pipeline_is_refused(app, task, tasks, items, options, error, text):
    with pytest.raises(error, match=text):
        ventilate(app, task if tasks == "task" else tasks, items, **options)
    assert our_threads() == []


def test_inside_a_task_it_is_refused(app, work, collect, task):
    @app.task(max_retries=0)
    def nested(number):
        ventilate(app, task, [number])

    work()
    collect()
    failures = []
    assert ventilate(app, nested, [1], on_failed=failures.append).failed == 1
    assert "a pipeline that is run inside a task holds a slot" in str(failures[0].error)


def test_an_app_that_a_worker_imports_does_not_run_it():
    from zmqwork.execution.context import while_importing

    other = App("imported")
    task = other.task(echo)
    with while_importing(), pytest.raises(UsageError, match="a pipeline was run while this module"):
        ventilate(other, task, [1])
