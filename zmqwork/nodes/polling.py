"""Discovery on the loop's thread: look, tell the machine, look again later."""

from __future__ import annotations

from zmqwork.discovery.sources import Discovery
from zmqwork.nodes.auditing import Auditing
from zmqwork.security.kinds import DISCOVERY_BAD_ENDPOINT
from zmqwork.transport.loop import Loop

# A worker looks whether it can still be found, and for sinks, whose whereabouts its tasks bring.
WORKER_INTERVAL = 1.0


def poll_forever(
    loop: Loop,
    discovery: Discovery,
    interval: float | None = None,
    auditing: Auditing | None = None,
) -> None:
    """Start to look for peers; call it once, on the loop's thread.

    Without an `interval` (seconds), discovery says how soon to look again. What it finds where
    nobody may be is noted by `auditing`.
    """

    def look() -> None:
        for event in discovery.poll(loop.clock()):
            loop.post(event)
        for text in discovery.take_misplaced():
            if auditing is not None:
                auditing.tell(DISCOVERY_BAD_ENDPOINT, reason=text)
        loop.call_later(discovery.interval if interval is None else interval, look)

    look()
