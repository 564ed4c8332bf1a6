"""Producers that were lost before they said END: what a sink says of them that waits for it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from zmqwork.nodes.store import is_node_id

_log = logging.getLogger("zmqwork")

# Seconds. One that was taken for lost may be heard again, as when a cable is back; and what its
# workers have done is still on its way.
PATIENCE = 10.0


class Unended:
    """Watches the producers of a sink, by what the sink's status says of them.

    One is given up when it was gone, and nothing came of it, for `PATIENCE`.
    """

    def __init__(self) -> None:
        # Of those that are gone: what was here of each last, and since when. Bound: the producers
        # of a status, like `_told`.
        self._gone: dict[str, tuple[int, float]] = {}
        self._told: set[str] = set()

    def look(self, producers: Sequence[Mapping[str, Any]], now: float) -> bool:
        """Say of each that was given up how it is gone on with, once.

        Args:
            producers: as in a sink's status.
            now: of a monotonic clock.

        Returns:
            Whether all that have not said END were given up, and none of them can be gone on with,
            for that needs the name of a run. False if there is none.
        """
        gone = {p["producer_id"]: p for p in producers if not (p["connected"] or p["ended"])}
        self._gone = {key: self._last(producer, now) for key, producer in gone.items()}
        lost = [p for key, p in gone.items() if now - self._gone[key][1] >= PATIENCE]
        for producer in lost:
            if producer["producer_id"] not in self._told:
                _log.warning("%s", _text(producer))
        self._told = {producer["producer_id"] for producer in lost}
        awaited = sum(not producer["ended"] for producer in producers)
        return bool(lost) and len(lost) == awaited and all(map(is_node_id, self._told))

    def _last(self, producer: Mapping[str, Any], now: float) -> tuple[int, float]:
        came = producer["stored"] + producer["queued"]
        before = self._gone.get(producer["producer_id"])
        return before if before is not None and before[0] == came else (came, now)


def _text(producer: Mapping[str, Any]) -> str:
    run, name, stored = producer["producer_id"], producer["name"], producer["stored"]
    if is_node_id(run):
        return (
            f"incomplete: {name} was lost without saying how many results there are: {stored} are "
            "stored. It was no run that can be gone on with"
        )
    return (
        f"incomplete: run {run} of {name} was lost without saying how many results there are: "
        f"{stored} are stored. To go on start it again with --resume (if it read from a pipe, with "
        f"--run {run} --resume); Ctrl-C ends this sink"
    )
