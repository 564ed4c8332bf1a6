"""A benchmark's progress on a terminal, with rich."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text


class Bar:
    """A bar at the bottom of standard error; what is told scrolls above it."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self.can_draw = console.is_terminal and not console.is_dumb_terminal
        self._progress = Progress(
            BarColumn(bar_width=24),
            TextColumn("{task.description}", markup=False),
            console=console,
            transient=True,
        )
        self._task = self._progress.add_task("", total=1.0)

    def begin(self) -> None:
        """Draw it from now on."""
        self._progress.start()

    def show(self, text: str, done: float) -> None:
        """So far it is: from 0 to 1."""
        self._progress.update(self._task, completed=done, description=text)

    def say(self, text: str) -> None:
        """Tell one thing that happened."""
        # Text, not markup: a host's name may hold square brackets.
        self._progress.console.print(Text(text), soft_wrap=True)

    def end(self) -> None:
        """Take it away."""
        self._progress.stop()
