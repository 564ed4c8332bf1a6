"""What workers and sinks say of themselves, to whoever asks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from zmqwork.config import NodeConfig, SinkConfig, WorkerConfig
from zmqwork.core.carriers import Carrier
from zmqwork.core.clients import Account
from zmqwork.core.collected import Collected
from zmqwork.core.slots import Slot

# Producers that a sink names: a STATUS is one frame. Those that it waits for go before the others,
# and of these those that are there; else those that it met last.
PRODUCERS_MAX = 256

# Outboxes that a worker names.
OUTBOXES_MAX = 256


def of_worker(
    config: WorkerConfig,
    state: str,
    cause: tuple[str, str],
    slots: Collection[Slot],
    accounts: Collection[Account],
    round_trip: float,
    outboxes: list[dict[str, Any]],
    counters: Mapping[str, int],
) -> dict[str, Any]:
    """Plain values, for STATUS: `round_trip` is in seconds, ``queued`` is here and in no slot.

    `cause`: why it leaves by itself, and if it is unfit, why.

    `outboxes` says what is on its way to each sink, and ``finished`` for whom.
    """
    placed = sum(len(slot.given) for slot in slots)
    return {
        **_of_node(config, "worker", state),
        "slots": config.slots,
        "busy": sum(1 for slot in slots if slot.given),
        "queued": sum(len(account.held) for account in accounts) - placed,
        "queues": list(config.queues),
        **_of_queues(config),
        "tasks": [name for name in config.tasks if not name.endswith("[]")],
        "allow": list(config.allow),
        **({"cause": cause[0]} if cause[0] else {}),
        **({"unfit": cause[1]} if cause[1] else {}),
        **({"command": config.command} if config.command else {}),
        "producers": [
            {
                "node_id": account.client.node_id,
                "name": account.client.name,
                "held": len(account.held),
                "credit": account.limit,
                "unacked": len(account.outbox),
                "finished": account.finished,
            }
            for account in accounts
        ],
        "outboxes": outboxes[:OUTBOXES_MAX],
        "round_trip": round_trip,
        "counters": dict(counters),
    }


def _of_queues(config: WorkerConfig) -> dict[str, Any]:
    """What was said of queues beside their names."""
    said = {
        "weights": list(config.weights),
        "strict": config.strict,
        "exclude_queues": list(config.exclude_queues),
    }
    return {key: value for key, value in said.items() if value}


def of_slot(slot: Slot, now: float) -> str:
    """What a busy slot runs, for people."""
    held = slot.given[0]
    task_id = f"{held.producer_id[:8]}-{held.seq}"
    more = f", {len(slot.given) - 1} more behind it" if len(slot.given) > 1 else ""
    since = f" for {now - slot.head_at:.1f} s" if slot.head is held else ""
    unwanted = ", whose result nobody wants any more" if held.dropped else ""
    return f"task {held.name!r}, {task_id}, attempt {held.attempt}{since}{unwanted}{more}"


def of_sink(
    config: SinkConfig,
    state: str,
    queued: tuple[int, int],
    producers: Collection[Collected],
    carriers: Iterable[Carrier],
    counters: Mapping[str, int],
) -> dict[str, Any]:
    """Plain values, for STATUS: `queued` is what is here and not stored: results, and bytes."""
    return {
        **_of_node(config, "sink", state),
        "sinks": list(config.sinks),
        "inbox": config.inbox,
        "queued": queued[0],
        "queued_bytes": queued[1],
        "stored": counters["stored"],
        "duplicates": counters["duplicates"],
        "producers": [_of_producer(c) for c in sorted(producers, key=_weight)[-PRODUCERS_MAX:]],
        "workers": [
            {
                "node_id": carrier.client.node_id,
                "name": carrier.client.name,
                "unacked": carrier.unacked_count,
                "credit": (carrier.granted or (0, 0))[0],
            }
            for carrier in list(carriers)[-PRODUCERS_MAX:]
        ],
        "counters": dict(counters),
    }


def _weight(collected: Collected) -> tuple[bool, bool]:
    return collected.end is None, collected.sessions > 0


def _of_producer(collected: Collected) -> dict[str, Any]:
    end = collected.end
    return {
        "producer_id": collected.producer_id,
        "name": collected.name,
        "connected": collected.sessions > 0,
        "stored": collected.stored,
        "queued": len(collected.held),
        "ended": end is not None,
        "count": 0 if end is None else end.given,
        "lacking": 0 if end is None else collected.lacking(end),
    }


def _of_node(config: NodeConfig, role: str, state: str) -> dict[str, Any]:
    return {
        "node_id": config.node_id,
        "name": config.name,
        "role": role,
        "realm": config.realm,
        "host": config.host,
        "pid": config.pid,
        "version": config.version,
        "insecure": config.insecure,
        "state": state,
    }
