"""Ventilator, worker and sink in any order: whoever comes first waits for the others."""

import itertools
import signal

from pipes_processes import Pipeline

COUNT = 30

ORDERS = list(itertools.permutations(["ventilator", "worker", "sink"]))


def test_any_order_of_starts(scene):
    """All six at once, each in its own realm; every other one has an inbox."""
    lines = [Line(scene, order, ["inbox", "plain"][n % 2]) for n, order in enumerate(ORDERS)]
    for place in range(3):
        for line in lines:
            line.start(place)
        for line in lines:
            line.settle(place)
    for line in lines:
        line.verify()


class Line(Pipeline):
    """One pipeline, and the order in which its processes start."""

    def __init__(self, scene, order, kind):
        super().__init__(scene, "-".join(role[0] for role in order))
        self.kind = kind
        self.order = order
        self.started = {}

    def start(self, place):
        role = self.order[place]
        if role == "ventilator":
            made = self.ventilator(COUNT, **self.boxed(self.kind, "box"))
        elif role == "worker":
            made = self.worker()
        else:
            made = self.sink("box", self.kind)
        self.started[role] = made

    def settle(self, place):
        """Wait until what was started last is there, and looks for the others."""
        role = self.order[place]
        made = self.started[role]
        if role == "ventilator":
            assert made.answer() == "begun"
        else:
            assert made.told if role == "worker" else made.endpoints

    def verify(self):
        ventilator = self.started["ventilator"]
        run = ventilator.answer()
        assert ventilator.process.wait(30) == 0
        assert (run["read"], run["ok"]) == (COUNT, COUNT)
        (told,) = run["sinks"]
        assert (told["taken"], told["missing"]) == (COUNT, [])
        said = self.started["sink"].leave(signal.SIGTERM)
        assert [report["lacking"] for report in said["reports"]] == [0]
        assert said["stored"] == COUNT
        super().verify(COUNT)
        assert self.ran_again() == 0
