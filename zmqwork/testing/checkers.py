"""The promises that hold after every turn, one function each.

Each raises `Violation`, named after itself. Those that take time are in `endings`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from zmqwork.core import lifecycle
from zmqwork.core.effects import Effect, Execute, Send
from zmqwork.core.events import Event
from zmqwork.core.ledger import Entry
from zmqwork.core.lender import EXTRA_MAX
from zmqwork.core.lifecycle import DISPATCHED, RESTING, STARTED, WAITING
from zmqwork.core.link_events import Link, Received
from zmqwork.core.messages import Credit, Done, Return, Tasks
from zmqwork.core.trouble import CHILD_DIED, REJECTED_THERE
from zmqwork.testing import journal_checkers
from zmqwork.testing.node import Node, Producer, Worker
from zmqwork.testing.truth import CRASHES, DRIFT, FAILS, OVERTIME, SUCCEEDS, Violation

if TYPE_CHECKING:
    from zmqwork.core.dispatcher import Dispatcher
    from zmqwork.testing.cluster import Cluster

# A container may hold this much beside what it is proportional to.
_SLACK = 80

# A task may come back as often because credit was lowered while it was on its way; some hundreds of
# seeds had two at most.
_REFUSED_MAX = 8

# Rounding of instants by clocks with different origins.
_INSTANT = 1e-6


def require(promise: Callable[..., Any], kept: bool, *about: object) -> None:
    """Raise `Violation` unless the promise is kept."""
    if not kept:
        raise Violation(promise.__name__, " ".join(map(str, about)))


# -- of every machine -----------------------------------------------------------------------------


def the_deadline_is_ahead(node: Node, now: float) -> None:
    """After `tick(now)`, `deadline()` is None or later than `now`."""
    deadline = node.machine.deadline()
    ahead = deadline is None or deadline > now
    require(the_deadline_is_ahead, ahead, node, "wants a tick at", deadline, "but it is", now)


# -- of a producer --------------------------------------------------------------------------------


def no_accepted_task_vanishes(node: Producer) -> None:
    """Each task that was submitted is in the ledger, or is settled."""
    counters = node.machine.counters
    accepted = counters["submitted"] + counters["recovered"]
    known = len(node.machine._ledger) + len(node.settled) + node.untold
    known += sum(1 for _ in journal_checkers.held_back(node))
    require(no_accepted_task_vanishes, accepted == known, node, "accepted", accepted, "has", known)


def each_task_is_in_one_place(node: Producer) -> None:
    """A waiting task is in its lane, a resting one has a timer, another one is with its worker."""
    machine = node.machine
    workers = list(machine._workforce)
    held = {id(entry): worker for worker in workers for entry in worker.held.values()}
    waiting = [e.seq for lane in machine._lanes for e in lane._entries if e.state == WAITING]
    places = frozenset(waiting)
    require(each_task_is_in_one_place, len(places) == len(waiting), node, "waiting", waiting)
    unplaced = journal_checkers.unplaced(node)
    count = 0
    for entry in machine._ledger:
        worker = held.pop(id(entry), None)
        if entry.state in (DISPATCHED, STARTED):
            good = worker is not None and worker is entry.worker
        else:
            good = worker is None and entry.worker is None
        if entry.state == WAITING:
            count += 1
            good = good and entry.seq in places
        if entry.state == RESTING:
            good = good and (("rest", entry.seq) in machine._timers) != (entry.seq in unplaced)
        if entry.deadline_at is not None and entry.state != STARTED:
            # (Of what is withheld it is not known whether somebody has begun it.)
            withheld = entry.seq in machine._books.withheld
            good = good and (withheld or _expires(machine, entry))
        require(each_task_is_in_one_place, good, node, entry, "worker", entry.worker, worker)
    require(each_task_is_in_one_place, not held, node, "held but not in the ledger", held)
    sizes = machine._lanes.waiting()
    require(each_task_is_in_one_place, sizes == count, node, "lanes count", sizes, "not", count)


def _expires(machine: Dispatcher, entry: Entry) -> bool:
    at = entry.deadline_at
    assert at is not None
    return ("expire", at) in machine._timers and machine._books.deadlines.has(at, entry.seq)


def a_producer_is_bounded(node: Producer) -> None:
    """Timers, lanes and sums do not outgrow what they are for."""
    machine = node.machine
    unsettled = len(machine._ledger)
    timers = len(machine._timers)
    others = sum(1 for _ in machine._lanes) + sum(1 for _ in machine._books.outlets)
    about = (node, timers, "timers for", unsettled, "tasks")
    require(a_producer_is_bounded, timers <= 3 * unsettled + others + _SLACK, *about)
    for heap in (machine._timers, machine.dialer._timers):
        good = len(heap._heap) <= 2 * len(heap) + _SLACK
        require(a_producer_is_bounded, good, node, "heap", len(heap._heap), "for", len(heap))
    peers = len(machine.dialer.peers)
    timers = len(machine.dialer._timers)
    require(a_producer_is_bounded, timers <= 6 * peers, node, timers, "timers for", peers, "peers")
    for lane in machine._lanes:
        good = len(lane._entries) <= 2 * lane.size + _SLACK
        require(a_producer_is_bounded, good, node, "husks in lane", lane.key)
    for worker in machine._workforce:
        size_bytes = sum(len(entry.args) for entry in worker.held.values())
        good = worker.held_bytes == size_bytes
        require(a_producer_is_bounded, good, node, worker, worker.held_bytes, "not", size_bytes)


def credit_is_never_exceeded(node: Producer, effects: list[Effect]) -> None:
    """Whoever was given tasks had credit for them, in attempts and in bytes."""
    links = [e.link for e in effects if isinstance(e, Send) and isinstance(e.message, Tasks)]
    for worker in node.machine._workforce:
        if worker.peer.link not in links:
            continue
        good = len(worker.held) <= worker.limit and (
            worker.held_bytes <= worker.limit_bytes or len(worker.held) == 1
        )
        about = (node, worker, worker.held_bytes, "bytes of", worker.limit_bytes)
        require(credit_is_never_exceeded, good, *about)


def a_worker_is_not_given_what_it_rejected(node: Producer, effects: list[Effect]) -> None:
    """Whoever said that it cannot run a task is not given that task again."""
    promise = a_worker_is_not_given_what_it_rejected
    labels: dict[Link, str] = {w.peer.link: w.label for w in node.machine._workforce}
    for effect in effects:
        if not (isinstance(effect, Send) and isinstance(effect.message, Tasks)):
            continue
        for seq in [seq for run in effect.message.runs for seq in run.seqs]:
            entry = node.machine._ledger.get(seq)
            trouble = entry.trouble if entry is not None else None
            # (A later process does not know it of its journal.)
            evidence = trouble.evidence[trouble.inherited :] if trouble is not None else []
            who = [record["worker"] for record in evidence if record["cause"] == REJECTED_THERE]
            label = labels.get(effect.link)
            require(promise, label not in who, node, "gives to", label, entry, "rejected by", who)


def a_task_settles_once_and_as_it_happened(cluster: Cluster, node: Producer, entry: Entry) -> None:
    """No second outcome, no foreign result, no verdict without its cause."""
    promise = a_task_settles_once_and_as_it_happened
    fate = cluster.truth.fate(node.node_id, entry.seq)
    if fate is None:
        raise Violation(promise.__name__, f"{node} {entry} was never submitted")
    require(promise, fate.settled is None, node, entry, "was settled as", fate.settled)
    options = entry.spec.options
    state = entry.state
    if state == lifecycle.SUCCEEDED and options.goes_to_sink:
        good = True  # see `sink_checkers`
    elif state == lifecycle.SUCCEEDED:
        good = entry.value == fate.result and fate.count(SUCCEEDS) + fate.count(OVERTIME) > 0
    elif state == lifecycle.FAILED:
        late = fate.late(options.timeout, cluster.clock.now + _INSTANT)
        good = fate.count(FAILS) + late > (0 if fate.script.final else options.max_retries)
    elif state == lifecycle.DEAD:
        crashes = fate.count(CRASHES) + fate.count(OVERTIME)
        losses = sum(p.losses for p in cluster.producers if p.node_id == node.node_id)
        good = crashes + losses >= node.config.crash_limit
    elif state == lifecycle.CANCELLED:
        good = fate.cancel_asked or (node.stopped and node.archive is None)
    else:
        at = cluster.clock.now + _INSTANT
        good = state == lifecycle.EXPIRED and fate.expires_at is not None
        if good and fate.expires_at is not None and not fate.is_untimed:
            good = at >= fate.expires_at - DRIFT * (fate.expires_at - fate.submitted_at)
    require(promise, good, node, entry, entry.error, "but", fate)
    unfinished = state != lifecycle.SUCCEEDED
    require(promise, (entry.error is not None) == unfinished, node, entry, entry.error)


def nothing_begins_before_its_time(cluster: Cluster, node: Producer, entry: Entry) -> None:
    """No attempt begins before the countdown is over, whatever was lost, and whoever it goes to."""
    fate = cluster.truth.tasks[node.node_id][entry.seq]
    due_at = fate.due_at - DRIFT * (fate.due_at - fate.submitted_at) - _INSTANT
    good = fate.is_untimed or all(run.began_at >= due_at for run in fate.runs)
    require(nothing_begins_before_its_time, good, node, entry, fate)


def what_is_settled_stays(cluster: Cluster, node: Producer) -> None:
    """A settled task never changes again."""
    for entry in node.settled:
        fate = cluster.truth.tasks[node.node_id][entry.seq]
        now = (entry.state, entry.value, repr(entry.error))
        require(what_is_settled_stays, now == fate.settled, node, entry, now, "was", fate.settled)


Blame = tuple[int, int]  # failures of its handler, deaths of its child


def _blame(entry: Entry) -> Blame:
    evidence = entry.trouble.evidence if entry.trouble is not None else []
    return entry.failures, sum(1 for record in evidence if record["cause"] == CHILD_DIED)


def failures_of_older_attempts(node: Producer, event: Event) -> list[tuple[Entry, Blame]]:
    """The tasks of which an older attempt is said to have failed, as they are before that."""
    if not isinstance(event, Received):
        return []
    told: dict[int, int] = {}
    for _, message in event.messages:
        if isinstance(message, Done):
            for failure in message.failures:
                told[failure.seq] = max(failure.attempt, told.get(failure.seq, 0))
    found = []
    for seq, attempt in told.items():
        entry = node.machine._ledger.get(seq)
        if entry is not None and attempt < entry.attempt:
            found.append((entry, _blame(entry)))
    return found


def a_stale_failure_ends_nothing(node: Producer, before: list[tuple[Entry, Blame]]) -> None:
    """A failure of an attempt never ends a newer one of the same task, nor counts against it."""
    for entry, blame in before:
        good = _blame(entry) == blame and entry.state != lifecycle.FAILED
        require(a_stale_failure_ends_nothing, good, node, entry, _blame(entry), "was", blame)


def no_task_is_tossed_about(node: Producer, event: Event) -> None:
    """What a worker has no credit for, or no more, comes back, but not again and again."""
    if not isinstance(event, Received):
        return
    for _, message in event.messages:
        if isinstance(message, Return) and message.reason in ("over_credit", "paused"):
            for seq in message.seqs:
                count = node.refused[seq] = node.refused.get(seq, 0) + 1
                require(no_task_is_tossed_about, count <= _REFUSED_MAX, node, "task", seq, count)


# -- of a worker ----------------------------------------------------------------------------------


def credit_is_never_granted_twice(node: Worker, effects: list[Effect]) -> None:
    """The sum of all credit is at most slots and prefetch, and none is negative.

    What is lent for results on their way to sinks comes on top, and is bounded by itself.
    """
    grants = [e.message for e in effects if isinstance(e, Send) and isinstance(e.message, Credit)]
    if not grants:
        return
    machine = node.machine
    accounts = [a for a in machine._accounts.values() if a not in machine._orphans]
    granted = sum(max(0, account.limit - account.extra) for account in accounts)
    extra = sum(account.extra for account in accounts)
    total = machine._window.total()
    about = (node, "granted", granted, "of", total, "and", extra)
    good = granted <= total and extra <= EXTRA_MAX
    good = good and all(grant.attempts >= 0 for grant in grants)
    require(credit_is_never_granted_twice, good, *about)


def each_attempt_is_in_one_place(node: Worker) -> None:
    """What a worker holds is ready, parked or in a slot; what it dropped is in no account."""
    machine = node.machine
    places = [h for h in machine._feeder.ready if not h.dropped]
    places += [h for slot in machine._feeder.slots for h in slot.given if not h.dropped]
    for account in machine._accounts.values():
        places += [h for h in account.parked if not h.dropped]
    held = [h for account in machine._accounts.values() for h in account.held.values()]
    one, other = sorted(map(id, places)), sorted(map(id, held))
    about = (node, len(places), "placed", len(held), "held")
    require(each_attempt_is_in_one_place, one == other, *about)


def a_suspect_begins_alone(node: Worker, effects: list[Effect]) -> None:
    """A task on its last chance gets an empty slot; where slots share a process, all are empty."""
    slots = node.machine._feeder.slots
    for effect in effects:
        if not isinstance(effect, Execute):
            continue
        suspects = [held for held in effect.attempts if held.options.get("alone")]
        if suspects:
            good = len(slots[effect.slot].given) == 1
            if node.config.shares_process:
                good = good and not any(s.given for s in slots if s.index != effect.slot)
            require(a_suspect_begins_alone, good, node, suspects, [list(s.given) for s in slots])


def count_what_is_held(node: Worker) -> int:
    """How many attempts a worker has, and results of them; keep in mind how many it ever had."""
    accounts = node.machine._accounts.values()
    held = sum(len(account.held) for account in accounts)
    node.held_peak = max(node.held_peak, held)
    node.extra_peak = max(node.extra_peak, sum(account.extra for account in accounts))
    return held + sum(max(0, account.finished) for account in accounts)


def a_worker_is_bounded(node: Worker) -> None:
    """What is held, ready, parked and unacked does not outgrow its bounds."""
    machine, config = node.machine, node.config
    held = sum(len(account.held) for account in machine._accounts.values())
    extra = sum(account.extra for account in machine._accounts.values())
    # (What was lent for results on their way may have come when they were not wanted any more.)
    most = (config.slots + config.prefetch_max) * max(1, len(machine._accounts))
    good = held <= most + node.extra_peak and extra <= EXTRA_MAX
    require(a_worker_is_bounded, good, node, "holds", held)
    good = len(machine._feeder.ready) <= 2 * node.held_peak + _SLACK
    require(a_worker_is_bounded, good, node, len(machine._feeder.ready), "ready of", node.held_peak)
    timers = len(machine._timers)
    most = 4 * config.slots + 2 + len(machine._orphans._accounts)
    require(a_worker_is_bounded, timers <= most, node, timers, "timers")
    clients = len(machine.listener.clients)
    accounts = len(machine._accounts) - len(machine._orphans._accounts)
    good = len(machine.listener._timers) <= 3 * clients and accounts <= clients
    require(a_worker_is_bounded, good, node, "accounts and timers for", clients, "clients")
    for account in machine._accounts.values():
        good = len(account.parked) <= len(account.held)
        require(a_worker_is_bounded, good, node, "parked", len(account.parked))
        size_bytes = sum(size for _, size, _ in account.outbox)
        good = size_bytes == account.outbox_bytes
        require(a_worker_is_bounded, good, node, account.outbox_bytes, "not", size_bytes)
    good = set(machine._feeder.full) <= set(machine._accounts.values())
    require(a_worker_is_bounded, good, node, "keeps accounts that are given up")
    for slot in machine._feeder.slots:
        good = len(slot.given) <= config.chunk_max
        require(a_worker_is_bounded, good, node, len(slot.given), "in one slot")


def what_runs_was_submitted(cluster: Cluster, node: Worker, effects: list[Effect]) -> None:
    """No attempt of a task that nobody submitted, nor of one that this worker cannot run."""
    for effect in effects:
        if not isinstance(effect, Execute):
            continue
        for held in effect.attempts:
            about = (node, "executes", held.name, held.producer_id, held.seq)
            require(what_runs_was_submitted, held.name in node.config.tasks, *about)
            if cluster.node_of(held.producer_id) is not None:
                fate = cluster.truth.fate(held.producer_id, held.seq)
                good = fate is not None and fate.result[3:] == held.args.rstrip(b".")
                require(what_runs_was_submitted, good, *about)


def nothing_starts_on_an_expired_lease(
    cluster: Cluster, node: Worker, effects: list[Effect]
) -> None:
    """What a slot is given belongs to a producer that heard of us within the lease."""
    for effect in effects:
        if not isinstance(effect, Execute):
            continue
        for held in effect.attempts:
            producer = cluster.node_of(held.producer_id)
            if producer is None:
                continue
            age = cluster.clock.now - producer.reacted.get(node.name, float("-inf"))
            good = age < node.config.health.fence_timeout * (1 + DRIFT) + _INSTANT
            about = (node, "gives task", held.seq, "to a slot;", producer, "reacted", age, "s ago")
            require(nothing_starts_on_an_expired_lease, good, *about)


def a_drained_worker_leaves_nothing(node: Worker) -> None:
    """When a drained worker leaves, everything is acked and nothing is held."""
    for account in node.machine._accounts.values():
        good = not (account.held or account.outbox or account.outcomes or account.finished)
        about = (node, "leaves", len(account.held), "held", len(account.outbox), "unacked")
        require(a_drained_worker_leaves_nothing, good, *about)
