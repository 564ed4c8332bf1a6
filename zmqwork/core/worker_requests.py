"""What whoever looks after a worker asks of it, beside that it leaves."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class WorkerPauseRequested:
    """Take nothing new, and give back what has not begun, until `WorkerResumeRequested`."""


@dataclass(slots=True)
class WorkerResumeRequested:
    """Go on after `WorkerPauseRequested`."""


@dataclass(slots=True)
class StacksRequested:
    """Somebody wants to know what all slots are doing: `effects.ShowStacks` follows."""
