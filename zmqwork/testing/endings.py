"""The promises that take time: what holds now and then, in the long run, and in the end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from zmqwork.core import explain, lifecycle
from zmqwork.core.departure import SERVING
from zmqwork.core.effects import Notice
from zmqwork.testing import journal_checkers
from zmqwork.testing.checkers import require
from zmqwork.testing.node import DEAD, RUNNING, Node, Worker
from zmqwork.testing.truth import CRASHES, FAILS, OVERTIME, SUCCEEDS

if TYPE_CHECKING:
    from zmqwork.testing.cluster import Cluster

# A calm cluster does not leave a slot idle for longer while a task waits for it.
_IDLE_SECONDS = 1.0
_DOZEN = 12

# A producer that gives up somebody may have to wait for its own dial (greeting_timeout) first.
_NOTICED_SECONDS = 6.0


# -- now and then ---------------------------------------------------------------------------------


def the_dead_are_given_up(cluster: Cluster) -> None:
    """Whoever died is lost to every producer within the bound of its silence."""
    for node in cluster.living(cluster.producers):
        if node.condition != RUNNING:
            continue
        for worker in node.machine._workforce:
            other = cluster.node_of(worker.node_id)
            if not isinstance(other, Worker) or other.condition != DEAD:
                continue
            health = other.config.health
            bound = health.lost_timeout
            if other.config.shares_process:
                bound = health.runtime_timeout
            age = cluster.clock.now - max(other.since, node.since)
            good = age <= bound + health.gone_timeout + _NOTICED_SECONDS
            require(the_dead_are_given_up, good, node, "knows", worker, "dead for", age, "s")


def idle_pairs(cluster: Cluster) -> list[tuple[str, str]]:
    """(worker, producer): a slot idles here, and a task that it could run waits there."""
    pairs = []
    for node in cluster.living(cluster.workers):
        machine = node.machine
        free = [slot for slot in machine._feeder.slots if slot.ready and not slot.given]
        busy = machine._feeder.ready or machine._feeder.full or machine.state != SERVING
        # (Short tasks may be stuck behind a hung one in its slot; their credit is used.)
        # (Producers hear of few results on their way to sinks, while most tasks are short.)
        accounts = machine._accounts.values()
        held = sum(len(a.held) + max(0, a.finished - a.extra) for a in accounts)
        few = node.config.credit_bytes < 1000  # then a producer may leave its share unused
        if (
            few
            or not free
            or busy
            or held >= len(machine._feeder.slots)
            or node.condition != RUNNING
        ):
            continue
        for producer in cluster.living(cluster.producers):
            worker = producer.machine._workforce.get(node.node_id)
            if worker is None or not worker.usable or producer.condition != RUNNING:
                continue
            for lane in producer.machine._lanes:
                if not lane.size or not worker.group.serves(lane) or node.node_id in lane.unfit:
                    continue
                if lane.queue in producer.machine._books.paused:
                    continue
                if lane.to_sink and not producer.machine._books.outlets.serves(lane):
                    continue
                size_bytes = worker.held_bytes + len(lane.first().args)
                if not worker.held or size_bytes <= worker.limit_bytes:
                    pairs.append((node.name, producer.name))
                    break
    return pairs


# (worker, producer) -> since when a slot idles there and a task waits here, and how many tasks that
# worker had ended when it was seen last.
Idle = dict[tuple[str, str], tuple[float, int]]


def no_slot_idles_while_tasks_wait(cluster: Cluster, before: Idle) -> Idle:
    """A free slot and a task that it could run find each other.

    Where tasks end by the dozen between two looks, a slot is free for the moment of a look.
    """
    now = cluster.clock.now
    since: Idle = {}
    for worker, producer in idle_pairs(cluster):
        node = cluster.nodes[worker]
        assert isinstance(node, Worker)
        done = node.machine.counters["executed"]
        at, known = before.get((worker, producer), (now, done))
        since[worker, producer] = (at if done - known < _DOZEN else now, done)
    for (worker, producer), (at, _) in since.items():
        about = (worker, "idles, and a task waits at", producer, "for", now - at, "s")
        require(no_slot_idles_while_tasks_wait, now - at < _IDLE_SECONDS, *about)
    return since


# -- where nothing but work went on ---------------------------------------------------------------


def nobody_is_lost_without_cause(cluster: Cluster) -> None:
    """No worker is given up if none died, was stopped or cut off; nor a producer that goes on."""
    left = [node.node_id for node in cluster.producers if node.stopped]
    # (Those who leave wait for no sink to answer.)
    left += [node.node_id for node in cluster.workers if node.dismissed]
    lost = [
        (name, notice.text)
        for name, notice in cluster.notices
        if notice.kind in ("peer_lost", "client_lost")
        and notice.data["node_id"] not in left
        and not _is_stranger(cluster.nodes[name], notice)
    ]
    require(nobody_is_lost_without_cause, not lost, lost)


def _is_stranger(node: Node, notice: Notice) -> bool:
    """A worker that took another one for a sink: its goodbye may be lost with its link."""
    return isinstance(node, Worker) and notice.data["role"] == "worker"


def nothing_runs_twice_without_cause(cluster: Cluster) -> None:
    """A task that succeeded did so once, and each failure of its handler was counted.

    A worker may give back what ran, if it leaves before its sink has taken that, or the sink does
    not come back. One that stops may do so just when something has ended, or while it is cut off.
    """
    promise = nothing_runs_twice_without_cause
    leavers = [worker.node_id for worker in cluster.workers if worker.dismissed]
    undelivered = any(notice.kind == "undelivered" for _, notice in cluster.notices)
    for node in cluster.producers:
        for entry in node.settled:
            if entry.spec.options.goes_to_sink and (leavers or undelivered):
                continue
            if entry.trouble is not None and entry.trouble.losses:
                continue  # (whether its worker may be lost is looked at above)
            fate = cluster.truth.tasks[node.node_id][entry.seq]
            lasting = [run.outcome for run in fate.runs if run.worker not in leavers]
            require(promise, lasting.count(SUCCEEDS) <= 1, node, entry, fate)
            if entry.state in (lifecycle.SUCCEEDED, lifecycle.FAILED):
                late = fate.count(OVERTIME)
                good = lasting.count(FAILS) <= entry.failures <= fate.count(FAILS) + late
                most = fate.count(CRASHES) + late
                good = good and lasting.count(CRASHES) <= entry.crashes <= most
                require(promise, good, node, entry, entry.trouble, fate)


def what_kills_is_stopped(cluster: Cluster) -> None:
    """A task that kills its process does so no more often than it may.

    Workers that leave may not have told of it; nor those whose producer was away for long.
    """
    gone = [w.node_id for w in cluster.workers if w.condition == DEAD or w.dismissed]
    for node in cluster.producers:
        if node.archive is not None:
            continue  # what an earlier process was not told, the next one does not know
        for entry in node.settled:
            fate = cluster.truth.tasks[node.node_id][entry.seq]
            losses = entry.trouble.losses if entry.trouble is not None else 0
            crashes = [r for r in fate.runs if r.outcome == CRASHES and r.worker not in gone]
            good = len(crashes) <= node.config.crash_limit + losses
            require(what_kills_is_stopped, good, node, entry, entry.trouble, fate)


# -- in the end -----------------------------------------------------------------------------------


def everything_is_settled(cluster: Cluster) -> None:
    """After healing, every task of every living producer settles."""
    for node in cluster.living(cluster.producers):
        if not cluster.truth.unsettled.get(node.node_id):
            continue
        left = list(node.machine._ledger)
        status = explain.status(node.config, node.machine._books)
        require(everything_is_settled, False, node, len(left), "unsettled, as", left[:3], status)


def an_item_of_a_run_takes_effect_once(cluster: Cluster) -> None:
    """An item that succeeded, whichever process did it, is in one inbox, and once."""
    promise = an_item_of_a_run_takes_effect_once
    for node in cluster.producers:
        for entry in node.settled if node.in_run else ():
            if entry.state != lifecycle.SUCCEEDED or not entry.spec.options.goes_to_sink:
                continue
            result = cluster.truth.tasks[node.node_id][entry.seq].result
            places = cluster.truth.effects.get(result, [])
            require(promise, len(places) == 1, node, entry, result, "took effect in", places)


def no_timer_remains(cluster: Cluster) -> None:
    """After healing, nothing is timed any more but heartbeats, and what is kept for the absent."""
    for node in cluster.living(cluster.producers):
        timers = [key for key in node.machine._timers._at if key[0] not in ("notice", "floors")]
        require(no_timer_remains, not timers, node, "timers", timers)
        _only_beats(node, node.machine.dialer._timers._at)
    for node in cluster.living(cluster.workers):
        orphans = len(node.machine._orphans._accounts)
        timers = [key for key in node.machine._timers._at if key[0] != "orphan"]
        good = not timers and len(node.machine._timers) <= orphans
        require(no_timer_remains, good, node, "timers", timers, "for", orphans, "orphans")


def _only_beats(node: Node, keys: Iterable[Any]) -> None:
    left = [key for key in keys if key[0] not in ("ping", "judge", "dial", "greet", "turn")]
    require(no_timer_remains, not left, node, "timers", left)


def all_credit_is_back(cluster: Cluster) -> None:
    """After healing, nothing is held anywhere, no timer of a task runs, nobody claims demand."""
    promise = all_credit_is_back
    for node in cluster.living(cluster.producers):
        machine = node.machine
        for worker in machine._workforce:
            good = not (worker.held or worker.strays) and worker.held_bytes == 0
            require(promise, good, node, worker)
    for node in cluster.living(cluster.workers):
        machine = node.machine
        given = [held for slot in machine._feeder.slots for held in slot.given]
        require(promise, not given and node.pool.is_idle, node, "runs", given)
        require(promise, not machine._feeder.ready, node, "ready", len(machine._feeder.ready))
        for account in machine._accounts.values():
            if journal_checkers.is_orphan(cluster, node, account):
                continue
            good = not (account.held or account.outbox or account.parked)
            good = good and not (account.outbox_bytes or account.finished or account.unacked_bytes)
            require(promise, good, node, account.client.name, "is held", account.held)
            require(promise, not account.backlog, node, account.client.name, "claims demand")
