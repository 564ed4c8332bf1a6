"""What a worker says of itself, to whoever asks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from zmqwork.config import WorkerConfig
from zmqwork.core.clients import Account
from zmqwork.core.slots import Slot


def of_worker(
    config: WorkerConfig,
    state: str,
    slots: Collection[Slot],
    accounts: Collection[Account],
    round_trip: float,
    counters: Mapping[str, int],
) -> dict[str, Any]:
    """Plain values, for STATUS: `round_trip` is in seconds, ``queued`` is here and in no slot."""
    placed = sum(len(slot.given) for slot in slots)
    return {
        "node_id": config.node_id,
        "name": config.name,
        "role": "worker",
        "realm": config.realm,
        "host": config.host,
        "pid": config.pid,
        "version": config.version,
        "state": state,
        "slots": config.slots,
        "busy": sum(1 for slot in slots if slot.given),
        "queued": sum(len(account.held) for account in accounts) - placed,
        "queues": list(config.queues),
        "tasks": [name for name in config.tasks if not name.endswith("[]")],
        "allow": list(config.allow),
        **({"command": config.command} if config.command else {}),
        "producers": [
            {
                "node_id": account.client.node_id,
                "name": account.client.name,
                "held": len(account.held),
                "credit": account.limit,
                "unacked": len(account.outbox),
            }
            for account in accounts
        ],
        "round_trip": round_trip,
        "counters": dict(counters),
    }
