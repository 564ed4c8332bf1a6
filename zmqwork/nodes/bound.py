"""What workers and sinks have in common: they bind, are announced, and leave by a drain."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Generic, Self, TypeVar

from zmqwork.config import NodeConfig
from zmqwork.core.effects import TakeRoster
from zmqwork.core.events import (
    DrainRequested,
    Event,
    StatusRequested,
    StopRequested,
)
from zmqwork.discovery.record import record_of
from zmqwork.discovery.sources import Discovery
from zmqwork.errors import ConfigError, UsageError
from zmqwork.nodes.auditing import Auditing
from zmqwork.nodes.polling import WORKER_INTERVAL, poll_forever
from zmqwork.nodes.requests import Request
from zmqwork.nodes.rosters import take_roster
from zmqwork.transport.addresses import refuse_routable
from zmqwork.transport.descriptors import raise_descriptor_limit
from zmqwork.transport.loop import Loop

C = TypeVar("C", bound=NodeConfig)


class BoundNode(Generic[C]):
    """A node that others dial, with a loop in a thread of its own.

    Args:
        config: who it is.
        discovery: where it announces itself; the node closes it.
        bind: further endpoints, as ``tcp://127.0.0.1:*``; none: what discovery needs. Its ipc
            endpoint is always there unless discovery is without a local directory.
        insecure_lan: permit routable endpoints, open to whoever reaches them.

    Raises:
        InsecureBind: an endpoint is routable; nothing was bound.

    Attributes:
        auditing: what it notes in the audit log, and warns of.
    """

    role: ClassVar[str]
    danger: ClassVar[str]  # what whoever reaches a routable endpoint can do

    def __init__(
        self, config: C, *, discovery: Discovery, bind: Sequence[str], insecure_lan: bool
    ) -> None:
        bind = list(bind) or list(discovery.default_bind)
        keyed = discovery.keys is not None
        exposed = refuse_routable(bind, insecure_lan=insecure_lan, keyed=keyed)
        raise_descriptor_limit()
        self.auditing = Auditing(config, self.role, exposed, self.danger, keyed=keyed)
        self._config = self.auditing.marked(config)
        self._discovery = discovery
        self._bind = bind
        self.endpoints: tuple[str, ...] = ()
        self._loop: Loop | None = None  # once it runs
        self._is_spent = False  # it was started, perhaps in vain
        self._early: list[Event] = []
        self._left = threading.Event()

    def __repr__(self) -> str:
        if self._loop is None:
            state = "could not start" if self._is_spent else "not started"
        else:
            state = "left" if self.has_left else "running"
        return f"<{type(self).__name__} {self._config.name}#{self._config.node_id[:4]}, {state}>"

    @property
    def config(self) -> C:
        """Who it is, and what it offers."""
        return self._config

    @property
    def insecure(self) -> bool:
        """Whether others on a network reach it, without keys."""
        return self.auditing.insecure

    @property
    def node_id(self) -> str:
        """32 hexadecimal digits, random."""
        return self._config.node_id

    @property
    def has_left(self) -> bool:
        """Whether it was started, and is gone."""
        return self._left.is_set()

    def start(self) -> Self:
        """Bind, announce, and serve."""
        raise NotImplementedError

    def drain(self, timeout: float | None = None) -> bool:
        """Finish what is here, then leave; False if that took longer than `timeout`."""
        self.request_drain()
        return self.wait(timeout)

    def stop(self) -> None:
        """Leave now; what is here is left to others. Waits until it is gone."""
        self.request_stop()
        if self._loop is not None and not self._loop.on_loop_thread:
            self._loop.join()

    def request_drain(self) -> None:
        """As `drain`, without waiting; also from a signal handler."""
        self._check_process()
        self._discovery.say_goodbye()
        self._request(DrainRequested())

    def request_stop(self) -> None:
        """As `stop`, without waiting; also from a signal handler."""
        self._check_process()
        self._request(StopRequested())

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has left; False if the time was over first."""
        return self._running_loop().join(timeout)

    def status(self) -> dict[str, Any]:
        """What the node says of itself; plain values. Empty once it has left."""
        loop = self._running_loop()
        request = Request()
        loop.post(StatusRequested(request))
        while True:
            try:
                status: dict[str, Any] = request.wait(0.2)
            except UsageError:
                if self.has_left:
                    return {}
            else:
                sources = {"sources": self._discovery.describe()}
                return status | sources | self.auditing.status()

    def __enter__(self) -> Self:
        if self._loop is None:
            self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.drain()
        else:
            self.stop()

    # -- for the node itself ------------------------------------------------------------------

    def _check_unused(self) -> None:
        """Raise `UsageError` if it was started."""
        if self._is_spent:
            raise UsageError(f"{self!r} was started already: make another one")

    def _launch(self, make_loop: Callable[[], Loop], *undoing: Callable[[], object]) -> None:
        """Bind, announce, and run; if that fails, it is undone, also by these calls."""
        self._check_process()
        config, discovery = self._config, self._discovery
        directory = discovery.directory
        if directory is None and not self._bind:
            raise ConfigError("nothing to bind: without the local directory give bind=[...]")
        self._is_spent = True
        with contextlib.ExitStack() as undo:
            undo.callback(discovery.close)
            for call in undoing:
                undo.callback(call)
            loop = make_loop()
            undo.callback(loop.close)
            wanted = [] if directory is None else [f"ipc://{directory.socket_path(config.node_id)}"]
            self.endpoints = tuple(loop.bind([*wanted, *self._bind]))
            discovery.announce(record_of(config, self.role, self.endpoints), loop.bind_again)
            undone = undo.pop_all()
        self._loop = loop
        for event in self._early:
            loop.post(event)
        try:
            loop.start(f"zmqwork-{self.role}-{config.node_id[:4]}", self._prepare, self._finish)
        except RuntimeError:  # the system gives no more threads
            self._loop = None
            undone.close()
            raise

    def _request(self, event: Event) -> None:
        if self._loop is None:
            self._early.append(event)  # `start` delivers it; bound: the signals of its start-up
        else:
            self._loop.post(event)

    def _running_loop(self) -> Loop:
        """The loop, since it was started. UsageError: it was not, or that failed."""
        self._check_process()
        if self._loop is None:
            hint = "make another one" if self._is_spent else "start it first"
            raise UsageError(f"{self!r}: {hint}")
        return self._loop

    @property
    def is_ours(self) -> bool:
        """Whether it belongs to this process, and is not a fork's copy of its parent's."""
        return self._config.pid in (0, os.getpid())

    def _check_process(self) -> None:
        if not self.is_ours:
            raise UsageError(f"{self!r} belongs to process {self._config.pid}, not to a fork of it")

    # -- the loop's thread --------------------------------------------------------------------

    def _prepare(self) -> None:
        assert self._loop is not None
        poll_forever(self._loop, self._discovery, WORKER_INTERVAL, self.auditing)
        self.auditing.begin(self._loop, self.endpoints)

    def _take_roster(self, effect: TakeRoster) -> None:
        assert self._loop is not None
        self._loop.post(take_roster(self._discovery.keys, effect))

    def _leave(self) -> None:
        assert self._loop is not None
        self._loop.stop()

    def _finish(self) -> None:
        try:
            self._discovery.close()
        finally:
            self.auditing.close()
            self._left.set()
