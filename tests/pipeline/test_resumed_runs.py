"""Runs with a name: what was done before is known to the inbox, and not done again."""

import sqlite3
import threading
from contextlib import closing

import pytest
from pipeline_parts import PATIENCE, Taker, our_threads, until

from zmqwork import SqliteInbox, UsageError, remembering, ventilate
from zmqwork.ventilating import Call


class Effects(Taker):
    """Writes each result into its own table, in the inbox's transaction."""

    def store_once(self, results, tx):
        self.go.wait(PATIENCE)
        tx.execute("CREATE TABLE IF NOT EXISTS effects (value)")
        tx.executemany("INSERT INTO effects VALUES (?)", [(value,) for value in results])
        self.results.extend(results)


@pytest.fixture
def box(tmp_path):
    return SqliteInbox(tmp_path / "box.db", id="box")


@pytest.fixture
def effects(tmp_path):
    """What took effect, in order of value."""

    def read(name="box"):
        with closing(sqlite3.connect(tmp_path / f"{name}.db")) as db:
            return [value for (value,) in db.execute("SELECT value FROM effects ORDER BY value")]

    return read


class Counted:
    """A task's function that knows which arguments it was called with."""

    def __init__(self):
        self.__qualname__ = "counted"
        self.calls = []
        self.broken = set()

    def __call__(self, number):
        self.calls.append(number)
        if number in self.broken:
            raise ValueError(number)
        return number


@pytest.fixture
def counted():
    return Counted()


@pytest.fixture(params=[1, 3], ids=["one stage", "three stages"])
def stages(request, app, counted):
    """The first one counts."""
    first = app.task(name="first", max_retries=0)(counted)
    rest = [app.task(name=f"stage {n}")(lambda number: number) for n in range(1, request.param)]
    return [first, *rest]


def test_a_second_start_does_what_lacks(app, work, collect, box, effects, counted, stages):
    """The first start was interrupted in the middle, and some of it had failed."""
    counted.broken = {3, 5}

    def until_there_are_ten():
        yield from range(20)
        until(lambda: len(sink.results) >= 10, "ten are stored")
        sink.go.clear()
        yield from range(20, 30)
        raise KeyboardInterrupt

    worker = work()
    sink = collect(Effects(), inbox=box)
    begun = []
    with pytest.raises(KeyboardInterrupt):
        ventilate(
            app, stages, until_there_are_ten(), run="nightly", inbox="box", on_start=begun.append
        )
    worker.stop()
    sink.go.set()
    sink.node.drain(PATIENCE)
    first = set(effects())
    assert not first & {3, 5}
    assert begun[0].failed == 2

    counted.broken, counted.calls = {7}, []
    work()
    again = collect(Effects(), inbox=box)
    with pytest.raises(UsageError, match=r"run 'nightly' was begun before: its sinks have \d+ res"):
        ventilate(app, stages, range(40), run="nightly", inbox="box")
    run = ventilate(app, stages, range(40), run="nightly", resume=True)
    assert (run.read, run.ok, run.already) == (40, 40 - (7 not in first), len(first))
    assert f" ({len(first):,} of them done before) in " in str(run)
    assert sorted(counted.calls) == sorted(set(range(40)) - first)
    assert set(effects()) | {7} == set(range(40))
    assert len(effects()) == len(set(effects()))
    assert run.sinks[0]["inbox"] == "box"
    assert set(again.results).isdisjoint(first)


def test_a_third_start_has_nothing_to_do(app, work, collect, box, effects, counted, stages):
    work()
    collect(Effects(), inbox=box)
    ventilate(app, stages, range(20), run="nightly", inbox="box")
    counted.calls = []
    for _ in range(2):
        run = ventilate(app, stages, range(20), run="nightly", inbox="box", resume=True)
        assert (run.ok, run.already, run.settled) == (20, 20, 20)
        assert run.rate == 0
    assert counted.calls == []
    assert effects() == list(range(20))
    other = ventilate(app, stages, range(20), run="weekly", inbox="box")
    assert (other.ok, other.already) == (20, 0)
    assert len(effects()) == 40


@pytest.mark.parametrize("key", [None, lambda number: f"key {number % 7}"], ids=["", "key"])
def test_several_inboxes_share_a_run(app, work, collect, tmp_path, effects, counted, key):
    """Each item comes to the same inbox again, and has the same number there."""
    boxes = ("east", "west")
    task = app.task(max_retries=0)(counted)
    work()

    def serve():
        return [
            collect(Effects(), name=name, inbox=SqliteInbox(tmp_path / f"{name}.db", id=name))
            for name in boxes
        ]

    sinks = serve()
    counted.broken = set(range(0, 300, 17))
    options = {"inbox": boxes, "key": key, "run": "nightly"}
    assert ventilate(app, task, range(300), **options).failed == 18
    for sink in sinks:
        sink.node.drain(PATIENCE)
        assert sink.results
    counted.broken, counted.calls = set(), []
    serve()
    run = ventilate(app, task, range(300), **options, resume=True)
    assert (run.ok, run.already) == (300, 282)
    assert len(counted.calls) == 18
    assert sorted(effects("east") + effects("west")) == list(range(300))
    assert all(said["missing"] == [] for said in run.sinks)


def test_numbers_are_those_of_the_input(app, work, collect, box, counted):
    """So a record that was left out the first time has its own number the second time."""
    task = app.task(max_retries=0)(counted)
    work()
    sink = collect(inbox=box)
    calls = [Call(number, (number,), {}, None) for number in range(10)]
    ventilate(app, task, calls[:3] + calls[5:], run="nightly", inbox="box")
    counted.calls = []
    run = ventilate(app, task, calls, run="nightly", inbox="box", resume=True)
    assert (run.ok, run.already) == (10, 8)
    assert sorted(counted.calls) == [3, 4]
    assert sorted(sink.results) == list(range(10))


def test_a_resumed_run_need_not_have_begun(app, work, collect, box, counted):
    task = app.task(counted)
    work()
    sink = collect(inbox=box)
    run = ventilate(app, task, [1], run="nightly", resume=True)
    assert (run.ok, run.already, run.id, sink.results) == (1, 0, "nightly", [1])


def test_the_inbox_is_waited_for(app, work, box, collect, counted, begin, caplog, monkeypatch):
    """Only it knows what is done."""
    monkeypatch.setattr(remembering, "_PATIENCE", 0.2)
    task = app.task(counted)
    pulled = []
    pushed = begin(task, (pulled.append(n) or n for n in range(3)), run="nightly", inbox="box")
    work()
    until(lambda: caplog.messages, "it says what it waits for")
    assert caplog.messages[0].startswith(
        "waiting for inbox box, which knows what run nightly has done: no sink of realm "
        f"{app.name!r} was found; start one (zmqwork sink MODULE:APP, or --realm {app.name} "
    )
    assert pulled == []
    sink = collect(inbox=box, name="other")
    assert pushed.result().ok == 3
    assert sorted(sink.results) == [0, 1, 2]


def test_an_inbox_that_goes_and_comes_back(app, work, box, collect, effects, counted, begin):
    """What is bound to it waits for it; what it took meanwhile is not done again."""
    task = app.task(counted)
    go = threading.Event()

    def numbers():
        yield from range(10)
        go.wait(PATIENCE)
        yield from range(10, 20)

    work()
    sink = collect(Effects(), inbox=box)
    pushed = begin(task, numbers(), inbox=["box"])
    until(lambda: pushed.run_so_far and pushed.run_so_far.ok == 10, "half of it is done")
    sink.node.drain(PATIENCE)
    go.set()
    until(lambda: pushed.run_so_far.read == 20, "all is pulled")
    assert pushed.run_so_far.ok == 10
    collect(Effects(), inbox=box)
    assert pushed.result().ok == 20
    assert effects() == list(range(20))


# -- what is refused ------------------------------------------------------------------------------


def test_a_sink_that_remembers_nothing(app, work, collect, counted):
    task = app.task(counted)
    work()
    collect()
    with pytest.raises(
        UsageError,
        match=r"sink 'default' has no inbox, so that nobody remembers what run 'nightly' has done: "
        r"let it write to a file, or give it one",
    ):
        ventilate(app, task, [1], run="nightly")
    assert counted.calls == []
    assert not [thread for thread in our_threads() if "producer" in thread.name]


def test_one_of_several_inboxes_must_be_named(app, collect, tmp_path, counted):
    task = app.task(counted)
    boxes = [SqliteInbox(tmp_path / f"{name}.db", id=name) for name in ("east", "west")]
    collect(inbox=boxes[0])
    app._sinks.clear()
    collect(inbox=boxes[1])
    with pytest.raises(
        UsageError,
        match=r"have several inboxes \(east, west\): name those of run 'nightly', always the same",
    ):
        ventilate(app, task, [1], run="nightly")


def test_a_sink_without_inbox_gets_nothing_of_a_run(app, work, collect, box, counted):
    task = app.task(counted)
    work()
    sink = collect(inbox=box)
    app._sinks.clear()
    plain = collect()
    assert ventilate(app, task, range(20), run="nightly").ok == 20
    assert (len(sink.results), plain.results) == (20, [])
