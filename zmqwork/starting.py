"""From an app to nodes that run: who they are, and how they are configured."""

from __future__ import annotations

import logging
import os
import secrets
import socket
from collections.abc import Callable, Mapping
from typing import Any, Literal

from zmqwork import __version__
from zmqwork.config import ProducerConfig, check_options
from zmqwork.discovery.sources import Discovery
from zmqwork.errors import ConfigError
from zmqwork.nodes.callbacks import Callbacks
from zmqwork.nodes.producer import Producer as Node
from zmqwork.producer import Producer
from zmqwork.producers import Producers
from zmqwork.transport.addresses import refuse_routable

_log = logging.getLogger("zmqwork")

_LIMITS = ("crash_limit", "max_pending", "max_pending_bytes")


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


def warn_of_exposure(discovery: Discovery) -> None:
    """A producer that speaks where others listen says so."""
    if refuse_routable(list(discovery.default_bind), insecure_lan=True):
        _log.warning(
            "INSECURE: whoever is on the network can offer itself as a worker of this app, "
            "and sees the tasks that it gets"
        )


def make_producer(
    producers: Producers,
    discover: Callable[[], Discovery],
    *,
    realm: str,
    name: str | None,
    on_full: Literal["block", "raise"],
    limits: Mapping[str, Any],
) -> Producer:
    """A producer that is not started, for `App.producer`."""
    check_options("a producer", limits, _LIMITS)
    if on_full not in ("block", "raise"):
        raise ConfigError(f"on_full must be 'block' or 'raise', not {on_full!r}")
    config = ProducerConfig(**identity(realm, name), **limits)
    callbacks = Callbacks()

    def make_node(producer: Producer) -> Node:
        discovery = discover()
        warn_of_exposure(discovery)
        return Node(
            config,
            discovery=discovery,
            settle=producer.settle,
            mark_running=producer.mark_running,
            on_full=on_full,
            callbacks=callbacks,
        )

    return Producer(
        make_node, config.node_id, callbacks, enter=producers.enter, leave=producers.leave
    )
