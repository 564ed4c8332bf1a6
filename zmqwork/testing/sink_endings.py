"""The promises about results that go to sinks which take time: now and then, and in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zmqwork.core.clients import Account
from zmqwork.core.ledger import Entry
from zmqwork.core.lifecycle import ALIVE, SUCCEEDED
from zmqwork.core.outboxes import key_of
from zmqwork.core.peer import OPEN
from zmqwork.testing.checkers import require
from zmqwork.testing.node import DEAD, RUNNING, Producer, Sink, Worker

if TYPE_CHECKING:
    from zmqwork.testing.cluster import Cluster

# (worker, producer, seq) -> since when they do not agree where the result goes.
Detours = dict[tuple[str, str, int], float]

# A message that says where is on its way for so long, at most, where nothing is cut off.
_TOLD_SECONDS = 2.0

# As `endings.the_dead_are_given_up`.
_NOTICED_SECONDS = 6.0


# -- now and then ---------------------------------------------------------------------------------


def dead_sinks_are_given_up(cluster: Cluster) -> None:
    """Nothing new goes to a sink that died, once it was silent for long enough."""
    for node in cluster.living(cluster.producers):
        if node.condition != RUNNING:
            continue
        for outlet in node.machine._books.outlets:
            other = cluster.node_of(outlet.destination("").node_id)
            if not outlet.usable or not isinstance(other, Sink) or other.condition != DEAD:
                continue
            age = cluster.clock.now - max(other.since, node.since)
            health = other.config.health
            good = age <= health.runtime_timeout + health.gone_timeout + _NOTICED_SECONDS
            require(dead_sinks_are_given_up, good, node, "uses", outlet, "dead for", age, "s")


def workers_know_where_results_go(cluster: Cluster, before: Detours) -> Detours:
    """A worker in session brings a result where its producer says; since when each one strays."""
    now = cluster.clock.now
    since: Detours = {}
    for node in cluster.living(cluster.workers):
        if node.condition == RUNNING:
            for account in node.machine._accounts.values():
                producer = cluster.node_of(account.client.node_id)
                if isinstance(producer, Producer) and producer.condition == RUNNING:
                    for seq in _strays(cluster, node, account, producer):
                        stray = (node.name, producer.name, seq)
                        since[stray] = before.get(stray, now)
    for stray, at in since.items():
        good = now - at < _TOLD_SECONDS
        require(workers_know_where_results_go, good, stray, "goes elsewhere for", now - at, "s")
    return since


def _strays(cluster: Cluster, node: Worker, account: Account, producer: Producer) -> list[int]:
    """Tasks that the worker means to bring elsewhere than to where their producer says."""
    theirs = producer.machine._workforce.get(node.node_id)
    if theirs is None or account.client.link is None:
        return []
    # (Where they do not hear one another it will be known soon.)
    hears = theirs.peer.stage == OPEN and theirs.peer.state == ALIVE
    if not hears or not cluster.network.connected(node.name, producer.name):
        return []
    dialled = node.machine._deliverer.dialer.peers.values()
    known = {peer.node_id for peer in dialled} | node.told.keys()
    strays = []
    for seq, aim in _aims(node, account).items():
        entry = theirs.held.get(seq)
        outlet = entry.outlet if entry is not None else None
        if entry is None or outlet is None:
            continue
        aims_there = aim == (key_of(outlet.id, outlet.inbox), entry.sink_seq)
        if not aims_there or (outlet.usable and outlet.destination("").node_id not in known):
            strays.append(seq)
    return strays


def _aims(node: Worker, account: Account) -> dict[int, tuple[str, int]]:
    """Where a worker means to bring results of these tasks: outbox and number."""
    aims = {
        held.seq: (key_of(held.to.node_id, held.to.inbox), held.sink_seq)
        for held in account.held.values()
        if held.to is not None
    }
    for outbox in node.machine._deliverer.outboxes:
        for bundle in outbox:
            if bundle.account is account:
                for seq, number in zip(bundle.seqs, bundle.sink_seqs, strict=True):
                    aims[seq] = outbox.key, number
    return aims


# -- in the end -----------------------------------------------------------------------------------


def all_results_are_delivered(cluster: Cluster) -> None:
    """After healing, no number is open, no outbox has anything, no sink holds anything."""
    promise = all_results_are_delivered
    for node in cluster.living(cluster.producers):
        outlets = list(node.machine._books.outlets)
        left = [outlet for outlet in outlets if outlet.open or outlet.asked]
        questions = node.machine._shipping.inquiry._questions
        require(promise, not left and not questions, node, left, questions)
    for node in cluster.living(cluster.workers):
        deliverer = node.machine._deliverer
        left = [outbox for outbox in deliverer.outboxes if outbox.count or outbox.peer is None]
        require(promise, not left and not len(deliverer._timers), node, left)
    for node in cluster.living(cluster.sinks):
        good = not node.machine._shelf.held[0] and not node.store.is_busy
        good = good and not len(node.machine._timers)
        require(promise, good, node, "holds", node.machine._shelf.held)


def sinks_remember_little(cluster: Cluster) -> None:
    """Floors have closed the holes: of a producer without a run one range is left."""
    for node in cluster.living(cluster.producers):
        if node.config.producer_id or node.archive is not None:
            continue  # it tells no floors
        for outlet in node.machine._books.outlets:
            sink = cluster.node_of(outlet.destination("").node_id)
            if outlet.session is None or outlet.sparse or not outlet.is_used:
                continue
            if not isinstance(sink, Sink) or sink.condition == DEAD:
                continue
            collected = sink.machine._roll.of_node(node.node_id)
            seen = collected.seen if collected is not None else None
            good = seen is not None and len(seen) <= 1
            require(sinks_remember_little, good, node, outlet, seen)


def in_session(cluster: Cluster, node: Producer) -> list[str]:
    """The outlets whose sinks can be told something, and do not leave when they hear of one end."""
    heard = []
    for outlet in node.machine._books.outlets:
        sink = cluster.node_of(outlet.destination("").node_id)
        if outlet.session is not None and isinstance(sink, Sink) and not sink.config.once:
            heard.append(outlet.id)
    return heard


def the_end_is_told_truly(
    cluster: Cluster, node: Producer, report: list[dict[str, Any]], heard: list[str]
) -> None:
    """What sinks say at the end of a producer is what took effect there.

    Those `heard` could be told of the end; the others are gone, and have nothing to say.
    """
    promise = the_end_is_told_truly
    told = [outlet for outlet in node.machine._books.outlets if outlet.is_used]
    require(promise, len(told) == len(report), node, told, report)
    for outlet, said in zip(told, report, strict=True):
        place = cluster.places[outlet.id]
        effects = place.effects.get(node.producer_id, {})
        about = (node, said, "but", len(effects), "took effect in", place)
        if outlet.id not in heard:
            continue
        require(promise, said["taken"] is not None, *about)
        gaps = said["missing"]
        good = not any(first <= number <= last for number in effects for first, last in gaps)
        require(promise, good and said["taken"] == len(effects), *about)
        if node.config.producer_id:  # (else floors have closed holes)
            missing = [number for first, last in gaps for number in range(first, last + 1)]
            lacking = [n for n in range(1, said["count"] + 1) if n not in effects]
            require(promise, missing == lacking, *about)
        # (Of a task that changed its outlet nobody knows which of them has the result.)
        counted = [
            entry.sink_seq
            for entry in node.settled
            if entry.state == SUCCEEDED and entry.outlet is outlet and not _has_moved(entry)
        ]
        good = said["succeeded"] == len(counted) and all(n in effects for n in counted)
        require(promise, good, *about, counted, "succeeded")


def _has_moved(entry: Entry) -> bool:
    """Whether the task's result went to one outlet first, then to another one."""
    return entry.trouble is not None and entry.trouble.moved
