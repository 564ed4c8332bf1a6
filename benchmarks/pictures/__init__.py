"""``python -m benchmarks plot``: the pictures of docs/performance.md, from files of results.

::

    shown     which files, and what is in them
    canvas    how all pictures look
    targets   ratios and their bars
    peers     zmqwork beside what users have today
    growth    costs over numbers
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.pictures import growth, peers, targets
from benchmarks.pictures.shown import Shown

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"


def draw_all(shown: Shown, out: Path) -> Iterator[Path]:
    """Write the picture of each kind that there is something of; its path. Raises OSError."""
    out.mkdir(parents=True, exist_ok=True)
    for name, records, draw in (
        ("targets", shown.targets, targets.draw),
        ("peers", shown.peers, peers.draw),
        ("growth", shown.growth, growth.draw_costs),
        ("growth-rates", shown.growth, growth.draw_rates),
    ):
        if records:
            draw(records, out / f"{name}.png")
            yield out / f"{name}.png"
