"""Hooks hear what others order, what a journal brings back, and whom a task was rejected by."""

from __future__ import annotations

import contextlib

import pytest
from test_hooks import WAIT, Heard

import zmqwork
from zmqwork import App, Reject
from zmqwork.config import NodeConfig
from zmqwork.core.lifecycle import SETTLED
from zmqwork.errors import TaskCancelled, TaskFailed
from zmqwork.nodes.observer import Observer
from zmqwork.starting import identity
from zmqwork.wire.values import encode_call


@pytest.fixture(autouse=True)
def private(tmp_path_factory, monkeypatch):
    place = tmp_path_factory.mktemp("run")
    place.chmod(0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))


def make_app():
    app = App("hooks")

    @app.task(name="double")
    def double(x):
        return 2 * x

    @app.task(name="fail", max_retries=0)
    def fail(text):
        raise ValueError(text)

    @app.task(name="fussy", max_retries=0)
    def fussy():
        if zmqwork.current().attempt == 1:
            raise Reject("no GPU")

    return app


@contextlib.contextmanager
def working(app, **options):
    with app.worker(1, "thread", name="w"), app.producer(**options) as producer:
        yield producer


def order(producer, verb, data=None, **arguments):
    config = NodeConfig(**identity("hooks", "observer"))
    with Observer(config, App("hooks").discover(), patience=WAIT) as observer:
        answer = observer.order(producer.node_id, verb, arguments, data)
    assert answer.code == "done"
    return answer.value["tasks"]


def test_what_another_process_cancels():
    app = make_app()
    heard = Heard(app)
    with app.producer():
        future = app.tasks["double"].submit(1)
        assert App("hooks").cancel(future.id)
        end = heard.until("cancelled")
        assert isinstance(end.error, TaskCancelled)
        assert heard.kinds(future.id) == ["submitted", "cancelled"]


def test_what_another_process_revives_and_edits():
    app = make_app()
    heard = Heard(app)
    with working(app) as producer:
        future = app.tasks["fail"].submit("no")
        heard.until("failed")
        assert order(producer, "revive", all=True) == [1]
        heard.until("failed", 2)
        assert heard.kinds(future.id) == ["submitted", "failed"] * 2
        assert [event.attempt for event in heard.events] == [0, 1, 1, 2]
        assert order(producer, "edit", [encode_call(("other",), {})], seq=1) == [2]
        assert heard.until("failed", 3).task_id == f"{producer.node_id[:8]}-2"
        assert [event.kind for event in heard.events[4:]] == ["submitted", "failed"]


def test_a_task_that_is_rejected_by_one_worker_and_run_by_another():
    app = make_app()
    heard = Heard(app)
    with app.worker(1, "thread", name="other"), working(app):
        future = app.tasks["fussy"].submit()
        end = heard.until("succeeded")
        kinds = [kind for kind in heard.kinds(future.id) if kind != "started"]  # on a slow day
        assert kinds == ["submitted", "rejected", "succeeded"]
        (rejected,) = [event for event in heard.events if event.kind == "rejected"]
        assert (rejected.attempt, end.attempt) == (1, 2)
        assert rejected.worker != end.worker
        assert isinstance(rejected.error, TaskFailed)
        assert rejected.error.text == "no GPU"


def test_what_stays_in_the_journal_has_not_ended(tmp_path):
    journal = {"journal": tmp_path / "journal", "allow_volatile_journal": True}
    before = make_app()
    heard = Heard(before)
    with before.producer(**journal) as producer:
        future = before.tasks["double"].submit(2)
        assert producer.flush(WAIT)
        producer.stop()
        assert future.cancelled()
        assert producer.callbacks.flush(WAIT)
    assert heard.until("submitted").task_id == future.id
    assert heard._queue.empty(), "it is left to the next process"
    after = make_app()
    heard = Heard(after)
    with working(after, **journal) as producer:
        end = heard.until("succeeded")
        assert [event.kind for event in heard.events] == ["succeeded"], "it was submitted before"
        assert end.task_id == future.id
        assert end.worker.startswith("w#")
        later = after.tasks["fail"].submit("no")
        assert heard.until("failed").task_id == later.id
        assert producer.callbacks.flush(WAIT)
    assert sum(event.kind in SETTLED for event in heard.events) == 2


def test_results_that_are_kept_and_results_that_are_not_wanted():
    app = make_app()
    heard = Heard(app, "succeeded")
    with working(app):
        for options in ({"result_ttl": 60}, {"ignore_result": True}):
            future = app.tasks["double"].using(**options).submit(1)
            assert heard.until("succeeded").task_id == future.id
            heard.events.clear()


def group(app, futures):
    with app.batch():
        futures += [app.tasks["double"].submit(x) for x in range(3)]
        raise LookupError


def test_the_tasks_of_a_batch():
    app = make_app()
    heard = Heard(app)
    with working(app) as producer:
        futures = []
        with pytest.raises(LookupError):
            group(app, futures)
        assert all(future.cancelled() for future in futures)
        with app.batch():
            futures = [app.tasks["double"].submit(x) for x in range(3)]
        heard.until("succeeded", 3)
        assert producer.callbacks.flush(WAIT)
        # What was given up was never submitted.
        assert {event.task_id for event in heard.events} == {future.id for future in futures}
        assert [event.kind for event in heard.events[:3]] == ["submitted"] * 3
