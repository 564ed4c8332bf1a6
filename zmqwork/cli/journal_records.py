"""What is in a journal, for people and for other programs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from zmqwork.cli.output import counted, jsonable
from zmqwork.core.ledger import TaskSpec
from zmqwork.core.records import Batch
from zmqwork.errors import DecodeError
from zmqwork.journal.state import State
from zmqwork.options import TaskOptions
from zmqwork.wire.values import decode_call


def described(part: Batch) -> str:
    """One record, in a few words."""
    for filed in part.filed:
        return f"{counted(len(filed.seqs), 'task')} {filed.spec.name}: {_span(filed.seqs)}"
    for trial in part.trials:
        said = f"{trial.failures} failed, {trial.crashes} crashed, {trial.losses} lost"
        return f"task {trial.seq}: {said}; again after {trial.delay:g} s"
    for letter in part.letters:
        return f"task {letter.seq} {letter.state}: {_error(letter.error)}"
    for state, seqs in part.settled.items():
        return f"{counted(len(seqs), 'task')} {state}: {_span(seqs)}"
    if part.workers is not None:
        return f"{counted(len(part.workers), 'worker')} may hold some"
    return f"{counted(len(part.removed), 'dead letter')} removed: {_span(part.removed)}"


def _span(seqs: list[int]) -> str:
    return str(seqs[0]) if len(seqs) == 1 else f"{min(seqs)} to {max(seqs)}"


def _error(error: Mapping[str, Any]) -> str:
    return ": ".join(str(error[key]) for key in ("type", "text") if error.get(key))


def exported(meta: Mapping[str, Any], state: State) -> Iterator[dict[str, Any]]:
    """The tasks and dead letters, an object for JSON each."""
    for seq in sorted(state.tasks):
        spec, args, sink_seq, at = state.tasks[seq]
        line = {
            "task_id": f"{meta.get('producer_id')}-{seq}",
            "task": spec.name,
            "state": "unsettled",
            "submitted_at": dt.datetime.fromtimestamp(at, dt.UTC).isoformat(),
            **call_of(args),
            "options": _options(spec),
        }
        if sink_seq:
            line |= {"inbox": spec.inbox, "sink_seq": sink_seq}
        if seq in state.trials:
            trial = state.trials[seq][1]
            line |= {"failures": trial.failures, "crashes": trial.crashes, "losses": trial.losses}
        if seq in state.letters:
            letter = state.letters[seq]
            line |= {"state": letter.state, "error": letter.error}
        yield line


def call_of(args: bytes) -> dict[str, Any]:
    """The arguments of a call, for JSON; as they are if they cannot be read here."""
    try:
        positional, named = decode_call(args)
    except DecodeError:
        return {"encoded": args.hex()}
    return {"args": jsonable(positional), "kwargs": jsonable(named)}


def _options(spec: TaskSpec) -> dict[str, Any]:
    options = spec.options
    return {
        option.name: getattr(options, option.name)
        for option in fields(TaskOptions)
        if getattr(options, option.name) != option.default
    }
