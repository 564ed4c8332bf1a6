"""From an app to nodes that run: who they are, and how they are configured."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zmqwork import __version__
from zmqwork.config import ProducerConfig, check_options
from zmqwork.discovery.sources import Discovery
from zmqwork.errors import ConfigError
from zmqwork.hooks import Hearing, Hooks
from zmqwork.nodes.callbacks import Callbacks
from zmqwork.nodes.producer import Producer as Node
from zmqwork.nodes.recorder import Recorder
from zmqwork.producer import Producer
from zmqwork.producers import Producers
from zmqwork.producing import ProducerOptions
from zmqwork.settling import add_parts, mark_progress

if TYPE_CHECKING:
    from zmqwork.core.records import Legacy
    from zmqwork.journal.folder import Folder

_LIMITS = (
    "crash_limit",
    "letters_bytes",
    "letters_max",
    "max_pending",
    "max_pending_bytes",
    "priority_aging",
    "result_ttl",
    "results_bytes",
    "results_max",
)


def identity(realm: str, name: str | None) -> dict[str, Any]:
    """The fields of `config.NodeConfig` for a new node of this process."""
    host = socket.gethostname()
    return {
        "node_id": secrets.token_hex(16),
        "name": f"{host}-{os.getpid()}" if name is None else name,
        "realm": realm,
        "host": host,
        "pid": os.getpid(),
        "version": __version__,
    }


def make_producer(
    producers: Producers,
    discover: Callable[[], Discovery],
    *,
    realm: str,
    options: ProducerOptions,
    hooks: Hooks | None = None,
) -> Producer:
    """A producer that is not started, for `App.producer`."""
    check_options("a producer", options, ProducerOptions.__annotations__)
    on_full = options.get("on_full", "block")
    if on_full not in ("block", "raise"):
        raise ConfigError(f"on_full must be 'block' or 'raise', not {on_full!r}")
    limits: dict[str, Any] = {n: value for n, value in options.items() if n in _LIMITS}
    if "priority_aging" in limits:
        limits["priority_aging"] = limits["priority_aging"] or 0
    config = ProducerConfig(**identity(realm, options.get("name")), **limits)
    callbacks = Callbacks()
    hearing = None if hooks is None else Hearing(hooks, callbacks)

    def make_node(producer: Producer, recorder: Recorder | None = None) -> Node:
        discovery = discover()
        with contextlib.ExitStack() as undo:
            undo.callback(discovery.close)
            legacy = None
            if recorder is not None:
                legacy = recorder.open()
                undo.callback(recorder.close)
            node = make(producer, discovery, recorder, legacy)
            undo.pop_all()
        return node

    def make(
        producer: Producer,
        discovery: Discovery,
        recorder: Recorder | None,
        legacy: Legacy | None,
    ) -> Node:
        own = config if legacy is None else replace(config, node_id=legacy.producer_id)
        node = Node(
            own,
            discovery=discovery,
            settle=producer.settle,
            mark_running=producer.mark_running,
            mark_progress=mark_progress,
            add_parts=add_parts,
            on_full=on_full,
            callbacks=callbacks,
            recorder=recorder,
            legacy=legacy,
            telling=None if hearing is None else hearing.telling(own.node_id),
            make_owner=lambda task: producer.future_of(task.seq),
            owner_of=producer.future_of,
        )
        if hearing is not None:
            hearing.attach(node)
        return node

    return Producer(
        make_node,
        config.node_id,
        callbacks,
        enter=producers.enter,
        leave=producers.leave,
        open_folder=_folder_opener(realm, options),
        hearing=hearing,
    )


def _folder_opener(realm: str, options: ProducerOptions) -> Callable[[], Folder] | None:
    where = options.get("journal")
    if where is None:
        return None
    volatile = options.get("allow_volatile_journal", False)

    def open_folder() -> Folder:
        from zmqwork.journal.folder import Folder  # noqa: PLC0415 - loads SQLite

        return Folder(where, realm, allow_volatile=volatile)

    return open_folder
