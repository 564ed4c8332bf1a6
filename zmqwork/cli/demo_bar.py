"""The demo's progress on a terminal, with rich."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text


class Bar:
    """A bar at the bottom; what is told scrolls above it."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("       "), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        )
        self._task: TaskID | None = None

    def say(self, text: str) -> None:
        """Tell one thing that happened."""
        # Text, not markup: a path may hold square brackets.
        self._progress.console.print(Text(f"       {text}"))

    def begin(self, total: int) -> None:
        """The work begins, of so many tasks."""
        self._task = self._progress.add_task("", total=total)

    def advance(self, settled: int) -> None:
        """So many tasks are settled."""
        if self._task is not None:
            self._progress.update(self._task, completed=settled)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()
