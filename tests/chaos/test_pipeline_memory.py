"""Pipelines whose sinks are slow, or away, or get much: everybody waits in bounded memory."""

import signal
import threading

import pytest
from chaos_processes import until
from pipes_processes import FULL, Pipeline, kinds, memory, quiet

KIB, MIB = 1024, 1024 * 1024


# -- sinks that are away --------------------------------------------------------------------------

WINDOW, RESULT, OUTBOX = 3_000, 64 * KIB, 16 * MIB
# A slot has so many attempts at once, whose results come when it is full already.
CHUNK = 512
MOST = OUTBOX // RESULT + CHUNK


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("kind", "away", "undelivered"),
    [("inbox", 10, 30), ("plain", 10, 30), ("inbox", 40, 30), ("plain", 40, 30)]
    if FULL
    else [("inbox", 1.5, 30)],
)  # fmt: skip
def test_all_sinks_are_away_for_a_while(kind, away, undelivered, scene):
    pipe = Pipeline(scene)
    outbox = {"outbox_bytes": OUTBOX, "undelivered_timeout": undelivered, "chunk_max": CHUNK}
    pipe.configure(WorkerConfig=outbox)
    sinks = [pipe.sink(label, kind) for label in ("a", "b")]
    worker = pipe.worker()
    words = pipe.boxed(kind, "a", "b")
    count = WINDOW + 1_000
    ventilator = pipe.ventilator(count, window=WINDOW, task={"size": RESULT}, gated=True, **words)
    pipe.release(200)
    pipe.stored(200)
    base = memory(worker.pid, "VmRSS")
    gates = [pipe.gate(sink.label) for sink in sinks]
    pipe.release(count)
    until(lambda: pipe.pulled() >= 200 + WINDOW, "the window is full")
    begun = quiet(pipe.oracle.count_runs, "the worker") - 200
    # (Of one producer it keeps half of the outbox, so that there is room for another one.)
    assert OUTBOX // 2 // RESULT <= begun <= MOST, "it has begun what it may"
    for sink, gate in zip(sinks, gates, strict=True):
        sink.kill()
        gate.path.unlink()
    threading.Event().wait(away)
    assert pipe.pulled() <= 200 + WINDOW + 1, "submit waits"
    if undelivered > away:
        assert pipe.oracle.count_runs() == 200 + begun, "nothing runs that could go nowhere"
    assert memory(worker.pid) <= base + begun * RESULT * 1.25 + 8 * MIB
    assert memory(ventilator.pid) < 200 * MIB
    assert ventilator.process.poll() is None
    for label in ("a", "b"):
        pipe.sink(label, kind)
    run = ventilator.run()
    assert (run["ok"], run["read"]) == (count, count)
    pipe.verify(count)
    figures = pipe.oracle.summary(range(count))
    print({"kind": kind, "away": away, "begun": begun, **figures})
    if undelivered > away:
        assert figures["ran_again"] == 0, "what the worker had it has kept"
    else:
        # What was given back, and what the worker had then, and ran in vain.
        assert figures["ran_again"] <= WINDOW


# -- a sink that is slow --------------------------------------------------------------------------


@kinds("inbox")
def test_a_sink_that_is_slow_is_waited_for(kind, scene):
    """(Its pace is a tenth of what one worker does, or less.)"""
    pipe = Pipeline(scene)
    count, pace, window = (20_000, 1_000, 1_000) if FULL else (3_600, 1_200, 300)
    sink = pipe.sink("a", kind, pace=pace, batch=50)
    worker = pipe.worker(slots=2)
    task = {"size": 16 * KIB}
    ventilator = pipe.ventilator(count, window=window, task=task, **pipe.boxed(kind, "a"))
    pids = {"ventilator": ventilator.pid, "worker": worker.pid, "sink": sink.pid}
    thirds = [dict.fromkeys(pids, 0) for _ in range(3)]
    waiting = []

    def is_over():
        stored = pipe.oracle.count_effects()
        if count // 10 <= stored < count - window:
            third = thirds[stored * 3 // count]
            for role, pid in pids.items():
                third[role] = max(third[role], memory(pid, "VmRSS"))
            waiting.append(pipe.pulled() - stored)
        return stored >= count

    until(is_over, "all is stored", 120)
    run = ventilator.run()
    print(kind, thirds)
    assert run["ok"] == count
    pipe.verify(count)
    assert pipe.ran_again() == 0
    waiting.sort()
    assert waiting[len(waiting) // 2] >= window // 2, "the sink is what all wait for"
    # What came through in the last third is many times as much.
    assert count // 3 * 16 * KIB > 16 * MIB
    for role in pids:
        assert thirds[2][role] <= thirds[0][role] + 6 * MIB, (role, thirds)


# -- large results --------------------------------------------------------------------------------


@pytest.mark.timeout(300)
@kinds("inbox")
def test_a_stream_of_large_results(kind, scene):
    """The issue's GiB, or a part of it: in pieces of 1 MiB."""
    pipe = Pipeline(scene)
    count = 1024 if FULL else 96
    sink, worker = pipe.sink("a", kind), pipe.worker(slots=2)
    task = {"size": MIB}
    ventilator = pipe.ventilator(count, task=task, gated=True, **pipe.boxed(kind, "a"))
    pipe.release(count - 1)
    pipe.stored(count - 1)
    most = {"ventilator": memory(ventilator.pid), "worker": memory(worker.pid)}
    most |= {f"child {n}": memory(pid) for n, pid in enumerate(worker.children())}
    most |= {"sink": memory(sink.pid)}
    print(kind, {role: size // MIB for role, size in most.items()})
    pipe.release(count)
    run = ventilator.run()
    assert run["ok"] == count
    pipe.verify(count)
    sink.leave(signal.SIGTERM)
    limit = 200 * MIB
    assert {role: size for role, size in most.items() if size >= limit and role != "sink"} == {}
    assert most["sink"] < 400 * MIB
