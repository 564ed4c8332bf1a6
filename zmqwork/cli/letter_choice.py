"""Which dead letters are meant, and what is told of one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Choice:
    """Which are meant: those that meet all conditions.

    Attributes:
        tasks: numbers by the beginning of their producer's id; empty: of all producers all.
        task: the name of their task; None: any.
        older_than, newer_than: seconds since they died; None: any.
    """

    tasks: dict[str, list[int]] = field(default_factory=dict)
    task: str | None = None
    older_than: float | None = None
    newer_than: float | None = None

    def conditions(self) -> dict[str, Any]:
        """Those that are set, beside the numbers."""
        told = {name: getattr(self, name) for name in ("task", "older_than", "newer_than")}
        return {name: value for name, value in told.items() if value is not None}

    def means(self, task: str, age: float) -> bool:
        """Whether one meets the conditions beside the numbers."""
        return (
            self.task in (None, task)
            and (self.older_than is None or age > self.older_than)
            and (self.newer_than is None or age < self.newer_than)
        )


@dataclass(frozen=True, slots=True)
class Found:
    """A dead letter.

    Attributes:
        id: the task's.
        row: ``task``, ``queue``, ``state``, ``attempts``, ``age``, ``type``, ``text``, and if all
            was asked for ``traceback`` and ``evidence``.
        payload: the encoded call, if all was asked for.
    """

    id: str
    row: dict[str, Any]
    payload: bytes | None = None


class Letters(Protocol):
    """Where dead letters are: at producers, or in journals."""

    def find(self, choice: Choice, *, full: bool) -> Iterator[Found]:
        """Those that are meant; `full`: with all that is known of them."""

    def revive(self, choice: Choice) -> list[str]:
        """Send them again; their ids."""

    def remove(self, choice: Choice) -> list[str]:
        """Forget them; their ids."""

    def edit(self, task_id: str, payload: bytes) -> str:
        """Send one again with other arguments; the id of the new task."""
