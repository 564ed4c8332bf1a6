"""Looks for planted bugs: in processes that are begun anew, which a program's own file is not for."""

from __future__ import annotations

from pathlib import Path

import pytest

from zmqwork.testing.plan import draw
from zmqwork.testing.play import perform
from zmqwork.testing.shrink import breaks, shrink

from . import BUGS


def look_for(seeds: int, name: str) -> int | None:
    """The first seed that shows this bug."""
    return BUGS[name].first_of(range(seeds))


def cut_down(folder: Path, name: str, seed: int) -> None:
    """Write the least of this seed that shows the bug."""
    with pytest.MonkeyPatch.context() as patch:
        BUGS[name].plant(patch)
        scenario = draw(seed)
        promise = perform(scenario).promise
        least = shrink(scenario, breaks(promise))
    folder.joinpath(f"{name}.json").write_text(least.to_json(promise=promise, bug=name), "utf-8")
