"""Sinks that are killed, and everybody at once."""

from pipes_processes import Pipeline

from scenarios import scenario

BOXES = ("a", "b")


class Piped:
    """A pipeline whose records are released step by step, so that kills are spread over all of them."""

    def __init__(self, trial, count):
        self.trial = trial
        self.count = count
        self.pipe = pipe = Pipeline(trial.scene)
        self.starts = {
            "a": lambda: pipe.sink("a", batch=50),
            "b": lambda: pipe.sink("b", batch=50),
            "worker 1": lambda: pipe.worker(slots=2),
            "worker 2": lambda: pipe.worker(slots=2),
            "ventilator": self.start_ventilator,
        }
        self.members = {name: start() for name, start in self.starts.items()}
        for name, program in self.members.items():
            trial.watch.follow(name, program.pid)
        trial.watch.count = pipe.oracle.count_effects

    def start_ventilator(self):
        words = {"gated": True, "window": 500, "task": {"seconds": 0.001}, "resume": True}
        return self.pipe.ventilator(self.count, **words, **self.pipe.boxed("inbox", *BOXES))

    def rage(self, kills, kill):
        """Let a part through, do harm, and so on."""
        step = self.count // (kills + 1)
        for index in range(kills):
            self.pipe.release((index + 1) * step)
            low = self.pipe.oracle.count_effects()
            mark = self.trial.random.randint(low, max(low, (index + 1) * step))
            self.trial.until(
                lambda mark=mark: self.pipe.oracle.count_effects() >= mark,
                f"{mark} are stored",
                120,
            )
            kill()
        self.pipe.release(self.count)

    def start(self, name):
        self.members[name] = self.starts[name]()
        self.trial.watch.follow(name, self.members[name].pid)

    def over(self):
        trial, pipe = self.trial, self.pipe
        run = self.members["ventilator"].run()
        trial.figures = pipe.oracle.figures(range(self.count))
        trial.breaches += pipe.oracle.complaints(range(self.count), once=True)
        trial.hold(run["ok"] == self.count, f"the ventilator counts {run['ok']} of {self.count}")


@scenario("kill-sink", "C4")
def kill_sink(trial):
    """SIGKILL of a sink with an inbox 100 times at random points: each result takes effect once."""
    count, kills = trial.pick((600, 4), (40_000, 100))
    piped = Piped(trial, count)

    def kill():
        name = trial.random.choice(BOXES)
        trial.kill(piped.members[name], "kill sink")
        piped.start(name)

    piped.rage(kills, kill)
    piped.over()


@scenario("kill-all", "C7")
def kill_all(trial):
    """SIGKILL of everybody at once; they start in any order: nothing is lost, nothing counts twice."""
    count, kills = trial.pick((600, 2), (20_000, 20))
    piped = Piped(trial, count)

    def kill():
        names = list(piped.members)
        with trial.fault("kill all"):
            for name in names:
                piped.members[name].process.kill()
            for name in names:
                piped.members[name].kill()
        trial.random.shuffle(names)
        for name in names:
            piped.start(name)

    piped.rage(kills, kill)
    at = trial.now()
    piped.over()
    trial.details["settled_after"] = round(trial.now() - at, 1)
    trial.hold_in_time(trial.now() - at <= 60.0, "not all was settled within a minute")
