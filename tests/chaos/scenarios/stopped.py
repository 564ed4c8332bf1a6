"""Nodes that are stopped (SIGSTOP) for a while, and go on: nobody can tell them from dead ones."""

import signal

from chaos_processes import stop
from field import Field
from pipes_processes import Pipeline

from scenarios import scenario


def halted(trial, kind, program, victims, seconds):
    with trial.fault(kind, *victims):
        stop(program.pid)
        trial.pause(seconds)
        program.send(signal.SIGCONT)


@scenario("stop-worker", "C5")
def stop_worker(trial):
    """A worker stops: for a moment nothing is run again, for longer its tasks go elsewhere."""
    if not trial.full:
        trial.scene.hurry()
    field = Field(trial, 2, slots=2)
    field.feed(10**6, 0.2, window=8, warm=8)
    counters = []
    for seconds in trial.pick((0.7, 4.0), (3.0, 20.0, 60.0)):
        halted(trial, "stop", field.workers[0], field.workers[:1], seconds)
        trial.workers(field.producer, 2)
        trial.pause(trial.pick(0.5, 5.0))
        counters.append(field.producer.counters()["lost_workers"])
    expected = trial.pick([0, 1], [0, 1, 2])
    trial.hold(counters == expected, f"given up so often: {counters}, not {expected}")
    figures = field.over()
    most = figures["recovery_seconds"].get("max", 0.0)
    trial.hold_in_time(most <= 8.0, f"what it held began again after {most} s")


@scenario("stop-producer", "C6")
def stop_producer(trial):
    """A producer stops for a minute; its workers go on with others, and it ends all of its own."""
    if not trial.full:
        trial.scene.hurry()
    scene = trial.scene
    worker = scene.worker(slots=2)
    producer, other = scene.producer(), scene.producer(name="other")
    for one in (producer, other):
        trial.workers(one, 1)
        one.order("feed", count=trial.pick(300, 5_000), window=100, words={"seconds": 0.01})
    trial.settled(trial.pick(50, 500))
    halted(trial, "stop producer", producer, [worker], trial.pick(5.0, 60.0))
    at = trial.now()
    trial.rest([producer, other])
    trial.details["settled_after"] = round(trial.now() - at, 1)
    trial.verify()
    trial.figures = trial.oracle.figures()
    trial.hold(trial.figures["unexplained"] == [], "some ran again for no reason")
    trial.hold(producer.counters()["crashes"] == 0, "its own silence is no crash of a task")


@scenario("stop-sink", "C6")
def stop_sink(trial):
    """A sink with an inbox stops for a minute: its results wait for it, and take effect once."""
    pipe = Pipeline(trial.scene)
    sink, worker = pipe.sink("a", batch=20), pipe.worker(slots=2)
    count = trial.pick(300, 5_000)
    ventilator = pipe.ventilator(
        count, gated=True, window=200, task={"seconds": 0.002}, **pipe.boxed("inbox", "a")
    )
    for role, program in (("sink", sink), ("worker", worker), ("ventilator", ventilator)):
        trial.watch.follow(role, program.pid)
    trial.watch.count = pipe.oracle.count_effects
    pipe.release(count // 2)
    pipe.stored(count // 4)
    with trial.fault("stop sink"):
        stop(sink.pid)
        pipe.release(count)
        trial.pause(trial.pick(3.0, 60.0))
        sink.send(signal.SIGCONT)
    at = trial.now()
    run = ventilator.run()
    trial.details["settled_after"] = round(trial.now() - at, 1)
    trial.figures = pipe.oracle.figures(range(count))
    trial.breaches += pipe.oracle.complaints(range(count), once=True)
    trial.hold(run["ok"] == count, f"the ventilator counts {run['ok']} of {count}")
