"""Why a task, or anything at all, does not run: a producer's answer, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zmqwork.config import ProducerConfig
from zmqwork.errors import JournalBroken, UsageError, ZmqworkError
from zmqwork.escaping import printable

if TYPE_CHECKING:
    from zmqwork.nodes.producer import Producer


def why_not(
    config: ProducerConfig, status: dict[str, Any], seq: int | None, about: dict[str, Any] | None
) -> str:
    """What was looked for where, and what to try.

    Args:
        config: whose answer it is.
        status: its status; empty: it has stopped.
        seq: the task that is asked about, if it is one.
        about: what is known of it, as `core.explain.task` has it.
    """
    lines = []
    if about is not None:
        lines.append(printable(f"task {config.node_id[:8]}-{seq}: {about['text']}"))
    if not status:
        return "\n".join(lines) or "the producer has stopped"
    lines += [
        f"  looked in  {source['source']}: {source['state']}"
        + (f", {source['where']}" if source["where"] else "")
        + f", found {source['found']}"
        for source in status["sources"]
    ]
    peers = ", ".join(f"{count} {state}" for state, count in status["peers"].items())
    lines.append(f"  workers    {len(status['workers'])} connected; peers: {peers or 'none'}")
    lines += [
        printable(f"  no session {refusal['peer']}: {refusal['why']}")
        for refusal in status["refusals"]
    ]
    if status["sinks"]:
        sinks = ", ".join(
            f"{sink['name'] or sink['inbox']} {sink['state']}" for sink in status["sinks"]
        )
        lines.append(printable(f"  sinks      {sinks}"))
    if not status["workers"]:
        lines.append(
            f"  try        start one on this machine: zmqwork worker MODULE:APP "
            f"(realm {config.realm!r}); or name one with --peer or ZMQWORK_PEERS"
        )
    return "\n".join(lines)


def why_gone(node: Producer) -> ZmqworkError | None:
    """What is raised when it is gone by itself, as nothing is settled any more."""
    if not node.has_left:
        return None
    if node.journal_failed:
        return JournalBroken(node.journal_failed)
    return UsageError(f"the I/O thread of {node!r} failed; the log says why")
