"""Where steps are performed: each with choices of its own, whatever else happens or does not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from typing import Any

from zmqwork.testing.clock import FakeClock
from zmqwork.testing.scenario import Step

_KEY_BITS = 64


class Stage:
    """Performs steps at their instants, and what follows from them.

    Args:
        clock: when.
        seed: what is drawn from where nothing is performed.

    Attributes:
        random: what is drawn from by what is performed now.
        most: how many tasks that may submit; 0: as many as it likes.
        performed: how often each kind of step was performed.
    """

    def __init__(self, clock: FakeClock, seed: int | str) -> None:
        self.random = Random(f"{seed}/stage")
        self.most = 0
        self.performed: dict[str, int] = {}
        self._clock = clock
        self._doings: dict[str, Callable[[str], None]] = {}

    def can(self, do: str, doing: Callable[[], None]) -> None:
        """What such a step does."""
        self._doings[do] = lambda _about: doing()

    def can_about(self, do: str, doing: Callable[[str], None]) -> None:
        """What such a step does about what it names."""
        self._doings[do] = doing

    def play(self, steps: Iterable[Step]) -> None:
        """Perform these, each at its instant."""
        for step in steps:
            self._clock.call_at(step.at, self.perform, step)

    def perform(self, step: Step) -> None:
        """Do this now."""
        self.performed[step.do] = self.performed.get(step.do, 0) + 1
        self._within(Random(step.key), step.most, self._doings[step.do], (step.about,))

    def later(self, delay: float, doing: Callable[..., None], *args: Any) -> None:
        """Let this follow in so many seconds, with choices that are drawn from those made now."""
        dice = Random(self.random.getrandbits(_KEY_BITS))
        self._clock.call_later(delay, self._within, dice, self.most, doing, args)

    def _within(
        self, dice: Random, most: int, doing: Callable[..., None], args: tuple[Any, ...]
    ) -> None:
        before = self.random, self.most
        self.random, self.most = dice, most
        try:
            doing(*args)
        finally:
            self.random, self.most = before
