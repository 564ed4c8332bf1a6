"""What people are told of peers and tasks goes to the log, at a level by its kind."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from zmqwork.core.advice import SEE_DOCTOR
from zmqwork.core.effects import Notice
from zmqwork.escaping import printable

_log = logging.getLogger("zmqwork")

_LEVELS = {
    "peer_alive": logging.INFO,
    "peer_suspect": logging.INFO,
    "peer_gone": logging.INFO,
    "peer_left": logging.INFO,
    "client_lost": logging.INFO,
    "resumed": logging.DEBUG,
    "attempt_failed": logging.INFO,
    "leaving": logging.INFO,
    "serving": logging.INFO,
    "complete": logging.INFO,
    "store_failed": logging.ERROR,
    "journal_failed": logging.CRITICAL,
}


# What a notice knows, and what log records call it. (Theirs are ``name`` and others already.)
_EXTRAS = {
    "task_id": "task_id",
    "task": "task",
    "queue": "queue",
    "attempt": "attempt",
    "node_id": "peer",
    "name": "peer_name",
    "role": "peer_role",
}


def log_notice(notice: Notice, node_id: str) -> None:
    """Log a notice; what is not listed above wants a person's attention.

    Args:
        notice: what is to be said.
        node_id: of the node whose notice it is; its tasks are called by it.
    """
    level = _LEVELS.get(notice.kind, logging.WARNING)
    _log.log(level, "%s", notice.text, extra=_extra(notice, node_id))


def with_strangers(notice: Notice, sources: Callable[[], Iterable[Mapping[str, Any]]]) -> Notice:
    """Who finds no worker hears of nodes that are there, and left alone because keys differ.

    Args:
        notice: any; another one than `no_worker` stays as it is.
        sources: describes them, as a `Discovery` does.
    """
    if notice.kind != "no_worker":
        return notice
    states = [str(source["state"]) for source in sources() if source.get("unlike")]
    if not states:
        return notice
    text = notice.text.removesuffix(f"; {SEE_DOCTOR}")
    return replace(notice, text="; ".join([text, *states, SEE_DOCTOR]))


def _extra(notice: Notice, node_id: str) -> dict[str, Any]:
    data = notice.data
    extra: dict[str, Any] = {"notice": notice.kind, "node": node_id}
    if "seq" in data:
        extra["task_id"] = f"{node_id[:8]}-{data['seq']}"
    return extra | {name: _shown(data[key]) for key, name in _EXTRAS.items() if key in data}


def _shown(value: Any) -> Any:
    # A format of the program's own may show it as it is.
    return printable(value) if isinstance(value, str) else value
