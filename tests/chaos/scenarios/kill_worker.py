"""Workers that are killed while there is more to do than they can."""

from scenarios import scenario

# Tasks of more than 100 ms are not handed out in advance: what a kill costs is what runs.
LONG_TASK = 0.12


def rage(trial, count, seconds, *, workers, slots, every, window):
    """Kill a worker every so often, and start another one a second later, until all is done."""
    scene = trial.scene
    running = [scene.worker(slots=slots) for _ in range(workers)]
    producers = [scene.producer(name=name) for name in ("p", "q")]
    for producer in producers:
        trial.workers(producer, workers)
        trial.watch.follow(f"producer {producer.name}", producer.pid)
    trial.watch.follow("worker", running[0].pid)
    for producer in producers:
        producer.order("feed", count=count // 2, window=window, words={"seconds": seconds})
    trial.settled(count // 20)
    kills = 0
    while (settled := trial.oracle.count("settled")) < count * 0.9:
        at = trial.random.randrange(workers)
        trial.kill(running[at])
        kills += 1
        trial.pause(min(1.0, every / 2))
        running[at] = scene.worker(slots=slots)
        trial.pause(every - min(1.0, every / 2))
        # Where workers start more slowly than they are killed, none would ever be there.
        trial.settled(settled + slots)
    trial.rest(producers)
    trial.verify()
    trial.figures = figures = trial.oracle.figures()
    trial.details = {"kills": kills, "slots": slots, "seconds_of_a_task": seconds}
    trial.hold(figures["confirmed"] == count, f"{figures['confirmed']} of {count} were submitted")
    trial.hold(kills >= 2, f"only {kills} kills")
    again = figures["duplicate_executions"]
    trial.hold(figures["unexplained"] == [], f"ran again for no reason: {figures['unexplained']}")
    trial.hold(
        again <= figures["unacked_at_faults"],
        f"{again} ran again, and {figures['unacked_at_faults']} were unacked",
    )
    trial.hold(
        set(figures["settled"]) <= {"succeeded", "dead"},
        f"something else came of tasks: {figures['settled']}",
    )
    return again, kills


@scenario("kill-worker", "C1")
def kill_worker(trial):
    """SIGKILL of a worker every 2 s while 100,000 short tasks are done; another one a second later."""
    count, seconds, workers, slots, every = trial.pick(
        (900, 0.005, 3, 1, 0.7), (100_000, 0.02, 4, 4, 2.0)
    )
    rage(trial, count, seconds, workers=workers, slots=slots, every=every, window=1_000)


@scenario("kill-worker-long", "C1")
def kill_worker_long(trial):
    """The same with tasks over 100 ms: no more run again than kills times slots."""
    count, workers, slots, every = trial.pick((240, 3, 2, 0.7), (8_000, 4, 4, 2.0))
    again, kills = rage(
        trial, count, LONG_TASK, workers=workers, slots=slots, every=every, window=200
    )
    trial.hold(again <= kills * slots, f"{again} ran again after {kills} kills of {slots} slots")
