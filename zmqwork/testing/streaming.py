"""Tasks that stream, in the simulator: what their handlers say."""

from __future__ import annotations

from zmqwork.core.clients import Held
from zmqwork.core.events import Event
from zmqwork.core.ledger import TaskSpec
from zmqwork.core.progress import Advanced, Yielded
from zmqwork.options import TaskOptions
from zmqwork.testing.truth import Violation

# Every task yields so many parts; so many of them when it begins, the others when it succeeds.
PARTS = 5
_EARLY = 3

# One in so many tasks streams.
EVERY = 4


def spec_of(name: str, fingerprint: str, options: TaskOptions, inbox: str) -> TaskSpec:
    """The kind of a task, which streams unless its result goes to a sink."""
    streams = not (inbox or options.goes_to_sink)
    return TaskSpec(name, fingerprint, options, inbox=inbox, streams=streams)


def begun(held: Held) -> list[Event]:
    """What a handler says when it begins; each other one saves a checkpoint."""
    if not _streams(held):
        return []
    first = held.options.get("part", 0)
    events = _yield(held, first, _EARLY)
    if held.seq % (2 * EVERY) == 0:
        part = max(first, _EARLY)
        events.append(Advanced(held, {"fraction": 0.5, "checkpoint": b"%d" % part, "part": part}))
    return events


def ended(held: Held) -> list[Event]:
    """What it says before it succeeds."""
    return _yield(held, max(held.options.get("part", 0), _EARLY), PARTS) if _streams(held) else []


def _streams(held: Held) -> bool:
    return held.seq % EVERY == 0 and "stream" in held.options


def _yield(held: Held, first: int, end: int) -> list[Event]:
    values = [b"%d" % number for number in range(first, end)]
    return [Yielded(held, first, values)] if values else []


def a_checkpoint_counts_its_parts(held: Held) -> None:
    """What an attempt begins from was said so."""
    options = held.options
    if "checkpoint" in options and not int(options["checkpoint"]) == options["part"] == _EARLY:
        raise Violation(a_checkpoint_counts_its_parts.__name__, f"{held} has {options}")
