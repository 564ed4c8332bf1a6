"""Promises about what tasks yield while they run."""

from __future__ import annotations

from zmqwork.core.effects import AddParts
from zmqwork.core.ledger import Entry
from zmqwork.core.lifecycle import SUCCEEDED
from zmqwork.core.progress import ALL_PARTS, PartsTaken
from zmqwork.testing.checkers import require
from zmqwork.testing.node import Producer
from zmqwork.testing.streaming import EVERY, PARTS
from zmqwork.testing.truth import Truth


def parts_come_once_in_order(truth: Truth, node: Producer, effect: AddParts) -> None:
    """Whoever reads gets the next part, and then the one behind it."""
    entry = effect.entry
    fate = truth.tasks[node.node_id][entry.seq]
    if fate.reader is not entry:  # (a later process has nobody's parts)
        fate.reader, fate.parts = entry, 0
    numbers = [int(value) if value.isdigit() else value for value in effect.values]
    expected = list(range(fate.parts, fate.parts + len(numbers)))
    require(parts_come_once_in_order, numbers == expected, node, (entry, numbers, fate.parts))
    fate.parts += len(numbers)
    node.post(PartsTaken(entry.seq, fate.parts))


def no_part_is_missing(node: Producer, entry: Entry) -> None:
    """A task that streams has not succeeded before all of its parts are there."""
    if entry.state != SUCCEEDED or not entry.spec.streams or entry.seq % EVERY:
        return
    headway = entry.headway
    if node.archive is not None and (headway is None or headway.taken == ALL_PARTS):
        return  # an earlier process had the first ones, or all
    received = headway.received if headway is not None else 0
    if not received and entry.seq in node.left:
        return  # of one that ran for an earlier process all that is new may be its progress
    require(no_part_is_missing, received == PARTS, node, (entry, received))
