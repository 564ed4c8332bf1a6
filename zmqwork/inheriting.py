"""What a task that is submitted inside of another one has of it."""

from __future__ import annotations

from dataclasses import replace

from zmqwork.core.ledger import TaskSpec
from zmqwork.execution.context import running
from zmqwork.transport import clock


def inherited(spec: TaskSpec) -> TaskSpec:
    """A task that is submitted inside of another one is worthless when that one is."""
    item = running.get()
    if item is None or item.deadline_at is None:
        return spec
    left = max(0.0, item.deadline_at - clock.now())
    expires = spec.options.expires
    if expires is not None and expires <= left:
        return spec
    return replace(spec, options=replace(spec.options, expires=left))
