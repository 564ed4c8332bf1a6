"""The sinks that take the results of a run, and what they say at its end."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any, NamedTuple

from zmqwork.nodes.producer import Producer

# A sink has so long to say at the end what it has.
END_PATIENCE = 10.0
# After that it is looked so long for the next sink of an inbox whose sink has left.
_RETURN_PATIENCE = 1.0
# Where nothing was to be done a sink is looked for this long, to be told so.
_MEET_PATIENCE = 2.0
# How often it is looked whether sinks were found; a person's pace.
_LOOK_INTERVAL = 0.1


class Takers(NamedTuple):
    """The sinks that take the results of a run.

    Attributes:
        sink, inboxes: as `ventilate` has them.
    """

    sink: str | None
    inboxes: tuple[str, ...]

    def ids(self, node: Producer, *, must_meet: bool) -> list[str]:
        """The outlets of those that are there; `must_meet`: one is waited for, for a moment."""
        if self.sink is None and not self.inboxes:
            return []
        give_up_at = time.monotonic() + (_MEET_PATIENCE if must_meet else 0.0)
        while True:
            there = [outlet for outlet in node.outlets() if outlet["usable"]]
            ids = [o["inbox"] or o["node_id"] for o in there if self._take(o)]
            if ids or time.monotonic() >= give_up_at:
                return ids
            time.sleep(_LOOK_INTERVAL)

    def _take(self, outlet: dict[str, Any]) -> bool:
        if self.inboxes:
            return outlet["inbox"] in self.inboxes
        return self.sink in outlet["sinks"]


def ended(node: Producer, takers: Collection[str]) -> list[dict[str, Any]]:
    """Tell the sinks that no more comes, also those that got nothing: what the others have."""
    report = [sink for sink in node.end(END_PATIENCE, takers) if sink["count"]]
    silent = {sink["inbox"] for sink in report if sink["taken"] is None} - {""}
    give_up_at = time.monotonic() + _RETURN_PATIENCE
    while silent and time.monotonic() < give_up_at:
        # Its sink left, as told to; or else it failed, and the next one, from which the workers had
        # their acks, is about to be found: it may wait for this end.
        if any(outlet["usable"] and outlet["inbox"] in silent for outlet in node.outlets()):
            return node.end(END_PATIENCE)
        time.sleep(_LOOK_INTERVAL)
    return report
