"""One run from its beginning to its end: three phases, and what comes of them.

Safety: work is submitted and faults happen, and after every turn of every machine all promises are
checked. Liveness: everything is healed, and everything must settle within bounded virtual time.
Leaving: workers drain, producers stop, and everybody goes.
"""

from __future__ import annotations

import contextlib
import hashlib
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from zmqwork.testing import sink_endings
from zmqwork.testing.checkers import require
from zmqwork.testing.cluster import Cluster
from zmqwork.testing.plan import Plan, draw
from zmqwork.testing.scenario import Scenario
from zmqwork.testing.sink_plan import LATE_SECONDS
from zmqwork.testing.truth import Violation

# After healing: silent links end (30 s), whatever ran ends (hung handlers were told to), retries
# come back (2 s at most), and what is left of the work gets done.
_CALM_SECONDS = 10.0
_SETTLE_SECONDS = 120.0
_REST_SECONDS = 45.0
_LOOK_SECONDS = 3.0
# A drain returns what still runs after 30 s, then waits for those who do not answer.
_LEAVE_SECONDS = 45.0
_END_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Report:
    """One run.

    Attributes:
        error: what was broken, or empty.
        promise: the checker that found it; ``raised`` if a machine raised.
        turns: how many turns the machines had.
        tasks: how many tasks were submitted.
        runs: how many runs their handlers had.
        seconds: the run's virtual time.
        nodes: how many processes there were.
        marks: the points that it came by, and how often.
    """

    seed: int | str
    plan: str
    error: str
    promise: str
    turns: int
    tasks: int
    runs: int
    seconds: float
    nodes: int = 0
    marks: Mapping[str, int] = field(default_factory=dict, repr=False)


def everybody_leaves(cluster: Cluster) -> None:
    """Workers that drain and producers that stop are gone within bounded time."""
    for worker in cluster.living(cluster.workers):
        cluster.drain(worker)
    cluster.run_until(lambda: not cluster.living(cluster.workers), _LEAVE_SECONDS)
    left = cluster.living(cluster.workers)
    require(everybody_leaves, not left, "still there after a drain:", left)
    for producer in cluster.living(cluster.producers):
        cluster.stop(producer)
    cluster.run_for(1.0)
    left = cluster.living(cluster.producers)
    require(everybody_leaves, not left, "still there after a stop:", left)
    for sink in cluster.living(cluster.sinks):
        cluster.drain(sink)
    cluster.run_until(lambda: not cluster.living(cluster.sinks), _LEAVE_SECONDS)
    left = cluster.living(cluster.sinks)
    require(everybody_leaves, not left, "still there after a drain:", left)


def every_question_is_answered(cluster: Cluster) -> None:
    """Whoever lives has answered what was asked."""
    asked = [request for request in cluster.asked if request not in cluster.answers]
    names = [node.name for node in cluster.living(list(cluster.nodes.values()))]
    open_ = [request for request in asked if request[1] in names]
    require(every_question_is_answered, not open_, open_)


def everybody_ends(cluster: Cluster) -> None:
    """Every sink tells each producer what it has of it."""
    producers = cluster.living(cluster.producers)
    heard = {node.name: sink_endings.in_session(cluster, node) for node in producers}
    requests = [(node, cluster.end(node)) for node in producers]
    cluster.run_until(lambda: all(r in cluster.answers for _, r in requests), _END_SECONDS)
    for node, request in requests:
        require(everybody_ends, request in cluster.answers, node, "was not told")
        cluster.checks.ended(node, cluster.answers[request], heard[node.name])


def come_to_rest(cluster: Cluster) -> None:
    """Nothing is held any more within bounded time."""
    # (Most are there at once, and heartbeats of many nodes take long to simulate.)
    for _ in range(int(_REST_SECONDS / _LOOK_SECONDS)):
        cluster.run_for(_LOOK_SECONDS)
        with contextlib.suppress(Violation):
            cluster.checks.at_rest()
            return
    cluster.checks.at_rest()


def play(cluster: Cluster, plan: Plan) -> None:
    """All phases of a run; raises `Violation`."""
    checks = cluster.checks
    plan.begin()
    checks.calm = plan.is_prompt
    checks.now_and_then()
    cluster.run_for(plan.seconds)
    plan.heal()
    cluster.run_for(_CALM_SECONDS)
    checks.calm = True
    if cluster.sinks:
        cluster.run_for(LATE_SECONDS - _CALM_SECONDS)
    cluster.run_until(lambda: not cluster.unsettled, _SETTLE_SECONDS)
    come_to_rest(cluster)
    if plan.is_calm:
        checks.undisturbed()
    every_question_is_answered(cluster)
    if cluster.sinks:
        everybody_ends(cluster)
    plan.dismiss()
    everybody_leaves(cluster)


def perform(scenario: Scenario, trace: Callable[[str], None] | None = None) -> Report:
    """One run, as it was written."""
    cluster = Cluster(scenario.seed, trace)
    plan = Plan(scenario, cluster)
    promise = error = ""
    try:
        play(cluster, plan)
    except Violation as broken:
        promise, error = broken.promise, str(broken)
    except Exception as raised:  # noqa: BLE001  # a machine that raises is what we look for
        where = traceback.extract_tb(raised.__traceback__)[-1]
        promise = "raised"
        error = f"{type(raised).__name__}: {raised} at {Path(where.filename).name}:{where.lineno}"
        if trace is not None:
            trace(traceback.format_exc())
    cluster.checks.marks.finish(cluster, plan.stage.performed)
    fates = [fate for tasks in cluster.truth.tasks.values() for fate in tasks.values()]
    return Report(
        scenario.seed,
        str(plan),
        error,
        promise,
        sum(node.turns for node in cluster.nodes.values()),
        len(fates),
        sum(len(fate.runs) for fate in fates),
        cluster.clock.now,
        len(cluster.nodes),
        dict(cluster.checks.marks.counts),
    )


def run(seed: int | str, trace: Callable[[str], None] | None = None) -> Report:
    """One seed."""
    return perform(draw(seed), trace)


def digest(seed: int | str) -> str:
    """A fingerprint of everything that happens in a run."""
    trail = hashlib.blake2b(digest_size=16)
    run(seed, lambda line: trail.update(line.encode()))
    return trail.hexdigest()
