"""What of one seed's plan is about time: countdowns, time-outs, and handlers that say when."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from zmqwork.testing.scenario import World
from zmqwork.testing.stage import Stage
from zmqwork.testing.truth import FAILS, SNOOZES, Script

_KINDS = ("countdowns", "timeouts", "snoozes", "retries")


def draw(random: Random) -> World:
    """What of this there is in a run."""
    return {"kinds": [kind for kind in _KINDS if random.random() < 1 / 3]}


class TimePlan:
    """Countdowns, time-outs, snoozes and retries after a time: each on in a third of all seeds."""

    def __init__(self, world: World, stage: Stage) -> None:
        self._stage = stage
        self._kinds: list[str] = world["kinds"]

    def __str__(self) -> str:
        return ", ".join(self._kinds) or "no times"

    def options(self) -> dict[str, Any]:
        """Of the tasks that are submitted next."""
        random = self._stage.random
        options: dict[str, Any] = {}
        if "countdowns" in self._kinds and random.random() < 0.3:
            options["countdown"] = random.choice((0.001, 0.5, 5.0))
        if "timeouts" in self._kinds and random.random() < 0.5:
            options["timeout"] = random.choice((0.01, 0.2, 2.0))
            options["soft_timeout"] = random.choice((None, 0.005, 0.1))
        return options

    def script(self, script: Script) -> Script:
        """The same, or one that says when it wants to be tried again."""
        random = self._stage.random
        if "retries" in self._kinds and script.outcomes[0] == FAILS and random.random() < 0.5:
            return replace(script, after=random.choice((0.01, 1.0)))
        if "snoozes" in self._kinds and random.random() < 0.1:
            outcomes = (SNOOZES,) * random.choice((1, 2, 5)) + script.outcomes
            return replace(script, outcomes=outcomes, after=random.choice((0.0, 0.01, 1.0)))
        return script
