"""ipyparallel: a controller and an engine for each slot, all on this host.

One slot: a direct view of the one engine (no scheduler that chooses). Two slots: a load-balanced
view with its high-water mark of 1. Arguments are not tracked. Bulk: `DirectView.map_sync`, which
sends each engine its part of the list in one message.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ipyparallel

from benchmarks.peers.chores import CHORES
from benchmarks.peers.driver import RESULT_TIMEOUT, OneByOne
from benchmarks.work import noop


class Client(OneByOne):
    def __init__(self, client: Any, slots: int) -> None:
        self.direct = client[:]
        self.view = client[0] if slots == 1 else client.load_balanced_view()
        self.view.track = False

    def submit(self, task: str, argument: Any) -> Any:
        return self.view.apply_async(CHORES[task], argument)

    def result(self, handle: Any) -> Any:
        return handle.get(RESULT_TIMEOUT)

    def bulk(self, numbers: range) -> Iterable[Any]:
        results: Iterable[Any] = self.direct.map_sync(noop, numbers)
        return results


@contextmanager
def connected(place: Path, slots: int) -> Iterator[Client]:
    cluster = ipyparallel.Cluster(
        n=slots, log_level=logging.ERROR, profile_dir=str(place / "profile"), cluster_id=""
    )
    with cluster as client:
        client.wait_for_engines(slots, timeout=RESULT_TIMEOUT, interactive=False)
        yield Client(client, slots)
