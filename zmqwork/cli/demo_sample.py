"""Some of the demo's files counted here, in one process: for comparison and as a check."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from zmqwork.cli.demo_task import Counts, count_file

# Enough for a speed that means something, and no wait worth speaking of.
_SECONDS = 1.0
_COUNT_MAX = 200


def megabytes(rate: float) -> str:
    """A speed in bytes per second, for people: the same unit here and there."""
    return f"{rate / 1e6:.1f} MB/s"


@dataclass(frozen=True, slots=True)
class Sample:
    """What a plain loop finds, and how fast.

    Attributes:
        counts: by path.
        rate: bytes per second.
    """

    counts: dict[str, Counts]
    rate: float

    @classmethod
    def take(cls, files: Sequence[Path]) -> Self:
        """Count files chosen by chance, for a second."""
        chosen = random.sample(files, min(len(files), _COUNT_MAX))
        counts: dict[str, Counts] = {}
        size = 0
        begun_at = time.perf_counter()
        for path in chosen:
            counts[str(path)] = count_file(str(path))
            size += path.stat().st_size
            if time.perf_counter() - begun_at > _SECONDS:
                break
        return cls(counts, size / (time.perf_counter() - begun_at))

    def agrees(self, results: Mapping[str, Counts]) -> bool:
        """True if the workers found the same in each of these files."""
        return all(
            path in results and {**results[path], "worker": 0} == counts
            for path, counts in self.counts.items()
        )
