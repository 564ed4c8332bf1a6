"""A run's progress on a terminal, with rich: a bar on standard error."""

from __future__ import annotations

from typing import IO

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TextColumn
from rich.progress import Progress as RichProgress
from rich.text import Text

from zmqwork.cli.progress import Progress


class Bar:
    """A bar at the bottom; what is told scrolls above it.

    Args:
        stream: the terminal; None: standard error.

    Raises:
        ImportError: rich is not there.
    """

    def __init__(self, stream: IO[str] | None = None) -> None:
        console = Console(file=stream, force_terminal=True) if stream else Console(stderr=True)
        self.can_draw = console.is_terminal and not console.is_dumb_terminal
        self._progress = RichProgress(
            SpinnerColumn(finished_text=" "),
            BarColumn(bar_width=24),
            TextColumn("{task.description}", markup=False),
            console=console,
            # What is left of it when the run is over says nothing that the summary does not.
            transient=True,
        )
        self._task = self._progress.add_task("", total=None)

    def begin(self) -> None:
        """Draw it from now on."""
        self._progress.start()

    def show(self, progress: Progress) -> None:
        """So far it is."""
        self._progress.update(
            self._task,
            completed=progress.done,
            total=progress.total,
            description=progress.text(),
        )

    def say(self, text: str) -> None:
        """Tell one thing that happened."""
        # Text, not markup: a path may hold square brackets.
        self._progress.console.print(Text(text), soft_wrap=True)

    def end(self) -> None:
        """Take it away."""
        self._progress.stop()
