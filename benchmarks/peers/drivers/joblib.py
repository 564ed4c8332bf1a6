"""joblib by its default backend, loky: its reusable executor, whose children stay.

`submit` of that executor, since joblib has no such call of its own. Bulk: `map` by chunks of 1,024.
(`Parallel(n_jobs=1)` computes in the client's own process, and so is not compared.)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from joblib.externals.loky import get_reusable_executor

from benchmarks.peers.drivers.executor import Client


@contextmanager
def connected(place: Path, slots: int) -> Iterator[Client]:
    del place  # it needs no files
    with get_reusable_executor(max_workers=slots) as executor:
        yield Client(executor)
