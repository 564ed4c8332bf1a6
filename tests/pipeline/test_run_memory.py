"""Runs that sinks remember, and those that nobody does: with a worker and sinks in this process."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from pathlib import Path

import pytest

from zmqwork import App, ConfigError, UsageError, remembering, takers, ventilate
from zmqwork.core.delivery import Parcel
from zmqwork.core.ranges import Ranges
from zmqwork.nodes.store import Batch, Results
from zmqwork.remembering import Memory
from zmqwork.sinks import JsonLines
from zmqwork.takers import ended
from zmqwork.ventilating import Call, EncodedCall
from zmqwork.wire.values import encode_call, encode_value

app = App("run-memory")


@app.task(max_retries=0)
def double(value: int, times: int = 1) -> int:
    if value < 0:
        raise ValueError(value)
    return 2 * value * times


@pytest.fixture
def runtime(monkeypatch):
    path = Path(tempfile.mkdtemp(prefix="zw-", dir="/tmp"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(path))
    monkeypatch.delenv("ZMQWORK_PEERS", raising=False)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def worker(runtime):
    with app.worker(pool="thread", concurrency=1).start() as worker:
        yield worker


def taking(store, **options):
    return App("run-memory").sink(store, **options).start()


class Kept:
    """A store that remembers, in memory, or does not."""

    def __init__(self, inbox="box"):
        self.inbox = inbox
        self.taken = {}
        self.values = []

    def open(self):
        return self.taken

    def store(self, batch: Batch):
        self.values += batch.results
        for producer_id, first, last in batch.taken:
            self.taken.setdefault(producer_id, []).append((first, last))

    def close(self):
        pass


def test_a_run_is_remembered_where_that_is_possible(worker):
    kept = Kept()
    with taking(kept):
        run = ventilate(app, double, range(5), run="one", remember="if_possible")
        assert (run.id, run.ok, sorted(kept.values)) == ("one", 5, [0, 2, 4, 6, 8])
        assert list(Ranges(sorted(kept.taken["one"]))) == [(1, 5)]
        with pytest.raises(UsageError, match="run 'one' was begun before: its sinks have 5 "):
            ventilate(app, double, range(5), run="one", remember="if_possible")
        again = ventilate(app, double, range(7), run="one", resume=True, remember="if_possible")
    assert (again.ok, again.already, len(kept.values)) == (7, 5, 7)


def test_a_run_that_nobody_remembers_goes_on_without_its_name(worker):
    kept = Kept(inbox="")
    with taking(kept):
        with pytest.raises(UsageError, match="no inbox, so that nobody remembers what run 'one'"):
            ventilate(app, double, range(5), run="one")
        with pytest.raises(UsageError, match="nobody remembers"):
            ventilate(app, double, range(5), run="one", resume=True, remember="if_possible")
        # Twice: nothing is taken for done that is not.
        for count in (5, 10):
            run = ventilate(app, double, iter(range(5)), run="one", remember="if_possible")
            assert (run.id, run.ok, run.already, len(kept.values)) == ("", 5, 0, count)
            assert run.sinks[0]["taken"] == 5
            assert run.seconds > 0


def test_of_several_inboxes_none_is_guessed(worker):
    kept = [Kept("a"), Kept("b")]
    with taking(kept[0]), taking(kept[1]):
        with pytest.raises(UsageError, match=r"several inboxes \(a, b\): name those of run 'one'"):
            ventilate(app, double, range(5), run="one")
        run = ventilate(app, double, range(5), run="one", remember="if_possible")
        assert (run.id, run.ok) == ("", 5)
        run = ventilate(app, double, range(5), run="one", inbox=["a", "b"])
        assert (run.id, run.ok) == ("one", 5)


def test_what_was_left_out_has_its_place_at_several_inboxes(worker):
    """A broken line is mended, and is done by the next start, and nothing else."""
    kept = [Kept("a"), Kept("b")]
    calls = [Call(number, (number,), {}, number) for number in range(300)]
    with taking(kept[0]), taking(kept[1]):
        run = ventilate(app, double, [*calls[:17], *calls[18:]], run="one", inbox=["a", "b"])
        assert run.ok == 299
        run = ventilate(app, double, calls, run="one", inbox=["a", "b"], resume=True)
        assert (run.ok, run.already) == (300, 299)
    assert all(store.values for store in kept)
    assert sorted(kept[0].values + kept[1].values) == [2 * number for number in range(300)]


def test_lines_of_a_file_name_the_item_by_its_place(worker, tmp_path):
    with taking(JsonLines(tmp_path / "out.jsonl")):
        ventilate(app, double, range(1000, 1003), run="night")
        ventilate(app, double, range(1000, 1005), run="night", resume=True)
    lines = sorted((tmp_path / "out.jsonl").read_text().splitlines())
    assert lines == [
        f'{{"task_id": "night-{place}", "task": "double", "result": {2 * (999 + place)}}}'
        for place in range(1, 6)
    ]


def test_calls_encoded_or_not_without_a_sink(worker):
    failed = []
    run = ventilate(
        app,
        double,
        [
            1,
            Call(5, (2,), {"times": 2}, "second"),
            EncodedCall(7, encode_call((-3,), {}), "third"),
        ],
        sink=None,
        on_failed=failed.append,
    )
    assert (run.ok, run.failed, run.sinks) == (2, 1, [])
    assert [(f.number, f.item, f.error.reason) for f in failed] == [(7, "third", "ValueError: -3")]


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"run": "ab" * 16}, ConfigError, "looks like the id of a node: add a word to it"),
        ({"run": "a\nb"}, ConfigError, "run must be printable"),
        ({"run": "x", "sink": None}, UsageError, "nobody remembers what run 'x' has done"),
        ({"remember": "perhaps"}, ConfigError, "must be 'always' or 'if_possible', not 'perhaps'"),
        ({"sink": ""}, ConfigError, "sink must"),
    ],
)
def test_what_makes_no_sense(options, error, said):
    with pytest.raises(error, match=said):
        ventilate(app, double, [1], **options)


def test_a_run_says_what_keeps_it_from_going_on(runtime):
    runs = []
    begun = threading.Event()

    def begin(run):
        runs.append(run)
        begun.set()

    options = {"run": "one", "on_start": begin, "inbox": "box"}
    thread = threading.Thread(target=ventilate, args=(app, double, range(3)), kwargs=options)
    thread.start()
    assert begun.wait(30)
    (run,) = runs
    wait_for(lambda: run.obstacle)
    with taking(Kept("other")):
        wait_for(lambda: run.obstacle.endswith("what run one has done (known: other)"))
    wait_for(lambda: "known" not in run.obstacle)
    assert run.obstacle == ("waiting for inbox box, which knows what run one has done")
    with taking(Kept()):
        wait_for(lambda: "wait: no worker was found" in run.obstacle)
        with app.worker(pool="thread", concurrency=1).start():
            thread.join(60)
    assert (run.ok, run.obstacle) == (3, "")


class Scripted:
    """In the place of a producer: which sinks it knows, each time that it is asked."""

    has_left = False

    def __init__(self, *answers):
        self.answers = list(answers)

    def outlets(self):
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def test_a_sink_that_is_gone_again_is_waited_for(monkeypatch):
    """It was met, and killed before it was known whether there are others."""
    monkeypatch.setattr(remembering, "_LOOK_INTERVAL", 0.01)
    monkeypatch.setattr(remembering, "_OTHERS_DELAY", 0.05)
    met = [{"sinks": ["default"], "inbox": "box", "usable": True, "taken": Ranges([(1, 3)])}]
    gone = [{**met[0], "usable": False}]
    node = Scripted(met, *[gone] * 20, met)
    told = []
    found = Memory("one", "default", ()).ask(node, told.append, resume=True)
    assert {inbox: taken.count for inbox, taken in found.items()} == {"box": 3}
    assert len(told) > 21
    assert told[-1] == ""


def test_the_next_sink_of_an_inbox_is_told_of_the_end(monkeypatch):
    """Its sink failed; the next one has all of it, and is found when all is settled."""
    gone = {"sinks": ["default"], "inbox": "box", "usable": False}
    node = Scripted([gone], [gone], [{**gone, "usable": True}])
    silent, heard = ([{"inbox": "box", "count": 3, "taken": taken}] for taken in (None, 3))
    ends = [silent, heard]
    node.end = lambda patience, also=(): ends.pop(0)
    assert ended(node, []) == heard
    # Who left because that was all that it expected is not waited for, not for long.
    monkeypatch.setattr(takers, "_RETURN_PATIENCE", 0.05)
    ends += [silent, heard]
    node.answers = [[gone]]
    assert ended(node, []) == silent


def wait_for(asked):
    pause = threading.Event()
    for _ in range(3000):
        if asked():
            return
        pause.wait(0.01)
    raise AssertionError("this never came true")


def test_a_sink_that_has_what_is_expected_ends_at_once(runtime, tmp_path):
    path = tmp_path / "out.jsonl"
    store = JsonLines(path)
    store.open()
    parcel = Parcel("one", "f", [1, 2], [1, 2], [encode_value(1)] * 2)
    floors = {"one": 9}  # the tasks from 3 to 8 have failed
    store.store(Batch(Results([parcel]), [("one", 1, 2)], floors))
    store.close()
    sink = app.sink(JsonLines(path))
    node = sink.node(expect=2)
    assert node.run() == os.EX_OK
    assert (node.stored_before, node.stored, node.wait_complete(0)) == (2, 0, True)
    assert node.last_status["stored"] == 0
    node = sink.start(expect=3, batch=7, linger=0.5)
    assert node.status()["state"] == "serving"
    assert (node.config.batch, node.config.linger, node.has_left) == (7, 0.5, False)
    node.stop()


def test_what_a_store_that_remembers_has_counts_for_expect(worker, tmp_path):
    path = tmp_path / "out.jsonl"
    with taking(JsonLines(path)):
        ventilate(app, double, range(3), run="one")
    node = App("run-memory").sink(JsonLines(path)).start(expect=5)
    ventilate(app, double, range(5), run="one", resume=True)
    assert node.wait(30)
    assert (node.stored_before, node.stored, node.wait_complete(0)) == (3, 2, True)
