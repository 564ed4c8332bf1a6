"""What 1,000 tasks cost in the machines and on the wire, in instructions: the same in every run.

Seconds depend on the machine and on who else uses it; instructions of the interpreter do not. They
say nothing of the memory that they wait for: `benchmarks` does. Who makes a task cheaper lowers the
figure; who makes it dearer by more than a tenth says why in the commit that raises it.
"""

from __future__ import annotations

import gc
import sys
from random import Random

import pytest
from instructions import Instructions

from zmqwork.config import ProducerConfig
from zmqwork.core.dispatcher import Dispatcher
from zmqwork.core.events import Submitted
from zmqwork.core.ledger import Entry, TaskSpec
from zmqwork.options import TaskOptions
from zmqwork.testing import Cluster
from zmqwork.testing.truth import Script

TASKS = 1_000
ROOM = 1.1

# Instructions of the interpreter, which differ from version to version: of one task, on its way
# from `Submitted` to `Settle`, both ends and the wire between them.
ONE_BY_ONE = {(3, 11): 9_530}
IN_ONE_TURN = {(3, 11): 935}
# And blocks of memory that the machine of a producer holds for a task that waits.
BLOCKS = {(3, 11): 3.02}


def crew():
    """A producer and a worker that have met."""
    cluster = Cluster(seed=1)
    producer = cluster.add_producer()
    cluster.add_worker(slots=1, tasks={"work": "1"})
    cluster.submit(producer, "work", [Script(seconds=0.0)])
    assert cluster.run_until(lambda: not cluster.unsettled, 10.0)
    return cluster, producer


def spent(batch):
    """Instructions for each of TASKS tasks that are submitted so many in a turn."""
    cluster, producer = crew()
    with Instructions() as instructions:
        for _ in range(TASKS // batch):
            cluster.submit(producer, "work", [Script(seconds=0.0)] * batch)
            assert cluster.run_until(lambda: not cluster.unsettled, 60.0)
    assert len(producer.settled) == TASKS + 1
    return instructions.count / TASKS


def stored(figures):
    version = sys.version_info[:2]
    if version not in figures:
        pytest.skip(f"no figure of Python {version} is known")
    return figures[version]


@pytest.mark.parametrize(("batch", "figures"), [(1, ONE_BY_ONE), (TASKS, IN_ONE_TURN)])
def test_a_task_takes_no_more_instructions_than_it_did(batch, figures):
    known, now = stored(figures), spent(batch)
    assert known / ROOM < now < known * ROOM, "cheaper or dearer: the figure is to be changed"


def test_a_run_takes_the_same_number_each_time():
    assert spent(TASKS) == spent(TASKS)


def test_a_task_that_waits_holds_no_more_blocks_of_memory_than_it_did():
    """An entry, its number and its arguments. (A future is not the machine's.)"""
    config = ProducerConfig(node_id="ab" * 16, name="p", realm="r")
    machine, spec = Dispatcher(config, Random(1)), TaskSpec("work", "1", TaskOptions())

    def submit(first):
        for seq in range(first, first + 10 * TASKS):
            machine.handle(Submitted([Entry(seq, spec, b"%d" % seq, None)]), 1.0)
        machine.tick(1.0)
        gc.collect()

    submit(1)
    before = sys.getallocatedblocks()
    submit(10 * TASKS + 1)
    now = (sys.getallocatedblocks() - before) / (10 * TASKS)
    assert 1 < now < stored(BLOCKS) * ROOM
