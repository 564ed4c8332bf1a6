"""Children of a worker that die, hold the interpreter, or hang: it costs their task, and no other."""

import os
import signal

from chaos_processes import children_of, is_gone
from field import Field

from scenarios import scenario


@scenario("kill-child", "C2")
def kill_child(trial):
    """SIGKILL of a child at random, again and again: only what it ran runs again."""
    field = Field(trial, 1, slots=4)
    field.feed(10**6, 0.1, window=40, warm=20)

    def at_work():
        """(A worker whose children die again and again before they have begun anything leaves.)"""
        begun = {run["pid"] for run in trial.oracle.read("runs")}
        return begun.intersection(children_of(field.workers[0].pid))

    for _ in range(trial.pick(6, 200)):
        victim = trial.random.choice(sorted(trial.until(at_work, "some are at work")))
        with trial.fault("kill child", pids=[victim]):
            os.kill(victim, signal.SIGKILL)
            trial.until(lambda victim=victim: is_gone(victim), "it is gone")
        trial.pause(trial.random.uniform(0.1, 0.5))
    figures = field.over()
    trial.hold(field.producer.counters()["lost_workers"] == 0, "the worker was given up")
    # (Who is hit three times by chance is dead, as one that kills its child is.)
    others = set(figures["settled"]) - {"succeeded", "dead"}
    trial.hold(not others, f"it cost others: {figures['settled']}")


@scenario("hold-interpreter", "C8")
def hold_interpreter(trial):
    """A task holds its interpreter for two minutes in calls of C: nobody takes it for dead."""
    if not trial.full:
        trial.scene.hurry()
    field = Field(trial, 1, slots=2)
    words = {"seconds": trial.pick(6.0, 120.0)}
    field.producer.submit("busy", task="hold_interpreter", **words)
    trial.scene.begun("busy")
    field.feed(10**6, 0.05, rate=10)
    with trial.fault("interpreter held"):
        trial.until(lambda: trial.oracle.settled("busy"), "it is done", 600, every=0.5)
    figures = field.over()
    trial.details["held_seconds"] = round(trial.oracle.settled("busy")[0]["value"][2], 1)
    trial.hold(figures["duplicate_executions"] == 0, "something ran again")
    lost = field.producer.counters()["lost_workers"]
    trial.hold(lost == 0, f"{lost} false deaths")


@scenario("poison", "C18")
def poison(trial):
    """Of 1,000 tasks 10 kill their child, 1 the worker, 10 hang: they end, and all others succeed."""
    scene = trial.scene
    count = trial.pick(300, 5_000)
    field = Field(trial, 1, slots=2)
    others = [scene.worker(slots=2) for _ in range(2)]
    # The producer of the field knows one worker; this one finds all by the local directory.
    producer = scene.producer(name="q")
    trial.workers(producer, 2)
    bad = {"die": count // 100, "die_with_worker": max(1, count // 1000), "hang": count // 100}
    at = trial.now()
    producer.order("feed", count=count, window=500, words={"seconds": 0.002})
    for task, number in bad.items():
        producer.submit(*[f"{task}-{n}" for n in range(number)], task=task)

    def is_over():
        for index, worker in enumerate(others):
            if worker.process.poll() is not None:
                others[index] = scene.worker(slots=2)
        return not producer.order("feeding") and (
            trial.oracle.count("settled") >= trial.oracle.count("submitted")
        )

    trial.until(is_over, "all are settled", 1800, every=0.2)
    trial.details["seconds_to_the_end"] = round(trial.now() - at, 1)
    field.over()
    states = {}
    for fact in trial.oracle.read("settled"):
        states.setdefault(str(fact["key"]).rpartition("-")[0], set()).add(fact["state"])
    for task, state in (("die", "dead"), ("die_with_worker", "dead"), ("hang", "failed")):
        trial.hold(states[task] == {state}, f"of {task} came {states[task]}, not {state}")
    # A worker that dies at once has not said what it had begun: then the oldest that it held are taken for
    # begun, and poison may begin once more than was counted.
    runs = trial.oracle.run_twice()
    most = max((len(found) for key, found in runs.items() if key.startswith("die")), default=0)
    trial.details["poison_began_at_most"] = most
    trial.hold(most <= 6, f"poison began {most} times")
    dead = [fact for fact in trial.oracle.read("settled") if str(fact["key"]).startswith("die")]
    wrong = [
        fact["value"]
        for fact in dead
        if "3 of its attempts ended in a crash" not in fact["value"][1]
    ]
    trial.hold(wrong == [], f"not after three crashes: {wrong[:2]}")
    trial.hold(states["q"] == {"succeeded"}, f"of healthy tasks came {states['q']}")
