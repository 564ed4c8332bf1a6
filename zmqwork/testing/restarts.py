"""A producer's process begins with a journal: what it takes over from those before."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from zmqwork.core.records import Legacy, Recovered
from zmqwork.testing.archive import Archive, ScriptedRecorder
from zmqwork.testing.node import FROZEN, Producer

if TYPE_CHECKING:
    from zmqwork.testing.cluster import Cluster


def take_up(cluster: Cluster, node: Producer, archive: Archive, legacy: Legacy) -> None:
    """This process goes on with what the journal has; nobody knows of anything else."""
    node.archive, node.legacy = archive, legacy
    node.left = frozenset(task.seq for task in legacy.tasks)
    node.opened_at = cluster.clock.now
    node.next_seq = node.confirmed = legacy.newest
    for before in cluster.producers:
        if before.node_id == node.node_id:
            node.reacted |= before.reacted
    counts = {seq: archive.counts(seq) for seq in archive.journal._state.trials}
    node.inherited = {seq: counted for seq, counted in counts.items() if any(counted)}
    truth = cluster.truth
    fates = truth.tasks.setdefault(node.node_id, {})
    for seq in [seq for seq in fates if seq > legacy.newest]:
        del fates[seq]  # it ended with its process, which had not confirmed it
    for seq in node.left if archive.wall else ():
        fates[seq].is_untimed = True
    truth.unsettled[node.node_id] = len(legacy.tasks)
    random = Random(f"{node.name}/{node.node_id}")
    is_stopped = lambda: node.condition == FROZEN  # noqa: E731
    node.recorder = ScriptedRecorder(archive, cluster.clock, random, node.post, is_stopped)
    node.post(Recovered(legacy, [None] * len(legacy.tasks)))
