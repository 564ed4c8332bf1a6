"""The observer node: finds everybody, and asks each how it is."""

from __future__ import annotations

from random import Random
from types import TracebackType
from typing import Any, Self

from zmqwork.config import NodeConfig
from zmqwork.core.effects import Answer, Left, Notice
from zmqwork.core.events import OrderRequested, StatusRequested, StopRequested
from zmqwork.core.orders import Order, Ordered
from zmqwork.core.watcher import Watcher
from zmqwork.discovery.sources import Discovery
from zmqwork.nodes.notices import log_notice
from zmqwork.nodes.polling import poll_forever
from zmqwork.nodes.requests import Request, deliver
from zmqwork.transport.guard import maker
from zmqwork.transport.loop import Loop


class Observer:
    """A running observer; it announces nothing, and changes what it is told to.

    Args:
        config: who it is.
        discovery: where it looks; the node closes it.
        patience: seconds that a survey waits for nodes that do not answer.
        settle_delay: seconds that it waits for further nodes to be found.
    """

    def __init__(
        self,
        config: NodeConfig,
        discovery: Discovery,
        patience: float = 2.0,
        settle_delay: float = 0.3,
    ) -> None:
        self._discovery = discovery
        self._patience = patience
        # Jitter, not secrets.
        watcher = Watcher(config, Random(), patience=patience, settle_delay=settle_delay)  # noqa: S311
        self._loop = Loop(
            watcher,
            {
                Answer: deliver,
                # Unreachable nodes are part of the survey's answer.
                Notice: lambda notice: (
                    log_notice(notice, config.node_id) if notice.kind == "limit" else None
                ),
                Left: lambda _: self._loop.stop(),
            },
            gone=discovery.proof_of_death,
            make_guard=maker(discovery.keys, "observer"),
        )
        self._loop.start(
            f"zmqwork-observer-{config.node_id[:4]}",
            lambda: poll_forever(self._loop, discovery),
            discovery.close,
        )

    def survey(self) -> dict[str, Any]:
        """``nodes``: what each says of itself; ``unheard``: those found that did not answer."""
        return self.finish(self.begin())

    def begin(self, producer: str = "", seq: int | None = None) -> Request:
        """Ask without waiting; `finish` waits.

        The producer whose node id begins with `producer`, if there is one, adds what it knows of
        its task `seq`: ``task`` in its status, as `core.explain.task` has it. As soon as that is
        there, the others are not waited for.
        """
        request = Request()
        self._loop.post(StatusRequested(request, seq, producer))
        return request

    def finish(self, request: Request) -> dict[str, Any]:
        """The answer to what was begun, as `survey` has it."""
        survey: dict[str, Any] = request.wait(self._patience + 5.0)
        return survey

    def sources(self) -> list[dict[str, Any]]:
        """Where it looks, and what it sees there, as `Discovery.describe` has it."""
        return self._discovery.describe()

    def order(
        self,
        node_id: str,
        verb: str,
        arguments: dict[str, Any] | None = None,
        data: list[bytes] | None = None,
        patience: float | None = None,
    ) -> Ordered:
        """Let a node do something, as `core.orders` has it; what came of it.

        The node is waited for, `patience` seconds for all; then the code is ``silent``.
        """
        patience = self._patience if patience is None else patience
        request = Request()
        order = Order(0, verb, arguments or {}, data or [])
        self._loop.post(OrderRequested(request, node_id, order, patience))
        ordered: Ordered = request.wait(patience + 5.0)
        return ordered

    def close(self) -> None:
        """Leave; waits for the I/O thread to end."""
        self._loop.post(StopRequested())
        self._loop.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
