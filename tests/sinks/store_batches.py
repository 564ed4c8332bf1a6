"""Batches as a sink hands them over, for tests and for the programs that they start."""

from __future__ import annotations

from zmqwork.core.delivery import Parcel
from zmqwork.core.ranges import Ranges, runs
from zmqwork.nodes.store import Batch, Results
from zmqwork.wire.values import encode_value

RUN = "run-1"


def batch(numbers, value=lambda number: number, *, producer_id=RUN, name="f", floors=None):
    """Results of one task; each has its number at the sink as that at the producer."""
    numbers = list(numbers)
    values = [encode_value(value(number)) for number in numbers]
    results = Results([Parcel(producer_id, name, numbers, numbers, values)])
    return Batch(results, [(producer_id, *run) for run in runs(numbers)], floors or {})


def values(*items, name="f"):
    """A batch of these results, numbered from 1."""
    return batch(range(1, len(items) + 1), lambda number: items[number - 1], name=name)


def missing(taken, total):
    """The numbers from 1 to `total` that a store has not taken."""
    ranges = Ranges(taken.get(RUN, ()))
    return [number for number in range(1, total + 1) if number not in ranges]
