"""The sink node: a `Collector` on a loop, and a thread that stores."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import weakref
from collections import deque
from collections.abc import Sequence
from typing import Any, Self

from zmqwork.config import SinkConfig
from zmqwork.core.collector import Collector
from zmqwork.core.effects import Answer, Deliver, Left, MarkComplete, Notice
from zmqwork.core.events import DrainRequested, StatusRequested, StopRequested
from zmqwork.discovery.record import record_of
from zmqwork.discovery.sources import Discovery
from zmqwork.errors import ConfigError, StoreError, UsageError
from zmqwork.execution.context import refuse_while_importing
from zmqwork.execution.process import refuse_in_child
from zmqwork.nodes.notices import log_notice
from zmqwork.nodes.polling import WORKER_INTERVAL, poll_forever
from zmqwork.nodes.requests import Request, deliver
from zmqwork.nodes.signals import SINK, StopSignals
from zmqwork.nodes.store import Store
from zmqwork.nodes.storekeeper import Storekeeper
from zmqwork.transport.addresses import refuse_routable
from zmqwork.transport.loop import Loop
from zmqwork.transport.probe import raise_descriptor_limit

_log = logging.getLogger("zmqwork")

# How long a handler that still runs is waited for when the sink has left. It is not done any good
# by that: its results come again, to another sink or to the next one.
_CLOSE_TIMEOUT = 1.0

# What the program leaves running stores what is here, and ends with it.
_EXIT_TIMEOUT = 5.0
_running: weakref.WeakSet[Sink] = weakref.WeakSet()

# Reports of producers that have ended, the last ones.
_REPORTS_MAX = 256


def drain_all() -> None:
    """At the end of the program: let what still runs store what it has, and leave."""
    # (A fork has copies of its parent's.)
    ours = [sink for sink in _running if sink.config.pid in (0, os.getpid())]
    for sink in ours:
        sink.request_drain()
    for sink in ours:
        if not sink.wait(_EXIT_TIMEOUT):
            sink.stop()


class Sink:
    """A sink. `start` it beside other things, or `run` it until it is done, or a signal ends it.

    Args:
        config: who it is; its `inbox` is that of the store.
        store: what takes the results; opened, called and closed in a thread of its own.
        discovery: where it announces itself; the node closes it.
        bind: further endpoints, as ``tcp://127.0.0.1:*``; none: what discovery needs. Its ipc
            endpoint is always there unless discovery is without a local directory.
        insecure_lan: permit routable endpoints, open to whoever reaches them.
        retries: how often a batch is tried again after the store raised.
        retry_delay: seconds before that.

    Raises:
        InsecureBind: an endpoint is routable; nothing was bound.
    """

    def __init__(
        self,
        config: SinkConfig,
        store: Store,
        *,
        discovery: Discovery,
        bind: Sequence[str] = (),
        insecure_lan: bool = False,
        retries: int = 3,
        retry_delay: float = 1.0,
    ) -> None:
        bind = list(bind) or list(discovery.default_bind)
        exposed = refuse_routable(bind, insecure_lan=insecure_lan)
        if exposed:
            _log.warning(
                "INSECURE: whoever reaches %s can send results to this sink", ", ".join(exposed)
            )
        raise_descriptor_limit()
        self._config = config
        self._discovery = discovery
        self._bind = bind
        self._keeper = Storekeeper(store, retries=retries, retry_delay=retry_delay)
        self._machine: Collector | None = None
        self._last_status: dict[str, Any] = {}
        self.insecure = bool(exposed)
        self.endpoints: tuple[str, ...] = ()
        self._loop: Loop | None = None  # once it runs
        self._is_spent = False  # its start has failed
        self._early: list[DrainRequested | StopRequested] = []
        self._news = threading.Condition()
        self._complete = False
        self._left = False
        self._reports: deque[dict[str, Any]] = deque(maxlen=_REPORTS_MAX)

    def __repr__(self) -> str:
        if self._loop is None:
            state = "could not start" if self._is_spent else "not started"
        else:
            state = "left" if self.has_left else "running"
        return f"<Sink {self._config.name}#{self._config.node_id[:4]}, {state}>"

    @property
    def config(self) -> SinkConfig:
        """Who it is, and what it takes."""
        return self._config

    @property
    def node_id(self) -> str:
        """32 hexadecimal digits, random."""
        return self._config.node_id

    @property
    def stored(self) -> int:
        """How many results have taken effect, since it was started."""
        return self._keeper.stored

    @property
    def stored_before(self) -> int:
        """How many results the store had when it was opened, if it remembers that; else 0."""
        return sum(self._keeper.counts.values())

    @property
    def last_status(self) -> dict[str, Any]:
        """What `status` would have said when it left; empty before, or if it failed by a bug."""
        return self._last_status

    @property
    def reports(self) -> list[dict[str, Any]]:
        """What is here of each producer that said that it has no more; the last ones.

        ``producer_id``, ``name``, ``count`` (tasks), ``succeeded`` (results that should be here),
        ``taken`` (results that are), ``lacking`` (how many are missing), and ``missing``: the
        numbers without a result, as [first, last].
        """
        return list(self._reports)

    @property
    def has_left(self) -> bool:
        """Whether it was started, and is gone."""
        return self._left

    @property
    def has_failed(self) -> bool:
        """Whether it ended by an error: the store's, or a bug of its I/O thread."""
        return self.exit_code != 0

    @property
    def exit_code(self) -> int:
        """What a program shall exit with: 0; 74 if the store's place cannot be written; or 70."""
        if self._loop is not None and self._loop.failed:
            return os.EX_SOFTWARE
        return self._keeper.exit_code

    def start(self) -> Self:
        """Open the store, bind, announce, and take results.

        Raises:
            UsageError: it was started already, also if that failed, or a worker imports the module
                that runs.
            StoreError: the store's place cannot be used.
            TransportError: it cannot bind, or be announced.
        """
        if self._loop is not None or self._is_spent:
            raise UsageError(f"{self!r} was started already: make another one")
        refuse_in_child("a sink")
        refuse_while_importing("a sink was started", "Start it")
        self._check_process()
        config, discovery, keeper = self._config, self._discovery, self._keeper
        if discovery.directory is None and not self._bind:
            raise ConfigError("nothing to bind: without the local directory give bind=[...]")
        short = config.node_id[:4]
        with contextlib.ExitStack() as undo:
            undo.callback(discovery.close)
            undo.callback(keeper.close, _CLOSE_TIMEOUT)
            self._is_spent = True
            taken = keeper.open(f"zmqwork-store-{short}")
            machine = self._machine = Collector(config, taken, keeper.counts)
            loop = Loop(
                machine,
                {
                    Deliver: keeper.hand_over,
                    MarkComplete: self._mark_complete,
                    Answer: deliver,
                    Notice: self._notice,
                    Left: lambda _: self._leave(),
                },
                gone=discovery.proof_of_death,
            )
            undo.callback(loop.close)
            keeper.start(loop.post)
            directory = discovery.directory
            wanted = [] if directory is None else [f"ipc://{directory.socket_path(config.node_id)}"]
            self.endpoints = tuple(loop.bind([*wanted, *self._bind]))
            discovery.announce(record_of(config, "sink", self.endpoints), loop.bind_again)
            undo.pop_all()
        self._loop = loop
        for event in self._early:
            loop.post(event)
        loop.start(f"zmqwork-sink-{short}", self._prepare, self._finish)
        _running.add(self)
        return self

    def run(self) -> int:
        """Take results until it is done, or a signal ends it (main thread only): an exit code.

        SIGTERM or the first SIGINT drains, the second leaves what is not stored to the workers,
        the third (or SIGQUIT) leaves at once. 0 after a drain, and with `once` or `expect` when
        that is fulfilled; 130 or 143 after a second signal; 74 if the store's place cannot be
        written; 70 if the store or the sink failed.
        """
        with StopSignals(self, SINK) as signals:
            try:
                self.start()
            except StoreError as error:
                _log.critical("the sink cannot begin: %s", error)
                return os.EX_IOERR
            while not self.wait(0.5):
                pass
        return self.exit_code or signals.exit_code

    def wait_complete(self, timeout: float | None = None) -> bool:
        """Wait until all that was promised is stored; False if the time is over, or it left.

        With `expect`, that is so many results. Else every producer that was met must have said
        that it has no more, as it does when it is closed, and one at least.
        """
        self._running_loop()
        with self._news:
            self._news.wait_for(lambda: self._complete or self._left, timeout)
            return self._complete

    def drain(self, timeout: float | None = None) -> bool:
        """Store what is here, then leave; False if that took longer than `timeout`."""
        self.request_drain()
        return self.wait(timeout)

    def stop(self) -> None:
        """Leave now; what is not stored stays with the workers. Waits until it is gone."""
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

    def _request(self, event: DrainRequested | StopRequested) -> None:
        if self._loop is None:
            self._early.append(event)  # `start` delivers it; bound: the signals of its start-up
        else:
            self._loop.post(event)

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
                return status | {"sources": self._discovery.describe()}

    def _running_loop(self) -> Loop:
        """The loop, since it was started. UsageError: it was not, or that failed."""
        self._check_process()
        if self._loop is None:
            hint = "make another one" if self._is_spent else "start it first"
            raise UsageError(f"{self!r}: {hint}")
        return self._loop

    def _check_process(self) -> None:
        if self._config.pid not in (0, os.getpid()):
            raise UsageError(f"{self!r} belongs to process {self._config.pid}, not to a fork of it")

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
        poll_forever(self._loop, self._discovery, WORKER_INTERVAL)

    def _notice(self, notice: Notice) -> None:
        log_notice(notice)
        if notice.kind in ("complete", "incomplete"):
            self._reports.append(notice.data)

    def _mark_complete(self, effect: MarkComplete) -> None:
        with self._news:
            self._complete = effect.complete
            self._news.notify_all()

    def _leave(self) -> None:
        assert self._loop is not None
        assert self._machine is not None
        self._last_status = self._machine.status()
        self._loop.stop()

    def _finish(self) -> None:
        try:
            if not self._keeper.close(_CLOSE_TIMEOUT):
                _log.warning(
                    "the handler of %r has not returned: what it does goes on, and its results "
                    "come again to another sink, or the next one",
                    self,
                )
        finally:
            self._discovery.close()
            with self._news:
                self._left = True
                self._news.notify_all()
