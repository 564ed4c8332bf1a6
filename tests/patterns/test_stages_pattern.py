"""Several steps in a row: what becomes of what a killed worker of the last but one has."""

import threading
from contextlib import ExitStack

import pytest
import stages_push
import zmq
from pattern_programs import PATIENCE, RAW, SILENCE
from stages_app import app, chain, mark, mark_again, unused

from zmqwork import App, ConfigError
from zmqwork.patterns import stages

BODIES = [f"body {number}" for number in range(8)]


def test_raw_what_was_dealt_to_a_killed_step_is_gone(start, endpoint, context, notes, wait_until):
    seconds = [endpoint("second-a"), endpoint("second-b")]
    last = context.socket(zmq.PULL)
    last.bind(endpoint("sink"))
    words = (RAW / "stages_push.py", notes.path)
    workers = [start(*words, notes.go, second, endpoint("sink")) for second in seconds]
    start(*words, RAW, endpoint("first"), *seconds)  # (what it waits for is there)
    ventilator = stages_push.pusher(context, [endpoint("first")])
    with last, ventilator:
        for body in BODIES:
            ventilator.send(body.encode())
        pids = {worker.pid for worker in workers}
        wait_until(lambda: pids <= set(notes.pids()), "both work on their first")
        workers[0].kill()
        notes.go.touch()
        came = stages_push.collect(last, len(BODIES), SILENCE)
        ventilator.send(b"later 1")
        ventilator.send(b"later 2")
        later = stages_push.collect(last, 2, SILENCE)
    assert came == [f"{body}''".encode() for body in BODIES[1::2]], "the other half is gone"
    assert later == [b"later 2''"], "and every second one that comes after, for ever"


@pytest.fixture
def collected():
    """A sink of the chain, and what it has."""
    results = []
    go = threading.Event()

    def store(batch):
        results.extend(batch)
        if len(results) >= len(BODIES):
            go.set()

    return results, chain.sink(store)


def test_what_a_killed_worker_of_a_stage_had_is_done_by_another(
    start, realm, runtime, notes, wait_until, collected
):
    results, sink = collected
    words = ("-m", "zmqwork", "worker", "stages_app:app", "--realm", realm, "-o", "quiet")
    words += ("--pool", "thread", "-c", "1", "-Q")
    workers = {worker.pid: worker for worker in (start(*words, "second") for _ in range(2))}
    start(*words, "first")
    pushed = []
    items = [[body, notes.path, str(notes.go)] for body in BODIES]
    ventilating = threading.Thread(target=lambda: pushed.append(chain.push(items, realm=realm)))
    with sink.start(realm=realm):
        ventilating.start()
        wait_until(lambda: set(workers) <= set(notes.pids()), "both work on their first")
        victim = notes.pids()[0]
        workers[victim].kill()
        notes.go.touch()
        ventilating.join(PATIENCE)
    [run] = pushed
    assert (run.ok, run.lost) == (len(BODIES), 0)
    assert sorted(results) == [f"{body}''" for body in BODIES], "each once, for its sink lived"
    assert set(notes.pids()) == set(workers)


# -- the chain itself


def test_a_worker_of_one_stage_serves_it_alone(realm, runtime):
    with ExitStack() as stack:
        worker = stack.enter_context(chain.worker(mark, realm=realm, pool="inline"))
        assert worker.config.queues == ("first",)
        both = stack.enter_context(chain.worker(realm=realm, pool="inline"))
        assert both.config.queues == ()


def test_a_stage_needs_a_queue_of_its_own():
    with pytest.raises(ConfigError, match="'unused' is no stage of this chain"):
        chain.worker(unused)
    shared = stages.Chain(app, [mark, unused, mark_again, unused.using(expires=3)])
    with pytest.raises(
        ConfigError, match="stages unused, unused share the queue 'default', and so their workers"
    ):
        shared.worker(unused)


def test_the_sinks_have_the_name_of_the_chain():
    other = stages.Chain(App("other"), [], to="elsewhere")
    assert other.sink(print).name == "elsewhere"
    assert stages.Chain(App("one more"), []).sink(print).name == "default"
