"""The promises about producers with journals, one function each.

Each raises `Violation`, named after itself. What is seen as it is written is in `archive`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from zmqwork.core.clients import Account
from zmqwork.core.effects import Effect, Execute, Send, Settle
from zmqwork.core.events import Event
from zmqwork.core.ledger import Entry
from zmqwork.core.link_events import Received
from zmqwork.core.messages import Done, DoneAck, Tasks
from zmqwork.core.orphans import ORPHANS_MAX
from zmqwork.core.peer import OPEN
from zmqwork.testing.node import DEAD, RUNNING, Producer, Worker
from zmqwork.testing.truth import Violation

if TYPE_CHECKING:
    from zmqwork.testing.cluster import Cluster

_INSTANT = 1e-6


def _require(promise: Callable[..., Any], kept: bool, *about: object) -> None:
    if not kept:
        raise Violation(promise.__name__, " ".join(map(str, about)))


# -- what is where --------------------------------------------------------------------------------


def held_back(node: Producer) -> Iterator[Entry]:
    """What is settled, and told when that is written."""
    journaling = node.machine._journaling
    if journaling is not None:
        turns = (*journaling._turns, journaling._open)
        for effect in (effect for turn in turns for effect in turn.effects):
            if isinstance(effect, Settle):
                yield from effect.entries


def unplaced(node: Producer) -> set[int]:
    """Tasks that rest until they are written, or until it is known which worker has them."""
    journaling = node.machine._journaling
    if journaling is None:
        return set()
    turns = (*journaling._turns, journaling._open)
    return {*(entry.seq for turn in turns for entry in turn.filed), *node.machine._books.withheld}


def is_untold(node: Producer, entry: Entry) -> bool:
    """Whether a task ends for the application only: a later process goes on with it, or may."""
    error = entry.error or {}
    if node.archive is None:
        return False
    return "journal" in error or error.get("text", "").startswith("its producer")


def is_refused(entry: Entry) -> bool:
    """Whether there was no room for it."""
    return (entry.error or {}).get("journal") == "full"


def is_orphan(cluster: Cluster, node: Worker, account: Account) -> bool:
    """Whether this is kept for a producer that has left for good, with an empty journal."""
    producer = cluster.node_of(account.client.node_id)
    dead = producer is not None and producer.condition == DEAD
    return dead and account in node.machine._orphans


# -- of a producer --------------------------------------------------------------------------------


def nothing_leaves_before_it_is_written(
    cluster: Cluster, node: Producer, effects: list[Effect]
) -> None:
    """What goes to a worker is in the journal; what it may forget is settled there, or counted."""
    promise = nothing_leaves_before_it_is_written
    archive = node.archive
    assert archive is not None
    workers = {worker.peer.link: worker for worker in node.machine._workforce}
    for effect in effects:
        if not isinstance(effect, Send) or effect.link not in workers:
            continue
        message = effect.message
        ack = 0
        if isinstance(message, Tasks):
            ack = message.ack
            early = [seq for run in message.runs for seq in run.seqs if not archive.has(seq)]
            _require(promise, not early, node, "dispatches", early)
            worker = workers[effect.link].node_id
            named = archive.journal._totals.workers
            _require(promise, worker in named, node, "dispatches to", worker, "not in", named)
        elif isinstance(message, DoneAck):
            ack = message.batch
        if ack:
            _look_at_acked(cluster, node, workers[effect.link].node_id, ack)


def _look_at_acked(cluster: Cluster, node: Producer, worker_id: str, ack: int) -> None:
    promise = nothing_leaves_before_it_is_written
    archive = node.archive
    worker = cluster.node_of(worker_id)
    assert archive is not None
    for key in [k for k in node.verdicts if k[0] == worker_id and k[1] <= ack]:
        verdicts, node.verdicts[key] = node.verdicts[key], []
        for seq, failures, crashes in verdicts:
            counted = archive.counts(seq)
            good = counted[0] >= failures and counted[1] >= crashes
            good = good or not archive.has(seq)
            _require(promise, good, node, "acks", seq, failures, crashes, "but has", counted)
    account = worker.machine._accounts.get(node.node_id) if isinstance(worker, Worker) else None
    for done, _, _ in account.outbox if account is not None else ():
        lacking = [seq for seq in done.seqs if done.batch <= ack and archive.has(seq)]
        _require(promise, not lacking, node, "acks", done.batch, "but has not", lacking)


def undecided(node: Producer, event: Event) -> frozenset[int]:
    """The tasks that have not ended before this, and of which an attempt is said to have failed."""
    if not isinstance(event, Received):
        return frozenset()
    dones = (message for _, message in event.messages if isinstance(message, Done))
    seqs = (failure.seq for done in dones for failure in done.failures)
    return frozenset(seq for seq in seqs if node.machine._ledger.get(seq) is not None)


def note_verdicts(node: Producer, event: Event, undecided: frozenset[int]) -> None:
    """Keep in mind what has become of tasks whose attempts have failed.

    Those that had ended before (it may not be written yet) are decided by other attempts.
    """
    if not isinstance(event, Received) or not isinstance(event.link, int):
        return
    peer = node.machine.dialer._links.by_link.get(event.link)
    if peer is None:
        return
    for _, message in event.messages:
        if isinstance(message, Done) and message.failures:
            verdicts = []
            for failure in message.failures:
                if failure.seq not in undecided:
                    continue
                entry = node.machine._ledger.get(failure.seq)
                counts = (entry.failures, entry.crashes) if entry is not None else (1 << 60, 0)
                verdicts.append((failure.seq, *counts))
            # (The same batch may come again in another session, and decides nothing then.)
            node.verdicts.setdefault((peer.node_id, message.batch), verdicts)


def what_is_told_is_written(node: Producer, entry: Entry) -> None:
    """The application hears of an outcome when that is in the journal, and not before."""
    archive = node.archive
    assert archive is not None
    said = archive.recorded.get(entry.seq)
    good = said == entry.state or entry.seq not in archive.filed  # (ended, then refused)
    _require(what_is_told_is_written, good, node, entry, "but the journal:", said)


def what_is_confirmed_is_written(cluster: Cluster, node: Producer, newest: int) -> None:
    """All up to the number that is confirmed is in the journal, or was, or was refused."""
    promise = what_is_confirmed_is_written
    archive = node.archive
    assert archive is not None
    for seq in range(node.confirmed + 1, newest + 1):
        fate = cluster.truth.fate(node.node_id, seq)
        ended = fate is not None and (fate.refused or fate.settled is not None)
        good = seq in archive.filed or ended
        _require(promise, good, node, "confirms", newest, "but not", fate)
    _require(promise, newest >= node.confirmed, node, "confirms", newest, "after", node.confirmed)
    node.confirmed = newest


def what_went_wrong_is_written(node: Producer) -> None:
    """When nothing waits to be written, the journal has counted what the producer has.

    And what the journal has counted is not forgotten by the next process.
    """
    archive, journaling = node.archive, node.machine._journaling
    assert archive is not None
    assert journaling is not None
    for seq, (failures, crashes) in node.inherited.items():
        entry = node.machine._ledger.get(seq)
        if entry is not None:
            good = entry.failures >= failures and entry.crashes >= crashes
            about = (node, entry, entry.trouble, "but the journal had", failures, crashes)
            _require(what_went_wrong_is_written, good, *about)
    if not journaling.is_idle or journaling.closing:
        return
    for entry in node.machine._ledger:
        if entry.failures or entry.crashes:
            failures, crashes = archive.counts(entry.seq)
            good = failures >= entry.failures and crashes >= entry.crashes
            about = (node, entry, entry.trouble, "but the journal:", failures, crashes)
            _require(what_went_wrong_is_written, good, *about)


def what_a_worker_runs_is_adopted(cluster: Cluster, node: Producer, effects: list[Effect]) -> None:
    """What a worker runs of an earlier process is not begun elsewhere, if it can be known.

    That is known from the workers in session; those of before are waited for, one lease long.
    """
    assert node.legacy is not None
    sent = [
        (seq, effect.link)
        for effect in effects
        if isinstance(effect, Send) and isinstance(effect.message, Tasks)
        for run in effect.message.runs
        if run.attempt == 1
        for seq in run.seqs
        if seq in node.left
    ]
    if not sent:
        return
    lease = node.machine._config.health.lease_timeout
    waits = cluster.clock.now < node.opened_at + lease - _INSTANT
    for worker in cluster.living(cluster.workers):
        account = worker.machine._accounts.get(node.node_id)
        theirs = node.machine._workforce.get(worker.node_id)
        known = theirs is not None and theirs.peer.stage == OPEN
        named = worker.node_id in node.legacy.workers
        if account is None or not (known or (waits and named)):
            continue
        for seq, link in sent:
            held = account.held.get(seq)
            runs = held is not None and held.begun
            elsewhere = theirs is None or theirs.peer.link != link
            good = not (runs and elsewhere)
            _require(what_a_worker_runs_is_adopted, good, node, seq, "runs at", worker)


# -- of a worker ----------------------------------------------------------------------------------


def an_older_process_is_not_heard(node: Worker) -> None:
    """What is kept for a process is not given to one that was before it."""
    epochs = {node_id: account.epoch for node_id, account in node.machine._accounts.items()}
    for node_id, epoch in epochs.items():
        newest = node.epochs.get(node_id, 0)
        _require(an_older_process_is_not_heard, epoch >= newest, node, node_id, epoch, newest)
    node.epochs = epochs


def orphans_are_bounded_and_begin_nothing(node: Worker, effects: list[Effect]) -> None:
    """What is kept for producers that are gone is what had begun, or ended, and not too much."""
    promise = orphans_are_bounded_and_begin_nothing
    orphans = node.machine._orphans
    accounts = orphans._accounts
    _require(promise, len(accounts) <= ORPHANS_MAX, node, len(accounts))
    for node_id, account in accounts.items():
        idle = [held for held in account.held.values() if not held.begun]
        good = not idle and not account.parked and ("orphan", node_id) in node.machine._timers
        good = good and account.epoch > 0
        _require(promise, good, node, account.client.name, idle, account.parked)
    for effect in effects:
        if isinstance(effect, Execute):
            good = not any(held.account in orphans for held in effect.attempts)
            _require(promise, good, node, "begins", effect.attempts)


# -- in the end -----------------------------------------------------------------------------------


def nothing_confirmed_is_lost(node: Producer) -> None:
    """What was ever in a journal is settled, or a dead letter, if a process had the time for it."""
    archive = node.archive
    if archive is None or archive.journal.is_removed:
        return
    left = [seq for seq in archive.filed if seq not in archive.recorded]
    _require(nothing_confirmed_is_lost, not left, node, left)


def everybody_is_back(cluster: Cluster) -> None:
    """Whoever has left something in a journal is there again."""
    archives = {node.archive for node in cluster.producers if node.archive is not None}
    running = {node.archive for node in cluster.producers if node.condition == RUNNING}
    away = [a for a in archives - running if not a.journal.is_removed]
    _require(everybody_is_back, not away, away)
