"""A run that breaks a promise, cut down to what it needs for that.

Delta debugging (Zeller and Hildebrandt, 2002) over the steps of its scenario, each of which makes
its own choices: what is left does as it did, save what follows from what is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from zmqwork.testing.play import perform
from zmqwork.testing.scenario import Scenario, Step, World

Test = Callable[[Scenario], bool]

# The conditions of the network that may be wanted for nothing.
_QUIET: World = {
    "delay": [0.0001, 0.0005],
    "loss": 0.0,
    "duplication": 0.0,
    "reordering": 0.0,
    "reset": 0.0,
}

_ONE, _FEW = 1, 10


def breaks(promise: str) -> Test:
    """Whether a scenario breaks this promise."""
    return lambda scenario: perform(scenario).promise == promise


def shrink(scenario: Scenario, fails: Test, tries: int = 400) -> Scenario:
    """The smallest scenario that was found to fail still, after so many tries at most."""
    left = [tries]

    def test(candidate: Scenario) -> bool:
        if left[0] <= 0:
            return False
        left[0] -= 1
        return fails(candidate)

    scenario = scenario.of(ddmin(scenario.steps, lambda steps: test(scenario.of(steps))))
    scenario = _fewer_tasks(scenario, test)
    scenario = _quieter(scenario, test)
    # (With fewer tasks, and on a quiet network, some steps may be of no use any more.)
    return scenario.of(ddmin(scenario.steps, lambda steps: test(scenario.of(steps))))


def ddmin(steps: Sequence[Step], fails: Callable[[Sequence[Step]], bool]) -> Sequence[Step]:
    """A part of `steps` that fails, of which nothing can be left out."""
    parts = 2
    while len(steps) >= 2:  # of one there is nothing to leave out
        size = -(-len(steps) // parts)
        for first in range(0, len(steps), size):
            rest = [*steps[:first], *steps[first + size :]]
            if rest and fails(rest):
                steps, parts = rest, max(parts - 1, 2)
                break
        else:
            if size == 1:
                break
            parts = min(parts * 2, len(steps))
    return steps


def _fewer_tasks(scenario: Scenario, fails: Test) -> Scenario:
    for index in range(len(scenario.steps)):
        for most in (_ONE, _FEW):
            steps = list(scenario.steps)
            steps[index] = replace(steps[index], most=most)
            candidate = scenario.of(steps)
            if "submit" in steps[index].do and fails(candidate):
                scenario = candidate
                break
    return scenario


def _quieter(scenario: Scenario, fails: Test) -> Scenario:
    """Without what does not matter of the network."""
    for name, value in _QUIET.items():
        if list_of(scenario.world["network"][name]) != list_of(value):
            network = {**scenario.world["network"], name: value}
            candidate = replace(scenario, world={**scenario.world, "network": network})
            if fails(candidate):
                scenario = candidate
    return scenario


def list_of(value: object) -> object:
    """As JSON has it."""
    return list(value) if isinstance(value, tuple) else value
