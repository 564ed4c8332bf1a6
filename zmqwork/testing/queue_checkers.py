"""What producers and workers promise of queues and priorities, one function each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zmqwork.core.effects import Effect, Send
from zmqwork.core.ledger import Entry
from zmqwork.core.lifecycle import DISPATCHED
from zmqwork.core.messages import Tasks
from zmqwork.testing.checkers import require
from zmqwork.testing.node import Producer, Worker

if TYPE_CHECKING:
    from zmqwork.testing.cluster import Cluster

# What a paused queue has at workers that nothing disturbs is back in this time: two RECALLs, and a
# slot's few milliseconds of work.
_BACK_SECONDS = 2.0

# Of sums of instants.
_ROUNDING = 1e-6

# Without aging.
_NEVER = 1e9


def nothing_paused_is_dispatched(node: Producer, effects: list[Effect]) -> None:
    """No task of a paused queue leaves its producer."""
    paused = node.machine._books.paused
    for effect in effects if paused else ():
        if isinstance(effect, Send) and isinstance(effect.message, Tasks):
            queues = [run.options["queue"] for run in effect.message.runs]
            good = not any(queue in paused for queue in queues)
            require(nothing_paused_is_dispatched, good, node, "paused", list(paused), queues)


def what_is_paused_is_recalled(node: Producer) -> None:
    """As long as workers have something of a paused queue, they are asked for it again."""
    machine = node.machine
    paused = machine._books.paused
    if not paused or ("recall", None) in machine._timers:
        return
    held = (entry for worker in machine._workforce for entry in worker.held.values())
    left = [e for e in held if e.state == DISPATCHED and e.spec.options.queue in paused]
    require(what_is_paused_is_recalled, not left, node, "does not ask for", left[:5])


def _rank(node: Producer, entry: Entry) -> tuple[float, int]:
    aging = node.config.priority_aging or _NEVER
    return entry.since - entry.spec.options.priority * aging, entry.seq


def _goes_before(node: Producer, one: Entry, other: Entry) -> bool:
    """Whether it may: instants of which one is a sum may differ by their rounding alone."""
    steps = one.spec.options.priority - other.spec.options.priority
    lead = one.since - other.since - steps * (node.config.priority_aging or _NEVER)
    return lead < _ROUNDING if lead else one.seq <= other.seq


def the_larger_goes_first(node: Producer, effects: list[Effect]) -> None:
    """What is dispatched goes before all that wait and differ from it in nothing but priority."""
    books = node.machine._books
    lanes = [lane for lane in books.lanes if lane.size]
    if not any(lane.priority for lane in lanes):
        return
    for effect in effects:
        if not (isinstance(effect, Send) and isinstance(effect.message, Tasks)):
            continue
        entries = [books.ledger.get(seq) for run in effect.message.runs for seq in run.seqs]
        sent = [entry for entry in entries if entry is not None]
        if not sent:
            continue
        best = min(sent, key=lambda entry: _rank(node, entry))
        key = books.lanes.of(best.spec).key
        for lane in lanes:
            first = lane.first()
            # (Larger ones may have had no room at the workers.)
            if lane.key[:-1] != key[:-1] or len(first.args) > len(best.args):
                continue
            good = not books.is_ready(lane) or _goes_before(node, best, first)
            require(the_larger_goes_first, good, node, "sent", best, "before", first)


def what_is_paused_comes_back(cluster: Cluster) -> None:
    """Where nothing goes wrong, workers soon have nothing of a paused queue that has not begun."""
    now = cluster.clock.now
    for node in cluster.living(cluster.producers):
        for queue, at in node.paused.items():
            if now - at < _BACK_SECONDS or queue not in node.machine._books.paused:
                continue
            left = [
                entry
                for entry in node.machine._ledger
                if entry.state == DISPATCHED
                and entry.spec.options.queue == queue
                and not entry.spec.options.goes_to_sink  # these may have ended
            ]
            about = (node, "paused", queue, "for", now - at, "s; not back:", left[:5])
            require(what_is_paused_comes_back, not left, *about)


def what_waits_begins_in_order(node: Worker) -> None:
    """What waits for a slot does so by rank."""
    ranks = [held.rank for held in node.machine._feeder.ready]
    require(what_waits_begins_in_order, ranks == sorted(ranks), node, ranks)
