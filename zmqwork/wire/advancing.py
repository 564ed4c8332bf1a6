"""What running attempts say, as fields of messages: PROGRESS, PARTS and PARTS_ACK."""

from __future__ import annotations

from typing import Any

from zmqwork.core.progress import (
    ALL_PARTS,
    CHECKPOINT_BYTES_MAX,
    NOTE_BYTES_MAX,
    PARTS_MAX,
    PROGRESS_MAX,
    Parts,
    PartsAck,
    Progress,
)
from zmqwork.errors import DecodeError
from zmqwork.wire import fields
from zmqwork.wire.payloads import Incoming, Outgoing

# Keys of what is said of an attempt.
_KEYS_MAX = 256


def progress(m: Progress, _: Outgoing) -> list[Any]:
    """The fields of PROGRESS."""
    return [m.seqs, m.attempts, m.said]


def parts(m: Parts, out: Outgoing) -> list[Any]:
    """The fields of PARTS."""
    return [m.seq, m.first, out.place(m.values)]


def parts_ack(m: PartsAck, _: Outgoing) -> list[Any]:
    """The fields of PARTS_ACK."""
    return [m.seq, m.count]


def read_progress(f: list[Any], _: Incoming) -> Progress:
    """PROGRESS."""
    seqs = fields.numbers(f[2], "PROGRESS' tasks", PROGRESS_MAX)
    attempts = fields.numbers(f[3], "PROGRESS' attempts", PROGRESS_MAX)
    said = fields.array_of(f[4], "what PROGRESS says", PROGRESS_MAX)
    fields.same_length(seqs, attempts, "tasks and attempts of PROGRESS")
    fields.same_length(seqs, said, "tasks of PROGRESS and what it says")
    return Progress(seqs, attempts, [_read_said(item) for item in said])


def _read_said(value: Any) -> dict[str, Any]:
    said = fields.map_of(value, "what PROGRESS says", _KEYS_MAX)
    known: dict[str, Any] = {}
    if "fraction" in said:
        known["fraction"] = fields.seconds(said["fraction"], "a fraction", 0.0, 1.0)
    if "note" in said:
        known["note"] = fields.text(said["note"], "a note", NOTE_BYTES_MAX)
    if "checkpoint" in said:
        known["checkpoint"] = read_checkpoint(said["checkpoint"])
        known["part"] = read_part(said.get("part", 0))
    return known


def read_checkpoint(value: Any) -> bytes:
    """A checkpoint."""
    if type(value) is not bytes or len(value) > CHECKPOINT_BYTES_MAX:
        raise DecodeError(f"a checkpoint is not bytes, {CHECKPOINT_BYTES_MAX} at most")
    return value


def read_part(value: Any) -> int:
    """How many parts were yielded when a checkpoint was saved."""
    return fields.number(value, "a checkpoint's parts", ALL_PARTS - PARTS_MAX)


def read_parts(f: list[Any], incoming: Incoming) -> Parts:
    """PARTS."""
    seq = fields.number(f[2], "PARTS' task")
    first = fields.number(f[3], "PARTS' first", ALL_PARTS)
    return Parts(seq, first, incoming.fetch(f[4], "PARTS' values", PARTS_MAX))


def read_parts_ack(f: list[Any], _: Incoming) -> PartsAck:
    """PARTS_ACK."""
    seq = fields.number(f[2], "PARTS_ACK's task")
    return PartsAck(seq, fields.number(f[3], "PARTS_ACK's count"))
