"""What the demo shows while it runs: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Protocol, Self

from zmqwork.cli.output import Output


class Story(Protocol):
    """Something that tells what happens, and how far the tasks are."""

    def say(self, text: str) -> None:
        """Tell one thing that happened."""

    def begin(self, total: int) -> None:
        """The work begins, of so many tasks."""

    def advance(self, settled: int) -> None:
        """So many tasks are settled."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class Lines:
    """Plain lines: each tenth of the work, and what happens between. Silent but for people."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._total = 0
        self._tenths = 0

    def say(self, text: str) -> None:
        """Tell one thing that happened."""
        self._output.line(f"       {text}")

    def begin(self, total: int) -> None:
        """The work begins, of so many tasks."""
        self._total = total

    def advance(self, settled: int) -> None:
        """So many tasks are settled."""
        tenths = 10 * settled // self._total
        if tenths > self._tenths:
            self._tenths = tenths
            self._output.line(f"{10 * tenths:>4} %  {settled} of {self._total} tasks")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass


def story(output: Output) -> Story:
    """The best that there is for this output."""
    if output.for_people and sys.stdout.isatty():
        try:
            from zmqwork.cli.demo_bar import Bar  # noqa: PLC0415 - needs rich, which is optional
        except ImportError:
            pass
        else:
            return Bar()
    return Lines(output)
