"""The worker node: a `Runner` on a loop, around an execution pool."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Sequence
from random import Random
from typing import Any, Self

from zmqwork.config import WorkerConfig
from zmqwork.core.effects import Answer, Execute, Interrupt, Left, Notice, Restart, TakeBack
from zmqwork.core.events import DrainRequested, StatusRequested, StopRequested
from zmqwork.core.runner import Runner
from zmqwork.discovery.record import record_of
from zmqwork.discovery.sources import Discovery
from zmqwork.errors import ConfigError, UsageError
from zmqwork.execution.pool import Pool
from zmqwork.execution.process import ProcessPool, refuse_in_child
from zmqwork.nodes.notices import log_notice
from zmqwork.nodes.polling import WORKER_INTERVAL, poll_forever
from zmqwork.nodes.requests import Request, deliver
from zmqwork.nodes.signals import StopSignals
from zmqwork.transport.addresses import refuse_routable
from zmqwork.transport.loop import Loop
from zmqwork.transport.probe import raise_descriptor_limit

_log = logging.getLogger("zmqwork")

# A start waits no longer for the first child process; it may come later (slow imports).
_CHILD_PATIENCE = 10.0

# What the program leaves running ends with it, and takes its files along.
_EXIT_TIMEOUT = 2.0
_running: weakref.WeakSet[Worker] = weakref.WeakSet()


def stop_all() -> None:
    """At the end of the program: stop what still runs, so that it leaves no files behind."""
    for worker in list(_running):
        worker.request_stop()
    for worker in list(_running):
        worker.wait(_EXIT_TIMEOUT)


class Worker:
    """A worker. `start` it beside other things, or `run` it until a signal ends it.

    Args:
        config: who it is, and what it offers.
        pool: what runs the handlers; the node starts and stops it.
        discovery: where it announces itself; the node closes it.
        bind: further endpoints, as ``tcp://127.0.0.1:*``; none: what discovery needs. Its ipc
            endpoint is always there unless discovery is without a local directory.
        insecure_lan: permit routable endpoints, open to whoever reaches them.

    Raises:
        InsecureBind: an endpoint is routable; nothing was bound.
        TransportError: an endpoint cannot be bound.
    """

    def __init__(
        self,
        config: WorkerConfig,
        pool: Pool,
        *,
        discovery: Discovery,
        bind: Sequence[str] = (),
        insecure_lan: bool = False,
    ) -> None:
        bind = list(bind) or list(discovery.default_bind)
        exposed = refuse_routable(bind, insecure_lan=insecure_lan)
        if exposed:
            _log.warning(
                "INSECURE: whoever reaches %s can run the tasks of this app", ", ".join(exposed)
            )
        raise_descriptor_limit()
        self._config = config
        self._pool = pool
        self._discovery = discovery
        self._bind = bind
        self.insecure = bool(exposed)
        self.endpoints: tuple[str, ...] = ()
        self._loop: Loop | None = None
        self._early: list[DrainRequested | StopRequested] = []
        self._left = threading.Event()

    def __repr__(self) -> str:
        state = "not started" if self._loop is None else "left" if self.has_left else "running"
        return f"<Worker {self._config.name}#{self._config.node_id[:4]}, {state}>"

    @property
    def config(self) -> WorkerConfig:
        """Who it is, and what it offers."""
        return self._config

    @property
    def node_id(self) -> str:
        """32 hexadecimal digits, random."""
        return self._config.node_id

    @property
    def has_left(self) -> bool:
        """Whether it was started, and is gone."""
        return self._left.is_set()

    @property
    def has_failed(self) -> bool:
        """Whether its I/O thread ended by a bug."""
        return self._loop is not None and self._loop.failed

    def start(self) -> Worker:
        """Bind, announce, and take work; returns when the first child process is up, if any.

        Raises:
            UsageError: it was started already, or its child processes cannot run its tasks.
            TransportError: it cannot bind, or be announced.
        """
        if self._loop is not None:
            raise UsageError(f"{self!r} was started already")
        if not self._config.shares_process:
            refuse_in_child()
        config, discovery = self._config, self._discovery
        if discovery.directory is None and not self._bind:
            raise ConfigError("nothing to bind: without the local directory give bind=[...]")
        loop = Loop(
            Runner(config, Random()),  # noqa: S311 - delays between dials are no secrets
            {
                Execute: lambda effect: self._pool.execute(effect.slot, effect.attempts),
                TakeBack: lambda effect: self._pool.take_back(effect.slot),
                Restart: lambda effect: self._pool.restart(effect.slot),
                Interrupt: lambda effect: self._pool.cancel(effect.slot, effect.attempt),
                Answer: deliver,
                Notice: log_notice,
                Left: lambda _: self._leave(),
            },
            gone=discovery.proof_of_death,
            after_turn=self._pool.turn,
        )
        self._loop = loop
        try:
            directory = discovery.directory
            wanted = [] if directory is None else [f"ipc://{directory.socket_path(config.node_id)}"]
            self.endpoints = tuple(loop.bind([*wanted, *self._bind]))
            discovery.announce(record_of(config, "worker", self.endpoints), loop.bind_again)
        except BaseException:
            loop.close()
            discovery.close()
            raise
        for event in self._early:
            loop.post(event)
        loop.start(f"zmqwork-worker-{config.node_id[:4]}", self._prepare, self._finish)
        _running.add(self)
        if isinstance(self._pool, ProcessPool):
            try:
                self._pool.wait_for_child(_CHILD_PATIENCE)
            except UsageError:
                self.stop()
                raise
        return self

    def run(self) -> int:
        """Work until a signal ends it (main thread only), and return an exit code.

        SIGTERM or the first SIGINT drains, the second gives back what runs, the third (or
        SIGQUIT) leaves at once. 0 after a drain, 130 or 143 after a second signal, 70 if the
        worker failed.
        """
        with StopSignals(self) as signals:
            self.start()
            while not self._left.wait(0.5):
                pass
        return os.EX_SOFTWARE if self.has_failed else signals.exit_code

    def drain(self, timeout: float | None = None) -> bool:
        """Finish what is held, then leave; False if that took longer than `timeout`."""
        self.request_drain()
        return self.wait(timeout)

    def stop(self) -> None:
        """Leave now: running attempts are killed and given back. Waits until it is gone."""
        self.request_stop()
        if self._loop is not None and not self._loop.on_loop_thread:
            self._loop.join()

    def request_drain(self) -> None:
        """As `drain`, without waiting; also from a signal handler."""
        self._discovery.say_goodbye()
        self._request(DrainRequested())

    def request_stop(self) -> None:
        """As `stop`, without waiting; also from a signal handler."""
        self._request(StopRequested())

    def _request(self, event: DrainRequested | StopRequested) -> None:
        if self._loop is None:
            self._early.append(event)  # `start` delivers it; bound: the signals of its start-up
        else:
            self._loop.post(event)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has left; False if the time was over first."""
        if self._loop is None:
            raise UsageError(f"{self!r}: start it first")
        return self._loop.join(timeout)

    def status(self) -> dict[str, Any]:
        """What the node says of itself; plain values. Empty once it has left."""
        if self._loop is None:
            raise UsageError(f"{self!r}: start it first")
        if self._config.pid not in (0, os.getpid()):
            raise UsageError(f"{self!r} belongs to process {self._config.pid}, not to a fork of it")
        request = Request()
        self._loop.post(StatusRequested(request))
        while True:
            try:
                status: dict[str, Any] = request.wait(0.2)
            except UsageError:
                if self.has_left:
                    return {}
            else:
                return status | {"sources": self._discovery.describe()}

    def __enter__(self) -> Self:
        if self._loop is None:
            self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.drain()
        else:
            self.stop()

    # -- the loop's thread --------------------------------------------------------------------

    def _prepare(self) -> None:
        assert self._loop is not None
        self._pool.start(self._loop)
        poll_forever(self._loop, self._discovery, WORKER_INTERVAL)

    def _leave(self) -> None:
        assert self._loop is not None
        self._loop.stop()

    def _finish(self) -> None:
        try:
            self._pool.stop()
        finally:
            self._discovery.close()
            self._left.set()
