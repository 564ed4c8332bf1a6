"""zmqwork with its default pool, for one slot as well: a crash of a task costs a child process.

Otherwise as `zmqwork`: what the isolation costs is the difference between the two.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from benchmarks.peers.drivers import zmqwork


def connected(place: Path, slots: int) -> AbstractContextManager[zmqwork.Client]:
    return zmqwork.connected(place, slots, pool="process")
