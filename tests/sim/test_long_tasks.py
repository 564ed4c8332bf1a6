"""What a long task does to short ones: nothing. In virtual time."""

from __future__ import annotations

import pytest

from zmqwork.testing import Cluster
from zmqwork.testing.truth import Script

TASKS = {"short": "1", "long": "1"}
SECONDS = 0.2


@pytest.fixture
def cluster():
    made = Cluster(seed=1)
    for _ in range(2):
        made.add_worker(slots=2, tasks=TASKS)
    return made


@pytest.mark.parametrize("kind", ["short", "long"])
@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("first", [False, True])
def test_a_minute_beside_a_hundred_short_ones(cluster, kind, warm, first):
    """Two workers with two slots: three are left, and none of the short ones waits for the fourth.

    Also if the long one bears the name of the short ones, and if these were so quick before that
    several were handed to a slot at once.
    """
    producer = cluster.add_producer()
    if warm:
        cluster.submit(producer, "short", [Script(seconds=0.001)] * 200)
        assert cluster.run_until(lambda: not cluster.unsettled, 10.0)
    if first:
        cluster.submit(producer, kind, [Script(seconds=60.0)])
    cluster.submit(producer, "short", [Script(seconds=SECONDS)] * 100)
    if not first:
        cluster.submit(producer, kind, [Script(seconds=60.0)])
    assert cluster.run_until(lambda: cluster.unsettled == 1, 100 * SECONDS / 3 + 3.0)
    # (A run takes between half as long as its script says, and half as long again.)
    assert cluster.run_until(lambda: not cluster.unsettled, 95.0)
