"""What of one seed is about sinks: who is there, and what will happen to them."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from zmqwork.testing.scenario import Draft, World

# How many sinks without an inbox, and how many inboxes.
_CASTS = ((1, 0), (2, 0), (3, 0), (0, 1), (0, 2), (1, 1), (2, 2))

# What may happen to a sink just when something is on its way to it.
_LOSSES = ("crashes", "stops", "drains")


def draw(random: Random) -> World:
    """What of this there is in a run."""
    world = {
        "is_on": random.random() < 0.55,
        "stores_fail": random.random() < 0.4,
        "finding": random.choice((0.0, 0.0, 0.5, 1.0)),  # workers that find sinks
        "share": random.choice((0.5, 0.9)),  # of work that goes to them
        "losses": [loss for loss in _LOSSES if random.random() < 0.7],
        "runs": random.choice((1, 1, 2)) if random.random() < 0.6 else 0,
    }
    world["plain"], inboxes = random.choice(_CASTS)
    world["inboxes"] = [f"inbox-{index}" for index in range(inboxes)]
    return world


def write(world: World, draft: Draft, random: Random, faults: Sequence[str]) -> None:
    """Note who is there, most of them at once, and what happens to them."""
    if not world["is_on"]:
        return
    for inbox in ("",) * world["plain"] + tuple(world["inboxes"]):
        (draft.now if random.random() < 0.8 else draft.once)("sink", inbox)
    if world["inboxes"]:
        for index in range(world["runs"]):
            draft.now("run", f"run-{index}")
    for loss in world["losses"]:
        if loss in faults:
            draft.some(1, 4, f"sink: {loss}")
    if world["stores_fail"]:
        draft.some(1, 5, "sink: its store stops")
    if "discovery" in faults:
        draft.once("a worker's endpoint is typed")
    if "partitions" in faults:
        draft.some(1, 8, "sink: cut off")
