"""The simulator finds each bug that is planted for it."""

from __future__ import annotations

import os

import pytest
from planted import BUGS, SEEDS, noted

# The nightly form looks for each from the first seed on.
FULL = os.environ.get("ZMQWORK_SIM") == "full"


@pytest.mark.parametrize("name", BUGS if FULL else noted())
def test_planted_bugs_are_found(name):
    """`seeds.json` has a seed that showed it; if it does not any more, another one has to."""
    bug = BUGS[name]
    first = () if FULL else (noted()[name],)
    assert bug.first_of((*first, *range(SEEDS))) is not None, f"{SEEDS} seeds did not find it"


def test_there_are_enough_of_them():
    assert len(BUGS) >= 20
    assert noted().keys() <= BUGS.keys()
