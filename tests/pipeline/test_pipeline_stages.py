"""Several stages in a row, and `Pipeline`: real nodes."""

import threading
from importlib import reload

import pipeline_app
import pytest
from pipeline_parts import PATIENCE, Taker, until

from zmqwork import App, ConfigError, SqliteInbox, TaskLost, UsageError, ventilate, ventilation


@pytest.fixture
def pipe(app):
    return app.pipeline()


@pytest.mark.parametrize("pool", ["inline", "process"])
def test_three_stages_with_options_of_their_own(runtime, opened, monkeypatch, pool):
    """In the inline pool a dead child would be this process."""
    app = reload(pipeline_app).app
    pipe = pipeline_app.pipe
    taker = Taker()
    failures, completed = {}, []
    pipe.sink(batch=7)(taker.store)
    pipe.on_failed(lambda failure: failures.update({failure.item: failure}))
    pipe.on_complete(completed.append)
    pipe.ventilator(lambda: (number for number in range(40) if pool == "process" or number != 4))
    worker = opened.enter_context(app.worker(2 if pool == "process" else 1, pool))
    opened.enter_context(app.sinks["default"].start())
    run = pipe.run()
    assert completed == [run]
    dead = 1 if pool == "process" else 0
    assert (run.read, run.ok, run.failed, run.dead) == (39 + dead, 19, 20, dead)
    halves = [number for number in range(20) if number != 2]
    wanted = [{"half": half, "attempt": 3} for half in halves]
    assert sorted(taker.results, key=lambda result: result["half"]) == wanted
    assert {failure.task for failure in failures.values()} == {"half"}
    assert {item for item, failure in failures.items() if failure.state == "failed"} == {
        number for number in range(40) if number % 2
    }
    if dead:
        assert failures[4].state == "dead"
        assert isinstance(failures[4].error, TaskLost)
        assert f"19 ok, 20 failed, 1 dead of {run.read}" in str(run)
    del worker


def test_a_stage_that_fails_says_which(app, pipe, work, collect):
    @pipe.stage
    def first(number):
        return number * 10

    @pipe.stage(max_retries=0)
    def second(number):
        if number == 20:
            raise ValueError(number)
        return number + 1

    told = []
    pipe.on_failed(told.append)
    pipe.ventilator(lambda *numbers: numbers)
    work()
    sink = collect()
    run = pipe.run(1, 2, 3)
    assert (run.ok, run.failed) == (2, 1)
    assert sorted(sink.results) == [11, 31]
    [failure] = told
    assert (failure.number, failure.item, failure.task) == (1, 2, second.name)


def test_the_stages_of_a_pipeline_are_tasks_as_others(app, work, collect):
    """One of them has a sink of its own, for when it is submitted alone."""

    @app.task(sink="elsewhere", inbox="none")
    def first(number):
        return number * 10

    @app.task(sink="elsewhere")
    def second(number):
        return number + 1

    work()
    sink, elsewhere = collect(), collect(name="elsewhere")
    assert ventilate(app, (first, second, second), [1, 2]).ok == 2
    assert sorted(sink.results) == [12, 22]
    assert elsewhere.results == []
    assert first.options.sink == "elsewhere"


def test_an_item_has_one_task_at_a_time(app, pipe, work, collect, begin):
    """So the window counts items, whatever stage they are in."""
    at = dict.fromkeys("abc", 0)
    runs = []

    def stage_of(name):
        def stage(number):
            at[name] += 1
            return number

        return pipe.stage(name=name)(stage)

    stages = [stage_of(name) for name in at]
    work()
    pushed = begin(stages, range(200), window=30, on_start=None)
    until(lambda: at["b"] == 30, "a window full of items has come to the last stage")
    assert at == {"a": 30, "b": 30, "c": 0}, "and waits for a sink"
    assert pushed.run_so_far.read == 30
    sink = collect()
    runs.append(pushed.result())
    assert runs[0].ok == 200
    assert set(at.values()) == {200}
    assert sorted(sink.results) == list(range(200))


def test_large_outputs_make_the_window_smaller(app, work, collect, monkeypatch):
    """The first stage is done with all that it gets before the second one begins."""
    monkeypatch.setattr(ventilation, "_BETWEEN_BYTES", 1_000_000)
    most = [0]
    runs = []

    def numbers():
        for number in range(400):
            most[0] = max(most[0], runs[0].read + 1 - runs[0].settled)
            if number == 200:
                most[0] = 0
            yield number

    @app.task
    def blow_up(number):
        return bytes(50_000)

    @app.task
    def measure(data):
        return len(data)

    work()
    sink = collect()
    run = ventilate(app, [blow_up, measure], numbers(), on_start=runs.append)
    assert run.ok == 400
    assert set(sink.results) == {50_000}
    assert most[0] <= 20, "1 MB"


def test_the_window_opens_as_outputs_come(app, work, collect):
    most = [0]
    runs = []

    def numbers():
        for number in range(20_000):
            most[0] = max(most[0], runs[0].read + 1 - runs[0].settled)
            yield number

    twice = [app.task(name=name)(lambda number: number) for name in "ab"]
    work(1, "inline")
    collect()
    assert ventilate(app, twice, numbers(), on_start=runs.append, window=500).ok == 20_000
    assert 64 < most[0] <= 500


def test_an_output_that_is_too_large_for_the_next_stage(app, work, collect, monkeypatch):
    monkeypatch.setattr(ventilation, "PAYLOAD_BYTES_MAX", 1_000)

    @app.task
    def make(size):
        return bytes(size)

    @app.task
    def measure(data):
        return len(data)

    work()
    sink = collect()
    failures = []
    run = ventilate(app, [make, measure], [990, 1_100], on_failed=failures.append)
    assert (run.ok, run.failed, sink.results) == (1, 1, [990])
    [failure] = failures
    assert failure.item == 1_100
    assert failure.task == make.name
    assert "returned 1,105 bytes, too many for the next stage" in str(failure.error)


@pytest.mark.parametrize("stages", [1, 2])
@pytest.mark.parametrize("key", [None, lambda number: f"key {number % 11}"], ids=["", "key"])
def test_two_inboxes(app, work, collect, tmp_path, stages, key):
    """Each result takes effect once, in one of them; those of a key in the same one."""
    boxes = [SqliteInbox(tmp_path / f"{name}.db", id=name) for name in ("east", "west")]
    sinks = [collect(name=f"out {box.id}", inbox=box) for box in boxes]
    tasks = [app.task(name=f"stage {n}")(lambda number: number) for n in range(stages)]
    work(1, "inline")
    run = ventilate(app, tasks, range(5_000), inbox=["east", "west"], key=key)
    assert run.ok == 5_000
    taken = [set(sink.results) for sink in sinks]
    assert all(taken)
    assert sum(len(sink.results) for sink in sinks) == len(set.union(*taken)) == 5_000
    if key is not None:
        keys = [{key(number) for number in numbers} for numbers in taken]
        assert sum(map(len, keys)) == 11
    assert {said["inbox"]: said["taken"] for said in run.sinks} == {
        box.id: len(numbers) for box, numbers in zip(boxes, taken, strict=True)
    }
    assert all(said["missing"] == [] for said in run.sinks)


def test_killing_a_worker_between_stages_loses_nothing(app, work, collect, begin):
    """What it had of the second stage is done again by another; the first stage is not."""
    begun = [0, 0]
    gate = threading.Event()

    @app.task
    def first(number):
        begun[0] += 1
        return number

    @app.task
    def second(number):
        begun[1] += 1
        gate.wait(PATIENCE)
        return number

    worker = work(2)
    sink = collect()
    pushed = begin([first, second], range(10))
    until(lambda: begun == [10, 2], "two are in the second stage")
    worker.request_stop()
    gate.set()
    worker.wait(PATIENCE)
    work(2)
    assert pushed.result().ok == 10
    assert begun[0] == 10
    assert sorted(sink.results) == list(range(10))


# -- Pipeline -------------------------------------------------------------------------------------


def test_the_ventilator_is_closed_whatever_happens(app, pipe, work, collect):
    closed = []

    @pipe.ventilator
    def numbers():
        try:
            yield 1
            yield object()
        finally:
            closed.append(True)

    pipe.stage(name="f")(lambda number: number)
    work()
    collect()
    with pytest.raises(Exception, match="cannot travel") as caught:
        pipe.run()
    assert closed == [True], f"though {caught} keeps its frames"


def test_options_of_the_pipeline_and_of_one_run(app, work, collect):
    pipe = app.pipeline(sink="mine", window=1, key=str)
    pipe.ventilator(lambda: [1])
    pipe.stage(name="f")(lambda number: number)
    work()
    mine, other = collect(name="mine"), collect(name="other")
    assert pipe.run().ok == 1
    assert pipe.run(sink="other", key=None).ok == 1
    assert (mine.results, other.results) == ([1], [1])


@pytest.mark.parametrize("sink", ["function", "store"])
def test_the_sink_of_a_pipeline(app, pipe, work, opened, sink):
    taker = Taker()
    target = taker.store if sink == "function" else Store(taker)
    made = pipe.sink(batch=3)(target) if sink == "function" else pipe.sink(target)
    assert made.name == "default"
    assert app.sinks["default"] is made
    opened.enter_context(made.start())
    pipe.ventilator(lambda: [1, 2, 3])
    pipe.stage(name="f")(lambda number: number)
    work()
    assert pipe.run().ok == 3
    assert sorted(taker.results) == [1, 2, 3]


class Store:
    """The least that is a store."""

    inbox = ""

    def __init__(self, taker):
        self.taker = taker

    def open(self):
        return {}

    def store(self, batch):
        self.taker.store(list(batch.results))

    def close(self):
        pass


def test_a_stage_that_is_defined_again_replaces_itself(pipe):
    def stage(number):
        return number

    one = pipe.stage(name="a")(stage)
    two = pipe.stage(name="b")(stage)
    again = pipe.stage(name="a")(stage)
    assert pipe.stages == [again, two]
    assert again is not one
    assert repr(pipe).endswith(": a > b>")


async def gives_async():
    return [1]


async def yields_async():
    yield 1


@pytest.mark.parametrize(
    ("function", "text"),
    [
        ([1, 2], "a ventilator is a function that yields items, not \\[1, 2\\]"),
        (gives_async, "gives_async is async: a ventilator is pulled by a thread"),
        (yields_async, "yields_async is async"),
    ],
)
def test_what_is_no_ventilator(pipe, function, text):
    with pytest.raises(UsageError, match=text):
        pipe.ventilator(function)


def test_a_pipeline_that_is_not_whole(runtime, pipe):
    with pytest.raises(UsageError, match=r"has no ventilator: decorate one with @pipe.ventilator"):
        pipe.run()
    pipe.ventilator(lambda: None)
    with pytest.raises(UsageError, match=r"decorate at least one function with @pipe.stage"):
        pipe.run()
    pipe.stage(name="f")(lambda number: number)
    with pytest.raises(UsageError, match="None is nothing that can be pulled"):
        pipe.run()
    with pytest.raises(ConfigError, match=r"are 'default': app.pipeline\(sink=...\)"):
        pipe.sink(name="other")
    with pytest.raises(TypeError, match="unexpected keyword argument 'windo'"):
        pipe.run(windo=3)
    pipe.stage(name="g")(lambda one, two: one)
    pipe.ventilator(list)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'two'"):
        pipe.run()


def test_its_defaults_say_what_it_is():
    assert repr(App("some").pipeline()) == "<Pipeline of 'some': no stages>"
