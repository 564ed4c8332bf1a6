from __future__ import annotations

import pytest
from pool_bench import Bench, references

from zmqwork.execution.process import ProcessPool
from zmqwork.execution.wear import Limits


@pytest.fixture
def bench():
    """Makes benches, and puts them away."""
    benches = []

    def make(pool, *, start=True):
        made = Bench(pool)
        benches.append(made)
        if start:
            made.start()
        return made

    yield make
    for made in benches:
        made.close()


@pytest.fixture
def processes(bench):
    """Makes benches of process pools."""

    def make(slots=1, handlers=None, *, start=True):
        troubles = []
        pool = ProcessPool(slots, handlers or references(), troubles.append)
        made = bench(pool, start=False)
        made.troubles = troubles
        if start:
            made.start()
        return made

    return make


@pytest.fixture
def limited(bench):
    """Makes benches of process pools whose children are replaced."""

    def make(slots=1, **limits):
        return bench(ProcessPool(slots, references(), limits=Limits(**limits)))

    return make
