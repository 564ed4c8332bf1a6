"""What whoever looks after a worker asks of it, or tells it, beside that it shall leave."""

from __future__ import annotations

from zmqwork.core.record import record


@record
class WorkerPauseRequested:
    """Take nothing new, and give back what has not begun, until `WorkerResumeRequested`."""


@record
class WorkerResumeRequested:
    """Go on after `WorkerPauseRequested`."""


@record
class StacksRequested:
    """Somebody wants to know what all slots are doing: `effects.ShowStacks` follows."""


@record
class UnfitDeclared:
    """This worker cannot do its work, as whoever looks after it has found: let it leave."""

    why: str
