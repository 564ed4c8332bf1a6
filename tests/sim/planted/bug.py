"""A bug that is planted for the simulator, and how it is looked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import pytest

from zmqwork.testing.plan import draw
from zmqwork.testing.play import perform


class Bug(NamedTuple):
    """One bug.

    Attributes:
        plant: changes the product, by a monkeypatch.
        promises: those that it breaks, any of which will do.
        part: what of a run must be there for it to do anything: ``sinks``, ``journals``; empty:
            nothing. Seeds without that are not run.
    """

    plant: Callable[[pytest.MonkeyPatch], None]
    promises: set[str]
    part: str = ""

    @property
    def name(self) -> str:
        """What it does wrong."""
        return self.plant.__name__

    def first_of(self, seeds: Iterable[int]) -> int | None:
        """The first of these seeds that shows it; None: none does."""
        with pytest.MonkeyPatch.context() as patch:
            self.plant(patch)
            return next((seed for seed in seeds if self.shows_in(seed)), None)

    def shows_in(self, seed: int) -> bool:
        """Whether this seed breaks one of its promises, as long as it is planted."""
        scenario = draw(seed)
        if self.part and not scenario.world[self.part]["is_on"]:
            return False
        return perform(scenario).promise in self.promises
