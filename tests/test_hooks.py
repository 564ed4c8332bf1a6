"""Hooks hear what happens to tasks; broken and slow ones harm nothing. Workers are real."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading

import pytest

import zmqwork
from zmqwork import App, Retry, Snooze, TaskEvent
from zmqwork.core.happenings import Happening
from zmqwork.core.ledger import TaskSpec
from zmqwork.errors import ConfigError, TaskCancelled, TaskExpired, TaskFailed, UsageError
from zmqwork.hooks import KINDS, WAITING_MAX, Hearing, Hooks
from zmqwork.nodes.callbacks import Callbacks
from zmqwork.options import TaskOptions

WAIT = 20.0


@pytest.fixture(autouse=True)
def private(tmp_path_factory, monkeypatch):
    place = tmp_path_factory.mktemp("run")
    place.chmod(0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))


class Heard:
    """Keeps what a hook hears, and waits for it."""

    def __init__(self, app, *kinds):
        self.events = []
        self._queue = queue.SimpleQueue()
        app.on(*(kinds or KINDS))(self)

    def __call__(self, event):
        self._queue.put(event)

    def until(self, kind, count=1):
        """All events up to the one that is the `count`th of its kind."""
        while sum(event.kind == kind for event in self.events) < count:
            self.events.append(self._queue.get(timeout=WAIT))
        return self.events[-1]

    def kinds(self, task_id):
        return [event.kind for event in self.events if event.task_id == task_id]


def make_app():
    app = App("hooks")
    released = threading.Event()

    @app.task(name="double")
    def double(x):
        return 2 * x

    @app.task(name="fail", max_retries=0, queue="bad")
    def fail(text):
        raise ValueError(text)

    @app.task(name="flaky", max_retries=1)
    def flaky():
        if zmqwork.current().attempt == 1:
            raise Retry(after=0.01)

    @app.task(name="sleepy")
    def sleepy():
        if zmqwork.current().attempt == 1:
            raise Snooze(0.01)

    @app.task(name="wait")
    def wait():
        assert released.wait(WAIT)

    @app.task(name="shaky", max_retries=0, fallback=double)
    def shaky(x):
        raise ValueError(x)

    return app, released


@contextlib.contextmanager
def working(app, **options):
    with (
        app.worker(2, options.pop("pool", "thread"), name="w", **options),
        app.producer() as producer,
    ):
        yield producer


def test_a_task_that_succeeds():
    app, _ = make_app()
    heard = Heard(app)
    with working(app):
        future = app.tasks["double"].submit(4)
        end = heard.until("succeeded")
        assert heard.kinds(future.id) == ["submitted", "succeeded"]
        assert end == TaskEvent(
            "succeeded", future.id, "double", "default", 1, end.worker, None, None, end.seconds
        )
        assert end.worker.startswith("w#")
        assert end.seconds >= 0


def test_started_is_told_of_what_takes_its_time():
    app, released = make_app()
    heard = Heard(app)
    with working(app):
        future = app.tasks["wait"].submit()
        begun = heard.until("started")
        assert (begun.task_id, begun.attempt) == (future.id, 1)
        assert begun.worker.startswith("w#")
        released.set()
        heard.until("succeeded")
        assert heard.kinds(future.id) == ["submitted", "started", "succeeded"]


def test_a_task_that_fails():
    app, _ = make_app()
    heard = Heard(app)
    with working(app):
        future = app.tasks["fail"].submit("no")
        end = heard.until("failed")
        assert heard.kinds(future.id) == ["submitted", "failed"]
        assert (end.task, end.queue, end.attempt) == ("fail", "bad", 1)
        assert isinstance(end.error, TaskFailed)
        assert end.error.text == "no"
        assert end.worker.startswith("w#")


def test_a_task_that_is_retried():
    app, _ = make_app()
    heard = Heard(app)
    with working(app):
        future = app.tasks["flaky"].submit()
        heard.until("succeeded")
        assert heard.kinds(future.id) == ["submitted", "retried", "succeeded"]
        retry = heard.events[1]
        assert (retry.attempt, retry.delay) == (1, 0.01)
        assert isinstance(retry.error, TaskFailed)
        assert heard.events[2].attempt == 2


def test_a_snooze_is_no_event():
    app, _ = make_app()
    heard = Heard(app)
    with working(app):
        future = app.tasks["sleepy"].submit()
        heard.until("succeeded")
        assert heard.kinds(future.id) == ["submitted", "succeeded"]


def test_cancelled_and_expired():
    app, _ = make_app()
    heard = Heard(app)
    with app.producer():
        app.tasks["double"].submit(1).cancel()
        assert isinstance(heard.until("cancelled").error, TaskCancelled)
        app.tasks["double"].using(expires=0.01).submit(1)
        assert isinstance(heard.until("expired").error, TaskExpired)


def test_a_task_that_a_waiting_one_runs_is_not_told_as_cancelled():
    app, _ = make_app()

    @app.task(name="waits", allow_wait=True)
    def waits():
        future = app.tasks["double"].submit(3)
        return future.id, future.result(WAIT)

    heard = Heard(app)
    with app.worker(1, "thread"), app.producer():
        inner, value = waits.submit().result(WAIT)
        heard.until("succeeded")
        assert value == 6
        assert heard.kinds(inner) == ["submitted"]


def test_a_fallback_that_takes_over():
    app, _ = make_app()
    heard = Heard(app)
    with working(app):
        future = app.tasks["shaky"].submit(3)
        failed = future.id
        assert future.result(WAIT) == 6
        heard.until("succeeded")
        assert heard.kinds(failed) == ["submitted", "failed", "degraded"]
        assert heard.kinds(future.id) == ["submitted", "succeeded"]
        (degraded,) = [event for event in heard.events if event.kind == "degraded"]
        assert (degraded.task, degraded.ran) == ("shaky", "double")
        assert isinstance(degraded.error, TaskFailed)


def test_the_chunks_of_a_map_say_how_many_items_they_are():
    app, _ = make_app()
    heard = Heard(app, "succeeded")
    with working(app):
        assert list(app.tasks["double"].map(range(20), chunk=10)) == list(range(0, 40, 2))
        heard.until("succeeded", 2)
        assert [(e.task, e.item_count) for e in heard.events] == [("double[]", 10)] * 2


def test_a_pipeline_has_the_hooks_of_its_app():
    app, _ = make_app()
    heard = Heard(app, "succeeded", "failed")
    with app.worker(1, "thread"):
        run = zmqwork.ventilate(app, app.tasks["fail"], ["a", "b"], sink=None)
        assert run.failed == 2
    heard.until("failed", 2)


def test_only_what_is_listened_for_is_heard():
    app, _ = make_app()
    heard = Heard(app, "failed")
    with working(app) as producer:
        app.tasks["double"].submit(1).result(WAIT)
        app.tasks["fail"].submit("x")
        heard.until("failed")
        assert [event.kind for event in heard.events] == ["failed"]
        assert producer.status()["hooks"] == {"told": 1, "failed": 0, "dropped": 0}


def test_a_hook_may_come_later_than_the_producer():
    app, _ = make_app()
    with working(app):
        app.tasks["double"].submit(1).result(WAIT)
        heard = Heard(app, "submitted", "succeeded")
        future = app.tasks["double"].submit(2)
        heard.until("succeeded")
        assert heard.kinds(future.id) == ["submitted", "succeeded"]


def test_hooks_run_in_the_callback_thread():
    app, _ = make_app()
    names = queue.SimpleQueue()
    app.on("succeeded")(lambda _: names.put(threading.current_thread().name))
    with working(app):
        app.tasks["double"].submit(1)
        assert names.get(timeout=WAIT) == "zmqwork-callbacks"


def test_a_broken_hook_harms_nobody(caplog):
    app, _ = make_app()

    @app.on("succeeded")
    def broken(event):
        raise SystemExit(event.task_id)

    heard = Heard(app, "succeeded")
    with caplog.at_level(logging.ERROR), working(app) as producer:
        futures = [app.tasks["double"].submit(x) for x in range(5)]
        assert [future.result(WAIT) for future in futures] == [0, 2, 4, 6, 8]
        heard.until("succeeded", 5)
        assert producer.callbacks.flush(WAIT)
        assert producer.status()["hooks"] == {"told": 5, "failed": 5, "dropped": 0}
    said = [record for record in caplog.records if "hook" in record.getMessage()]
    assert len(said) == 1, "once a minute"
    assert "broken" in said[0].getMessage()
    assert "test_hooks.py" in said[0].getMessage()


def test_a_hook_that_is_too_slow_loses_events(caplog):
    hooks, callbacks = Hooks(), Callbacks()
    going_on, heard = threading.Event(), []

    @added_to(hooks, "succeeded")
    def slow(event):
        assert going_on.wait(WAIT)
        heard.append(event)

    hearing = Hearing(hooks, callbacks)
    spec = TaskSpec("f", "1", TaskOptions())
    happening = Happening("succeeded", 1, spec, 1, 0.0)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            hearing.hear("a" * 32, [happening] * (WAITING_MAX - 1))
    going_on.set()
    assert callbacks.flush(WAIT)
    assert len(heard) == WAITING_MAX
    dropped = 3 * (WAITING_MAX - 1) - WAITING_MAX
    assert hearing.status() == {"told": WAITING_MAX, "failed": 0, "dropped": dropped}
    said = [record for record in caplog.records if "slower than events" in record.getMessage()]
    assert len(said) == 1
    # There is room again, for as many characters of errors.
    evidence = [{"stderr": "x" * 256 * (WAITING_MAX - 1)}, {"attempt": 1}]
    error = {"text": "x" * 255, "traceback": None, "evidence": evidence}
    hearing.hear("a" * 32, [happening, happening._replace(error=error)])
    assert hearing.status()["dropped"] == dropped + 1
    assert callbacks.flush(WAIT)
    assert len(heard) == WAITING_MAX + 1
    hearing.hear("a" * 32, [happening])
    assert callbacks.flush(WAIT)
    assert len(heard) == WAITING_MAX + 2
    callbacks.close()


def added_to(hooks, *kinds):
    def decorate(function):
        hooks.add(kinds, function)
        return function

    return decorate


def test_without_hooks_no_event_is_made():
    app, _ = make_app()
    with working(app) as producer:
        assert app.tasks["double"].submit(1).result(WAIT) == 2
        assert producer.status()["hooks"] == {"told": 0, "failed": 0, "dropped": 0}
        assert producer._node._machine._books.happenings is None
        assert producer._node._telling is None


@pytest.mark.parametrize(
    ("kinds", "hint"),
    [(("succeded",), "did you mean 'succeeded'"), ((), "name what"), ((print,), "known are")],
)
def test_kinds_that_are_none(kinds, hint):
    app = App("hooks")
    with pytest.raises(ConfigError, match=hint):
        app.on(*kinds)(print)


def test_what_is_no_hook():
    app = App("hooks")

    async def hear(event):
        del event

    for wrong in (hear, 7):
        with pytest.raises(UsageError, match="plain function"):
            app.on("failed")(wrong)


def test_a_module_that_is_read_again_replaces_its_hooks(tmp_path, monkeypatch):
    app = App("hooks")
    text = "from {} import app\n@app.on('failed')\ndef hear(event): pass\n"
    twice = "@app.on('failed')\ndef hear(event): pass\n" * 2
    monkeypatch.setitem(globals(), "app", app)
    for _ in range(2):
        exec(compile(text.format(__name__), "again.py", "exec"), {"__name__": "again"})
    assert len(app.hooks.of("failed")) == 1
    exec(compile(twice, "twice.py", "exec"), {"__name__": "twice", "app": app})
    assert len(app.hooks.of("failed")) == 3


def test_a_lost_child_is_told_with_its_worker():
    from hooks_app import app, crash

    heard = Heard(app, "resubmitted", "dead")
    with app.worker(1, "process", name="w"), app.producer(crash_limit=2):
        future = crash.submit()
        end = heard.until("dead")
        assert heard.kinds(future.id) == ["resubmitted", "dead"]
        assert [event.attempt for event in heard.events] == [1, 2]
        assert all(event.worker.startswith("w#") for event in heard.events)
        assert "exited with 3" in str(end.error)
