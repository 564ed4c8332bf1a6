"""The program of a child, spoken to directly."""

from __future__ import annotations

import pytest
from pool_bench import Held, references

from zmqwork.execution.frames import FrameReader
from zmqwork.execution.launch import Recipe
from zmqwork.wire.channel import OUTCOMES, RunPacker, unpack_outcomes
from zmqwork.wire.values import encode_call


@pytest.fixture
def child():
    recipe = Recipe(tuple(references()))
    launched = recipe.launch()
    launched.end.setblocking(True)
    launched.end.settimeout(20)
    launched.end.sendall(recipe.setup)
    yield launched
    launched.discard()


def outcomes(child):
    """The next frame with outcomes."""
    reader, frames = FrameReader(), []
    while not frames or frames[-1][0] != OUTCOMES:
        count = child.end.recv_into(reader.room())
        assert count, "it has gone"
        frames += reader.received(count)
    return unpack_outcomes(frames[-1])


def test_what_is_there_when_it_begins_has_run_no_longer_than_it_ran(child):
    """Its time was told as that since the machine was started: for thousands of tasks after it the
    worker took that kind for a long one."""
    for part in RunPacker().pack([Held("noop", encode_call((1,), {}))]):
        child.end.sendall(part)
    base, seconds, results = outcomes(child)
    assert (base, len(results)) == (0, 1)
    assert seconds < 20
