"""Which results the pictures show."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent.parent / "results"
# Names of files of that directory, a line each: what docs/performance.md shows.
LIST = RESULTS / "shown.txt"
KINDS = ("targets", "peers", "growth")


class NotShown(Exception):
    """A file cannot be shown; the text says why."""


@dataclass
class Shown:
    """The records of all files, by their kind."""

    targets: list[Mapping[str, Any]] = field(default_factory=list)
    peers: list[Mapping[str, Any]] = field(default_factory=list)
    growth: list[Mapping[str, Any]] = field(default_factory=list)


def listed() -> list[Path]:
    """The files that docs/performance.md shows."""
    lines = LIST.read_text("utf-8").splitlines()
    return [RESULTS / line.strip() for line in lines if line.strip() and not line.startswith("#")]


def read(files: Sequence[Path]) -> Shown:
    """All of them.

    Raises:
        NotShown: one cannot be read, or is no result that there is a picture of.
    """
    shown = Shown()
    for path in files:
        try:
            record = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise NotShown(f"{path}: {error}") from None
        kinds = [kind for kind in KINDS if isinstance(record, dict) and kind in record]
        if not kinds or "taken" not in record:
            raise NotShown(f"{path}: has none of {', '.join(KINDS)}, as --save writes them")
        getattr(shown, kinds[0]).append(record)
    return shown


def circumstances(records: Sequence[Mapping[str, Any]]) -> str:
    """When, on what, and beside what, in a line."""
    days = sorted({record["taken"]["at"][:10] for record in records})
    last = records[-1]["taken"]
    notes = dict.fromkeys(n for record in records if (n := record["taken"].get("note")))
    files = f"{len(records)} files, " if len(records) > 1 else ""
    machine = f"{last['processor']}, {last['cores']} processors, Python {last['python']}"
    text = f"{files}{' to '.join(dict.fromkeys((days[0], days[-1])))}; {machine}"
    return text + (f". {notes_text}" if (notes_text := " ".join(notes)) else "")
