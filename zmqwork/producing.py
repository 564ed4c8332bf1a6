"""What can be said of an app's producers."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Literal, TypedDict

from zmqwork.whereabouts import Whereabouts


class ProducerOptions(TypedDict, total=False):
    """How a producer runs.

    Attributes:
        name: a label for people.
        journal: the directory where its tasks are recorded, so that they outlive this process; made
            if it is not there. Processes may share one. None: tasks are lost with the process.
        allow_volatile_journal: take a directory that does not outlive the machine's power, or is on
            another machine (tmpfs, NFS and their kind).
        on_full: what `submit` does when `max_pending` tasks are unsettled: it waits
            (``"block"``) or raises `PendingFull` (``"raise"``).
        max_pending, max_pending_bytes, crash_limit, letters_max, letters_bytes,
        result_ttl, results_max, results_bytes: as
            `config.ProducerConfig` has them.
        priority_aging: what waits gains a step of priority per so many seconds; None: never.
        realm: look for workers of this realm instead of the app's own.
        peers: as for `App`, in addition.
        discovery, interface: as for `App`, instead.
        insecure_lan: let mDNS look on the network without keys: whoever is there can offer
            itself as a worker, and sees the tasks that it gets.
        keys: as for `App`, instead.
    """

    name: str | None
    journal: str | os.PathLike[str] | None
    allow_volatile_journal: bool
    on_full: Literal["block", "raise"]
    max_pending: int
    max_pending_bytes: int
    crash_limit: int
    letters_max: int
    letters_bytes: int
    result_ttl: float
    results_max: int
    results_bytes: int
    priority_aging: float | None
    realm: str | None
    peers: Iterable[str]
    discovery: str | Iterable[str] | None
    interface: str | Iterable[str] | None
    insecure_lan: bool
    keys: str | os.PathLike[str] | bool | None


def whereabouts_of(options: ProducerOptions) -> Whereabouts:
    """Where a producer looks for workers. Raises `ConfigError`."""
    return Whereabouts.of(
        realm=options.get("realm"),
        peers=options.get("peers", ()),
        discovery=options.get("discovery"),
        interface=options.get("interface"),
        insecure_lan=options.get("insecure_lan", False),
        keys=options.get("keys"),
    )
