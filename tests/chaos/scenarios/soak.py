"""A small cluster to which harm is done at random, for long: what grows meanwhile?"""

import signal

from chaos_processes import stop
from durable import Durable, is_whole, tallied
from durable_producer import confirmed
from pipes_processes import Pipeline
from watching import quarters

from scenarios import scenario

SLOPE_MAX = 1.0  # MiB an hour, after the warm-up
# What may be open at one look and not at another one.
SLACK = 3
# A run is long enough for a slope to mean something; of a shorter one only what leaps is seen.
JUDGED_MINUTES = 10.0
LEAP_MAX = 8.0  # MiB
# How often the producer counts what it has; it collects its garbage before that.
LOOK_INTERVAL = 20.0
BLOCKS_MORE = 0.05
STEADY = ("producer", "worker", "ventilator", "pipeline's worker")


class Cluster:
    """Who is there. The steady ones are never killed; what they have, they would have for ever."""

    def __init__(self, trial):
        self.trial = trial
        self.scene = scene = trial.scene
        self.rate = 40
        self.steady = scene.remote_worker()
        self.mortal = scene.worker("--bind", "tcp://127.0.0.1:*")
        self.link, self.other = scene.proxy(self.steady.port), scene.proxy(self.mortal.port)
        self.producer = scene.producer(self.link.endpoint, self.other.endpoint)
        trial.workers(self.producer, 2)
        self.step = trial.pick(50, 150)
        self.up_to = self.step
        self.durable = scene.keep(Durable(scene, self.up_to))
        self.pipe = Pipeline(scene, "pipe")
        self.sink = self.pipe.sink("a", batch=20)
        worker = self.pipe.worker()
        self.released = 0
        self.ventilator = self.pipe.ventilator(
            10_000_000,
            gated=True,
            window=200,
            task={"seconds": 0.002},
            **self.pipe.boxed("inbox", "a"),
        )
        pids = [self.producer.pid, self.steady.pid, self.ventilator.pid, worker.pid]
        for role, pid in zip(STEADY, pids, strict=True):
            trial.watch.follow(role, pid)

    def begin(self):
        words = {"seconds": 0.02}
        self.producer.order("feed", count=10**9, window=200, rate=self.rate, words=words)

    def release(self, seconds):
        """Let the pipeline have some more."""
        self.released += int(self.rate * seconds / 2)
        self.pipe.release(self.released)

    # -- harm -----------------------------------------------------------------------------------

    def kill_worker(self, seconds):
        self.trial.kill(self.mortal)
        self.other.point_to(None)
        self.mortal = self.scene.worker("--bind", "tcp://127.0.0.1:*")
        self.other.point_to(self.mortal.port)

    def stop_worker(self, seconds):
        with self.trial.fault("stop", self.steady):
            stop(self.steady.pid)
            self.trial.pause(seconds)
            self.steady.send(signal.SIGCONT)

    def stop_producer(self, seconds):
        with self.trial.fault("stop producer", self.steady, self.mortal):
            stop(self.producer.pid)
            self.trial.pause(seconds)
            self.producer.send(signal.SIGCONT)

    def cut(self, seconds):
        with self.trial.fault("reset", self.steady):
            self.link.cut()

    def hold(self, seconds, *names):
        ways = [getattr(self.link, name) for name in names]
        with self.trial.fault("silence", self.steady):
            self.link.hold(*ways)
            self.trial.pause(seconds)
            self.link.release(*ways)

    def kill_sink(self, seconds):
        with self.trial.fault("kill sink"):
            self.sink.kill()
        self.trial.pause(seconds / 4)
        self.sink = self.pipe.sink("a", batch=20)

    def kill_producer(self, seconds):
        with self.trial.fault("kill producer"):
            self.durable.kill()
        self.up_to += self.step
        self.durable = self.scene.keep(Durable(self.scene, self.up_to))

    def harms(self):
        silences = [("forth",), ("back",), ("forth", "back")]
        return [
            *[self.kill_worker, self.kill_sink, self.kill_producer, self.cut] * 2,
            *[self.stop_worker, self.stop_producer],
            *[lambda seconds, names=names: self.hold(seconds, *names) for names in silences],
        ]

    # -- the end --------------------------------------------------------------------------------

    def settle(self):
        """Let all of it come to its end; what breaks a promise is a breach."""
        trial = self.trial
        trial.details["submitted"] = self.producer.order("halt")
        trial.rest([self.producer])
        trial.verify()
        self.durable.finish()
        self.pipe.stored(self.released)
        trial.breaches += self.pipe.oracle.complaints(range(self.released), once=True)
        ran = tallied(self.scene.place)
        lost = [key for key in range(1, confirmed(self.scene.place) + 1) if key not in ran]
        trial.hold(lost == [], f"with a journal {len(lost)} are lost, such as {lost[:3]}")
        trial.hold(is_whole(self.scene.place / "journal"), "the journal is damaged")
        trial.figures = figures = trial.oracle.figures()
        piped = self.pipe.oracle.summary(range(self.released))
        trial.details["pipeline"] = {"released": self.released, **piped}
        trial.details["journal"] = {"confirmed": confirmed(self.scene.place), "lost": len(lost)}
        figures["lost"] += len(lost) + piped["lost"]
        figures["duplicate_effects"] += piped["stored_again"]
        figures["confirmed"] += self.released + confirmed(self.scene.place)
        figures["settled"]["succeeded"] += self.released + len(ran)
        figures["duplicate_executions"] += piped["ran_again"] + ran.total() - len(ran)
        trial.hold(not figures["unexplained"], f"ran again for no reason: {figures['unexplained']}")


@scenario("soak", "C24")
def soak(trial):
    """Kills, stops, resets and silences at random, for long: memory, descriptors, threads stay flat."""
    minutes = trial.minutes or trial.pick(0.35, 30.0)
    longest, rest = trial.pick((1.5, 0.5), (6.0, 3.0))
    trial.watch.interval = trial.pick(0.25, 1.0)
    if not trial.full:
        trial.scene.hurry()
    cluster = Cluster(trial)
    cluster.begin()
    begun_at = trial.now()
    seconds, look_at, first = 0.0, 0.0, None
    warm_up = min(300.0, minutes * 20)
    while (passed := trial.now() - begun_at) < minutes * 60:
        cluster.release(passed - seconds)
        seconds = passed
        trial.random.choice(cluster.harms())(trial.random.uniform(0.2, longest))
        trial.pause(trial.random.uniform(rest / 2, rest))
        if passed > look_at:
            look_at = passed + LOOK_INTERVAL
            seen = holdings(cluster.producer)
            first = first or (seen if passed > warm_up else None)
    last = holdings(cluster.producer)
    blocks = [(first or last)[1], last[1]]
    trial.details |= {"objects_more": more((first or last)[0], last[0]), "blocks": blocks}
    trial.hold(
        blocks[1] <= blocks[0] * (1 + BLOCKS_MORE), f"blocks in use, at first and at last: {blocks}"
    )
    cluster.settle()
    judge(trial, minutes, warm_up)


def holdings(producer):
    """What the producer has: its objects by kind, and how many small pieces of memory are in use.

    (What leaks is in these; what a burst has left behind in Python's arenas is not.)
    """
    return producer.order("census"), producer.order("blocks")


def more(before, after):
    """Of which objects there are more: whose fault it is, if memory grows."""
    grown = {what: count - before.get(what, 0) for what, count in after.items()}
    return {what: count for what, count in grown.items() if count > 20}


def judge(trial, minutes, warm_up):
    """Whether anything of the steady ones grew."""
    growth = trial.watch.growth(warm_up)
    trial.details |= {"minutes": minutes, "warm_up_seconds": warm_up, "growth": growth}
    for role in STEADY:
        trial.hold(role in growth, f"{role} was not there to be looked at")
        if role not in growth:
            continue
        mib = growth[role]["mib"]
        if minutes >= JUDGED_MINUTES:
            text = f"{role} grows by {mib['per_hour']} MiB an hour"
            trial.hold(mib["per_hour"] <= SLOPE_MAX, text)
        else:
            text = f"{role} grew from {mib['first']} to {mib['last']} MiB"
            trial.hold(mib["last"] - mib["first"] <= LEAP_MAX, text)
        for column, what in ((2, "descriptors"), (3, "threads")):
            first, last = quarters(trial.watch.samples[role], column, warm_up)
            text = f"{role} had {first} {what} at first, and {last} at last"
            trial.hold(last <= first + SLACK, text)
