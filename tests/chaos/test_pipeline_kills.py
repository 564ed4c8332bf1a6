"""A worker that is killed at exact places between handler and sink; versions, realms and names."""

import signal

import pytest
from chaos_processes import PATIENCE
from fault_proxy import DONE, RESULTS
from pipes_processes import FULL, Pipeline, kinds, quiet

WARM, COUNT = 20, 60


class Proxied(Pipeline):
    """A worker whose links to the ventilator and to the sink go through a proxy each."""

    def __init__(self, scene, kind):
        super().__init__(scene)
        sink = self.remote_sink("a", kind)
        self.to_sink = scene.proxy(sink.port)
        self.victim = self.remote_worker(self.to_sink.endpoint, label="victim")
        self.to_worker = scene.proxy(self.victim.port)
        # Where another worker will be, when this one is gone.
        self.to_other = scene.proxy()
        straight = scene.proxy(sink.port)
        peers = [self.to_worker.endpoint, self.to_other.endpoint, straight.endpoint]
        self.ventilating = self.ventilator(
            COUNT, gated=True, peers=peers, discovery="static", **self.boxed(kind, "a")
        )
        self.hears(f"ventilator INFO sink {self.called('a')}#")
        straight.point_to(None)  # the worker has its own way, and no other
        self.release(WARM)
        self.stored(WARM)
        self.straight, self.sink_port = straight, sink.port

    def replace_victim(self):
        """Kill the worker, with all that it has sent and that has not arrived; start another one."""
        self.victim.kill()
        for proxy in (self.to_worker, self.to_sink):
            proxy.point_to(None)
            proxy.cut()
            proxy.release(proxy.forth, proxy.back)
        self.straight.point_to(self.sink_port)
        other = self.remote_worker(label="other")
        self.to_other.point_to(other.port)

    def over(self):
        run = self.ventilating.run()
        assert run["ok"] == COUNT
        self.verify(COUNT)


@kinds("inbox")
def test_a_worker_dies_between_the_ack_and_its_word_to_the_ventilator(kind, scene):
    pipe = Proxied(scene, kind)
    caught = pipe.to_worker.hold_at(pipe.to_worker.back, DONE)
    pipe.release(COUNT)
    assert caught.wait(PATIENCE)
    stored = quiet(pipe.oracle.count_effects, "the sink")
    assert stored > WARM
    pipe.replace_victim()
    pipe.over()
    assert pipe.ran_again() == 0, "the sink has them, and says so"


DEATHS = [(kind, sink_too) for kind in ("plain", "inbox") for sink_too in (False, True)]


@pytest.mark.parametrize(("kind", "sink_too"), DEATHS if FULL else DEATHS[-1:])
def test_a_worker_dies_before_the_ack(kind, sink_too, scene):
    pipe = Pipeline(scene)
    sink, victim = pipe.sink("a", kind), pipe.worker(label="victim")
    ventilator = pipe.ventilator(COUNT, gated=True, **pipe.boxed(kind, "a"))
    pipe.release(WARM)
    pipe.stored(WARM)
    gate = pipe.gate("a")
    pipe.release(COUNT)
    gate.reached()
    begun = quiet(pipe.oracle.count_runs, "the worker")
    victim.kill()
    pipe.hears("asked for at sinks")
    pipe.worker(label="other")
    pipe.hears(f"ventilator INFO worker {pipe.called('other')}#")
    assert pipe.oracle.count_runs() == begun, "what the sink holds is not run again"
    if sink_too:
        sink.kill()
        gate.path.unlink()
        pipe.sink("a", kind)
    else:
        gate.open()
    run = ventilator.run()
    assert run["ok"] == COUNT
    pipe.verify(COUNT)
    # A sink that died held them, and had not stored them.
    assert pipe.ran_again() == (begun - WARM if sink_too else 0)


@kinds("inbox")
def test_a_worker_dies_whose_results_have_not_arrived(kind, scene):
    pipe = Proxied(scene, kind)
    caught = pipe.to_sink.hold_at(pipe.to_sink.forth, RESULTS)
    pipe.release(COUNT)
    assert caught.wait(PATIENCE)
    begun = quiet(pipe.oracle.count_runs, "the worker")
    pipe.replace_victim()
    pipe.over()
    assert pipe.ran_again() == begun - WARM, "all that was lost, and nothing else"


# -- who does not belong together -----------------------------------------------------------------


def test_a_worker_with_another_version_of_the_task_gets_none(scene):
    pipe = Pipeline(scene)
    pipe.sink("a")
    others = [pipe.worker(app=f"{name}:app") for name in ("pipes_other_app", "chaos_app")]
    assert all(other.told for other in others)
    ventilator = pipe.ventilator(COUNT, **pipe.boxed("inbox", "a"))
    pipe.hears("with another signature")
    assert pipe.oracle.count_runs() == 0
    worker = pipe.worker()
    run = ventilator.run()
    assert run["ok"] == COUNT
    pipe.verify(COUNT)
    assert {pid for _, _, pid in pipe.oracle.runs()} <= set(worker.children())


def test_two_realms_and_a_sink_of_another_name(scene):
    """The same run id, and the same name of the inbox, in two realms."""
    pipes = [Pipeline(scene, name) for name in ("one", "two")]
    stranger = pipes[0].sink("stranger", "plain", sink="another")
    running = []
    for pipe in pipes:
        pipe.sink("a")
        pipe.worker()
        running.append(pipe.ventilator(COUNT, **pipe.boxed("inbox", "a")))
    for pipe, ventilator in zip(pipes, running, strict=True):
        assert ventilator.run()["ok"] == COUNT
        pipe.verify(COUNT)
    assert stranger.leave(signal.SIGTERM)["stored"] == 0


def test_a_second_sink_on_one_file_is_refused(scene):
    pipe = Pipeline(scene)
    stores = {"a": ("inbox", "a.db"), "b": ("jsonl", "b.jsonl")}
    first = {label: pipe.sink(label, kind) for label, (kind, _) in stores.items()}
    assert all(sink.endpoints for sink in first.values())
    second = {label: pipe.sink(label, kind) for label, (kind, _) in stores.items()}
    for label, (_, name) in stores.items():
        assert second[label].process.wait(PATIENCE) == 74
        who = f"(process {first[label].pid})"
        pipe.hears(f"{pipe.place / name} is in use by another sink {who}: one sink at a time")
    assert pipe.worker().told
    run = pipe.ventilator(20, **pipe.boxed("inbox", "a", "b")).run()
    assert run["ok"] == 20, "the first ones are none the worse for it"
    pipe.verify(20)
    for label, (kind, _) in stores.items():
        first[label].kill()
        assert pipe.sink(label, kind).endpoints, "what was killed locks nothing"
