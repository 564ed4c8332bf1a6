"""The files that a benchmark writes: known to be writable before anything is measured."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from zmqwork.bench.plot import check_plot, draw
from zmqwork.bench.report import Report
from zmqwork.cli.output import OutputFailed


class BenchFiles:
    """Those of ``--json``, ``--csv`` and ``--plot``.

    Raises:
        ConfigError: a picture cannot be drawn.
        OutputFailed: a file cannot be written.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        self._json: Path | None = args.json
        self._csv: Path | None = args.csv
        self._plot: Path | None = args.plot
        if self._plot is not None:
            check_plot(self._plot)
        for path in (self._json, self._csv, self._plot):
            if path is not None:
                _refuse_unwritable(path)

    def write(self, report: Report) -> list[Path]:
        """Write all of them, each at once or not at all; which they are.

        Raises:
            OutputFailed: one cannot be written.
        """
        written = []
        if self._json is not None:
            text = json.dumps(report.plain(), indent=1) + "\n"
            written.append(_replace(self._json, lambda place: _write(place, text)))
        if self._csv is not None:
            rows = report.csv()
            written.append(_replace(self._csv, lambda place: _write(place, rows)))
        if self._plot is not None:
            written.append(_replace(self._plot, lambda place: draw(report, place)))
        return written


def _refuse_unwritable(path: Path) -> None:
    folder = path.absolute().parent
    if path.is_dir():
        raise OutputFailed(f"{path} is a directory")
    if not folder.is_dir():
        raise OutputFailed(f"{path} cannot be written: there is no directory {folder}")
    if not os.access(folder, os.W_OK):
        raise OutputFailed(f"{path} cannot be written: {folder} does not let you")


def _write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")


def _replace(path: Path, write: Callable[[Path], None]) -> Path:
    """What is there is kept until all is written: a full disk costs no old result."""
    try:
        with tempfile.TemporaryDirectory(prefix=".zmqwork-", dir=path.absolute().parent) as folder:
            place = Path(folder, path.name)
            write(place)
            place.replace(path)
    except OSError as error:
        raise OutputFailed(f"{path} cannot be written: {error.strerror or error}") from error
    return path
