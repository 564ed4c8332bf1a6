"""How soon a task begins again when its worker is gone, and whether anybody is taken for dead who is not."""

import os
import re
import signal
import subprocess
import sys

from chaos_processes import stop
from field import Field
from oracle import spread

from scenarios import scenario

# The targets of P12, in seconds: of a kill on a quiet link, and of whatever is silent only.
KILL_P50, KILL_P99, SILENCE_P99 = 0.05, 0.5, 8.0


@scenario("recovery", "P12")
def recovery(trial):
    """50 kills, 20 partitions, 20 SIGSTOPs of a worker with a slot free elsewhere: seconds to the next start."""
    found = {"kill": kills(trial, trial.pick(3, 50))}
    if not trial.full:
        trial.scene.hurry()
    rounds = trial.pick(1, 4)
    field = Field(trial, 10, name="q")
    found["partition"] = silences(trial, field, "partition", rounds)
    found["stop"] = silences(trial, field, "stop", rounds)
    trial.recovery = [seconds for kind in found.values() for seconds in kind]
    trial.details["seconds"] = told = {kind: spread(seconds) for kind, seconds in found.items()}
    field.over()
    for kind, bars in {
        "kill": {"p50": KILL_P50, "p99": KILL_P99},
        "partition": {"p99": SILENCE_P99},
        "stop": {"p99": SILENCE_P99},
    }.items():
        for name, bar in bars.items():
            value = told[kind][name]
            trial.hold_in_time(value <= bar, f"{kind}: {name} is {value} s, and should be {bar}")


def again(trial, key, at):
    """Seconds from that instant to the second start of a task."""
    trial.scene.begun(key, attempt=2)
    runs = [run for run in trial.oracle.read("runs") if run["key"] == key and run["attempt"] == 2]
    return next(run["at"] for run in runs if run["what"] == "begun") - at


def kills(trial, count):
    scene = trial.scene
    workers = [scene.worker(), scene.worker()]
    producer = scene.producer()
    seconds = []
    for index in range(count):
        trial.workers(producer, 2)
        key = f"kill-{index}"
        scene.gate(key)
        producer.submit(key)
        scene.begun(key)
        trial.until(lambda: producer.states()["started"] == 1, "STARTED has come")
        (pid,) = {run["pid"] for run in trial.oracle.read("runs") if run["key"] == key}
        (at,) = [n for n, worker in enumerate(workers) if pid in worker.children()]
        killed_at = trial.kill(workers[at])
        seconds.append(again(trial, key, killed_at))
        trial.until(lambda key=key: trial.oracle.settled(key), "it is settled")
        workers[at] = scene.worker()
    for worker in workers:
        worker.kill()
    return seconds


def silences(trial, field, kind, rounds):
    """Half of the workers are silent at once, each with a task that it holds."""
    scene, seconds = trial.scene, []
    for number in range(rounds):
        trial.workers(field.producer, 10)
        keys = [f"{kind}-{number}-{n}" for n in range(5)]
        gates = [scene.gate(key) for key in keys]
        field.producer.submit(*keys)
        for key in keys:
            scene.begun(key)
        trial.until(lambda: field.producer.states()["started"] == 5, "STARTED has come")
        of_pid = {run["pid"]: run["key"] for run in trial.oracle.read("runs") if run["key"] in keys}
        held = {n: of_pid[pid] for n, worker in enumerate(field.workers)
                for pid in worker.children() if pid in of_pid}  # fmt: skip
        chosen = [field.workers[n] for n in held]
        begun_at = {}
        with trial.fault(kind, *chosen):
            for n, key in held.items():
                worker, link = field.workers[n], field.links[n]
                begun_at[key] = trial.now()
                if kind == "stop":
                    stop(worker.pid)
                else:
                    link.hold(link.forth, link.back)
            seconds += [again(trial, key, instant) for key, instant in begun_at.items()]
        for n, gate in zip(held, gates, strict=True):
            field.workers[n].send(signal.SIGCONT)
            field.links[n].release(field.links[n].forth, field.links[n].back)
            gate.open()
        for key in keys:
            scene.ended(key, attempt=1)
    return seconds


@scenario("cpu-load", "P12")
def cpu_load(trial):
    """Ten minutes with twice as many busy processes as processors: nobody is taken for dead."""
    scene = trial.scene
    cores = len(os.sched_getaffinity(0))
    workers = [scene.worker(slots=cores) for _ in range(2)]
    producer = scene.producer()
    trial.workers(producer, 2)
    trial.watch.follow("producer", producer.pid)
    trial.watch.follow("worker", workers[0].pid)
    producer.order("feed", count=10**7, window=32, words={"seconds": 0.01})
    trial.settled(20)
    spinning = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * cores)
    ]
    with trial.fault("load"):
        try:
            trial.pause(trial.minutes * 60 if trial.minutes else trial.pick(3.0, 600.0))
        finally:
            for process in spinning:
                process.kill()
                process.wait()
    producer.order("halt")
    trial.rest([producer])
    trial.verify()
    trial.figures = figures = trial.oracle.figures()
    counters = producer.counters()
    given_up = re.findall(r"producer \S+ is lost", scene.complaints())
    false = counters["lost_workers"] + len(given_up)
    trial.details = {"false_deaths": false, "busy_processes": 2 * cores}
    trial.details |= {"load_average": os.getloadavg()[0]}
    trial.hold(false == 0, f"{false} false deaths")
    trial.hold(figures["duplicate_executions"] == 0, "something ran again")
