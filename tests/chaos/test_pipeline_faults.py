"""Workers, sinks and ventilators that stop for a while, and links that are silent in one direction.

The cases wait most of the time, so those of a test go at the same time, each in its own realm.
"""

import functools
import signal

import pytest
from chaos_processes import HASTY, stop, until
from pipes_processes import FULL, Pipeline, kinds, quiet, together

WARM, COUNT = 50, 300


def cases(*named):
    """Each as a test of its own at full length, else all of them in one."""
    return pytest.mark.parametrize("named", [[one] for one in named] if FULL else [list(named)])


def run_all(scenario, named, scene):
    together(*[functools.partial(scenario, scene, *name.split()) for name in named])


class Hasty(Pipeline):
    """A pipeline that is warm already; its nodes judge silence within two seconds."""

    def __init__(self, scene, *words):
        super().__init__(scene, "-".join(words))
        self.configure(Health=HASTY)

    def begin(self, kind, *labels, count=COUNT, **words):
        """Start the ventilator, and have some records pass."""
        made = self.ventilator(count, gated=True, **self.boxed(kind, *labels), **words)
        self.release(WARM)
        self.stored(WARM)
        return made

    def given_up(self, role, label):
        """Wait until somebody says that this node is lost."""
        self._said(f"{role} {self.called(label)}#", "is lost")

    def met(self, label):
        """Wait until the ventilator knows this sink."""
        self._said(f"ventilator INFO sink {self.called(label)}#", "is alive")

    def _said(self, who, what):
        def is_said():
            lines = self.scene.complaints().splitlines()
            return any(who in line and what in line for line in lines)

        until(is_said, f"it is said: {who}... {what}")


# -- stopped --------------------------------------------------------------------------------------


@kinds("inbox")
def test_a_worker_stops_whose_results_are_not_acked(kind, scene):
    """Its sink has the results, and holds them: nobody runs those tasks again."""
    pipe = Hasty(scene, kind)
    pipe.sink("a", kind)
    victim = pipe.worker(label="victim")
    ventilator = pipe.begin(kind, "a")
    gate = pipe.gate("a")
    pipe.release(COUNT)
    gate.reached()
    begun = quiet(pipe.oracle.count_runs, "the worker")
    stop(victim.pid)
    pipe.given_up("worker", "victim")
    pipe.worker(label="other")
    gate.open()
    run = ventilator.run()
    victim.send(signal.SIGCONT)
    assert begun > WARM
    assert run["ok"] == COUNT
    pipe.verify(COUNT)
    # What was in its slots, and not with the sink yet, may have run there too.
    assert pipe.ran_again() <= 1


@cases("inbox", "plain")
def test_a_sink_stops_in_the_middle_of_a_batch(named, scene):
    run_all(sink_stops, named, scene)


def sink_stops(scene, kind):
    """What goes to its inbox waits for it; what goes to any sink goes to the other one."""
    pipe = Hasty(scene, kind)
    victim, other = pipe.sink("a", kind), pipe.sink("b", kind)
    pipe.worker()
    ventilator = pipe.begin(kind, "a", "b")
    pipe.met("a")  # else the other one may have taken all
    gate = pipe.gate("a")
    pipe.release(COUNT)
    held = gate.reached()
    stop(victim.pid)
    gate.open()
    pipe.given_up("sink", "a")
    if kind == "plain":
        run = ventilator.run()
        pipe.verify(COUNT)
        victim.send(signal.SIGCONT)
        victim.leave(signal.SIGTERM)
    else:
        victim.send(signal.SIGCONT)
        run = ventilator.run()
    other.leave(signal.SIGTERM)
    assert run["ok"] == COUNT
    pipe.verify(COUNT, once=kind == "inbox")
    again = pipe.oracle.summary(range(COUNT))
    assert again["ran_again"] == 0, "its worker still had it"
    assert again["stored_again"] <= COUNT - WARM
    assert again["stored_again"] >= (held if kind == "plain" else 0)


@kinds("plain")
def test_a_ventilator_stops_for_longer_than_a_lease(kind, scene):
    """Its workers drop what is not done; it finds out when it goes on."""
    pipe = Hasty(scene, kind)
    pipe.sink("a", kind)
    pipe.worker()
    ventilator = pipe.begin(kind, "a", task={"seconds": 0.005})
    pipe.release(COUNT)
    pipe.stored(WARM + 10)
    stop(ventilator.pid)
    pipe.given_up("producer", "v")
    quiet(pipe.oracle.count_runs, "the worker")
    ventilator.send(signal.SIGCONT)
    run = ventilator.run()
    assert run["ok"] == COUNT
    pipe.verify(COUNT)
    # What ran when it was given up was interrupted; what is done stays done.
    assert pipe.ran_again() <= 1


# -- links ----------------------------------------------------------------------------------------


class Linked(Hasty):
    """Worker and ventilator have a way to the sink each, through a proxy of their own."""

    def __init__(self, scene, which, kind, *words):
        super().__init__(scene, which, kind, *words)
        sink = self.remote_sink("a", kind)
        links = {role: scene.proxy(sink.port) for role in ("worker", "ventilator")}
        worker = self.remote_worker(links["worker"].endpoint)
        self.link = links[which]
        peers = [f"tcp://127.0.0.1:{worker.port}", links["ventilator"].endpoint]
        search = {"peers": peers, "discovery": "static"}
        words = {"task": {"seconds": 0.005}, **search, **self.boxed(kind, "a")}
        self.ventilating = self.ventilator(COUNT, gated=True, **words)
        self.hears(f"ventilator INFO sink {self.called('a')}#")
        # The worker is told where the ventilator has found the sink; it shall have its own way.
        links["ventilator"].point_to(None)
        self.release(WARM)
        self.stored(WARM)
        links["ventilator"].point_to(sink.port)


SILENCES = ["worker forth inbox", "ventilator back plain"]
MORE_SILENCES = [
    "worker forth plain",
    "worker back inbox",
    "worker back plain",
    "ventilator forth inbox",
    "ventilator forth plain",
    "ventilator back inbox",
]


@cases(*SILENCES, *(MORE_SILENCES if FULL else ()))
def test_a_link_to_a_sink_is_silent_in_one_direction(named, scene):
    run_all(link_is_silent, named, scene)


def link_is_silent(scene, which, way, kind):
    """Between sink and worker, or sink and ventilator, until that is given up; then it is well.

    The sink lives, so it takes each result once, with an inbox or without.
    """
    pipe = Linked(scene, which, kind, way)
    pipe.release(COUNT // 2)
    pipe.stored(WARM + 1)
    pipe.link.hold(getattr(pipe.link, way))
    pipe.release(COUNT)
    pipe.given_up("sink", "a")
    pipe.link.release(getattr(pipe.link, way))
    run = pipe.ventilating.run()
    assert run["ok"] == COUNT
    pipe.verify(COUNT)


@cases(*(["worker inbox", "ventilator plain", *(["worker plain", "ventilator inbox"] * FULL)]))
def test_a_link_to_a_sink_is_cut_again_and_again(named, scene):
    run_all(link_is_cut, named, scene)


def link_is_cut(scene, which, kind):
    pipe = Linked(scene, which, kind)
    for released in range(WARM, COUNT + 1, 25):
        pipe.release(released)
        pipe.stored(released - 20)
        pipe.link.cut()
    run = pipe.ventilating.run()
    assert run["ok"] == COUNT
    pipe.verify(COUNT)
    assert pipe.ran_again() == 0
