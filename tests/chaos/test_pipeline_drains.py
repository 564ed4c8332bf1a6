"""SIGTERM in the middle of a run: a worker, or a sink, finishes what it has, and nothing runs twice."""

import signal
import threading

from chaos_processes import PATIENCE
from pipes_processes import Pipeline, kinds, quiet

from zmqwork.nodes.signals import ECHO_INTERVAL

WARM, COUNT = 50, 400


def begin(scene, kind, *labels, count=COUNT, seconds=0.002):
    pipe = Pipeline(scene)
    sinks = {label: pipe.sink(label, kind, batch=20) for label in labels}
    ventilator = pipe.ventilator(
        count, gated=True, task={"seconds": seconds}, **pipe.boxed(kind, *labels)
    )
    pipe.release(WARM)
    return pipe, sinks, ventilator


@kinds("plain")
def test_a_worker_drains(kind, scene):
    pipe, sinks, ventilator = begin(scene, kind, "a")
    leaving = pipe.worker(label="leaving")
    pipe.stored(WARM)
    pipe.worker(label="staying")
    pipe.release(COUNT)
    pipe.stored(WARM + 20)
    leaving.send(signal.SIGTERM)
    run = ventilator.run()
    assert leaving.process.wait(PATIENCE) == 0
    assert run["ok"] == COUNT
    pipe.verify(COUNT)
    assert pipe.ran_again() == 0
    sinks["a"].leave(signal.SIGTERM)


@kinds("inbox")
def test_a_worker_is_told_twice_to_leave(kind, scene):
    """It waits for its sink, which holds its results, until it is told again."""
    pipe, sinks, ventilator = begin(scene, kind, "a")
    leaving = pipe.worker(label="leaving")
    pipe.stored(WARM)
    gate = pipe.gate("a")
    pipe.release(COUNT)
    gate.reached()
    quiet(pipe.oracle.count_runs, "the worker")
    leaving.send(signal.SIGTERM)
    threading.Event().wait(ECHO_INTERVAL * 1.5)  # sooner would be the same word said twice
    assert leaving.process.poll() is None, "its results are not stored"
    leaving.send(signal.SIGTERM)
    assert leaving.process.wait(PATIENCE) == 128 + signal.SIGTERM
    pipe.worker(label="staying")
    gate.open()
    run = ventilator.run()
    assert run["ok"] == COUNT
    pipe.verify(COUNT)
    assert pipe.ran_again() == 0, "the sink had it all"
    sinks["a"].leave(signal.SIGTERM)


@kinds("plain")
def test_a_sink_drains(kind, scene):
    """To another one, or, with an inbox, for its next start."""
    pipe, sinks, ventilator = begin(scene, kind, "a", "b")
    pipe.worker()
    pipe.stored(WARM)
    pipe.release(COUNT)
    pipe.stored(WARM + 20)
    said = sinks["a"].leave(signal.SIGTERM)
    assert said["stored"] > 0
    if kind == "inbox":
        sinks["a"] = pipe.sink("a", kind)
    run = ventilator.run()
    assert run["ok"] == COUNT
    pipe.verify(COUNT)
    assert pipe.ran_again() == 0


@kinds("inbox")
def test_a_sink_is_told_twice_to_leave(kind, scene):
    """Its handler hangs; what it had is with the worker still, and goes to the next sink."""
    pipe, sinks, ventilator = begin(scene, kind, "a")
    pipe.worker()
    pipe.stored(WARM)
    gate = pipe.gate("a")
    pipe.release(COUNT)
    gate.reached()
    sinks["a"].send(signal.SIGTERM)
    threading.Event().wait(ECHO_INTERVAL * 1.5)
    assert sinks["a"].process.poll() is None, "what is here is not stored"
    sinks["a"].send(signal.SIGTERM)
    sinks["a"].ended(128 + signal.SIGTERM)
    gate.path.unlink()
    sinks["a"] = pipe.sink("a", kind)
    run = ventilator.run()
    assert run["ok"] == COUNT
    pipe.verify(COUNT)
    assert pipe.ran_again() == 0
