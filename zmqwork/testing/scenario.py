"""What one run does, as data: it is written before the run, kept as JSON, and can be cut down."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

# What a JSON text has in the beginning, so that an older one is refused and not misread.
VERSION = 1

# Of the key of a step: as many steps as a run has never share one.
_KEY_BITS = 48

World = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is done in a run.

    Attributes:
        at: the instant, in seconds of virtual time.
        do: what, as `Stage.can` names it.
        key: what all its choices are drawn from: they do not depend on any other step.
        about: whom or what it is about, where that is chosen beforehand.
        most: tasks that it may submit; 0: as many as it likes.
    """

    at: float
    do: str
    key: int
    about: str = ""
    most: int = 0


@dataclass(frozen=True, slots=True)
class Scenario:
    """One run, before it begins.

    Attributes:
        seed: of everything that happens to messages and handlers, and of ids.
        world: what holds for the whole run: which faults there are, how the network is.
        steps: what is done, by their instants.
    """

    seed: int | str
    world: World
    steps: tuple[Step, ...]

    def of(self, steps: Iterable[Step]) -> Scenario:
        """The same with these steps."""
        return replace(self, steps=tuple(steps))

    def to_json(self, **more: Any) -> str:
        """As text, a step a line; `more`: what a reader may want to know besides."""
        head = {"version": VERSION, **more, "seed": self.seed, "world": self.world}
        fields = [{"at": s.at, "do": s.do, "key": s.key} | _rest(s) for s in self.steps]
        steps = ",\n".join(f"    {json.dumps(field)}" for field in fields)
        lines = [f"  {json.dumps(name)}: {json.dumps(value)}," for name, value in head.items()]
        return "\n".join(["{", *lines, '  "steps": [', steps, "  ]", "}", ""])

    @classmethod
    def from_json(cls, text: str) -> Scenario:
        """What `to_json` has made. Raises `ValueError` if it is of another version."""
        data = json.loads(text)
        if data.get("version") != VERSION:
            raise ValueError(f"a plan of version {data.get('version')}, and not {VERSION}")
        return cls(data["seed"], data["world"], tuple(Step(**step) for step in data["steps"]))


def _rest(step: Step) -> dict[str, Any]:
    rest: dict[str, Any] = {"about": step.about} if step.about else {}
    return {**rest, "most": step.most} if step.most else rest


class Draft:
    """Steps that are being written.

    Args:
        random: what instants and keys are drawn from.
        seconds: how long the safety phase lasts.
    """

    def __init__(self, random: Random, seconds: float) -> None:
        self._random = random
        self._seconds = seconds
        self._steps: list[Step] = []

    def now(self, do: str, about: str = "") -> None:
        """Do this in the beginning."""
        self._add(0.0, do, about)

    def once(self, do: str, about: str = "") -> None:
        """Do this at some instant of the safety phase."""
        self._add(self._random.uniform(0.0, self._seconds), do, about)

    def some(self, least: int, most: int, do: str, about: str = "") -> None:
        """Do this several times, each at some instant."""
        for _ in range(self._random.randint(least, most)):
            self.once(do, about)

    def _add(self, at: float, do: str, about: str) -> None:
        self._steps.append(Step(at, do, self._random.getrandbits(_KEY_BITS), about))

    def steps(self) -> tuple[Step, ...]:
        """All of them, in order."""
        return tuple(sorted(self._steps, key=lambda step: step.at))
