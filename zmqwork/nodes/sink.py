"""The sink node: a `Collector` on a loop, and a thread that stores."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Sequence
from typing import Any, Self

from zmqwork.config import SinkConfig
from zmqwork.core.collector import Collector
from zmqwork.core.effects import Answer, Deliver, Left, MarkComplete, Notice, TakeRoster
from zmqwork.discovery.sources import Discovery
from zmqwork.errors import StoreError
from zmqwork.execution.context import refuse_while_importing
from zmqwork.execution.process import refuse_in_child
from zmqwork.nodes.bound import BoundNode
from zmqwork.nodes.notices import log_notice
from zmqwork.nodes.requests import deliver
from zmqwork.nodes.signals import SINK, StopSignals
from zmqwork.nodes.store import Store
from zmqwork.nodes.storekeeper import Storekeeper
from zmqwork.nodes.unended import Unended
from zmqwork.transport.guard import maker
from zmqwork.transport.loop import Loop

_log = logging.getLogger("zmqwork")

# How long a handler that still runs is waited for when the sink has left. It is not done any good
# by that: its results come again, to another sink or to the next one.
_CLOSE_TIMEOUT = 1.0

# What the program leaves running stores what is here, and ends with it.
_EXIT_TIMEOUT = 5.0
_running: weakref.WeakSet[Sink] = weakref.WeakSet()

# How often `wait_ended` looks; a person's pace.
_LOOK_INTERVAL = 0.5

# Reports of producers that have ended, the last ones.
_REPORTS_MAX = 256


def drain_all() -> None:
    """At the end of the program: let what still runs store what it has, and leave."""
    # (A fork has copies of its parent's.)
    ours = [sink for sink in _running if sink.is_ours]
    for sink in ours:
        sink.request_drain()
    for sink in ours:
        if not sink.wait(_EXIT_TIMEOUT):
            sink.stop()


class Sink(BoundNode[SinkConfig]):
    """A sink. `start` it beside other things, or `run` it until it is done, or a signal ends it.

    `drain` stores what is here, then leaves. What is not stored when it leaves, as after `stop`,
    stays with the workers.

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

    role = "sink"
    danger = "send results to this sink"

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
        super().__init__(config, discovery=discovery, bind=bind, insecure_lan=insecure_lan)
        self._keeper = Storekeeper(store, retries=retries, retry_delay=retry_delay)
        self._machine: Collector | None = None
        self._last_status: dict[str, Any] = {}
        self._news = threading.Condition()
        self._complete = False
        self._gave_up = False
        self._reports: deque[dict[str, Any]] = deque(maxlen=_REPORTS_MAX)

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
            UsageError: it was started already, also if that failed; or a worker imports the module
                that runs; or it was made before this process was forked.
            StoreError: the store's place cannot be used.
            TransportError: it cannot bind, or be announced.
        """
        self._check_unused()
        refuse_in_child("a sink")
        refuse_while_importing("a sink was started", "Start it")
        self._launch(self._open, lambda: self._keeper.close(_CLOSE_TIMEOUT))
        _running.add(self)
        return self

    def _open(self) -> Loop:
        """Open the store, and make the loop."""
        keeper = self._keeper
        taken = keeper.open(f"zmqwork-store-{self.node_id[:4]}")
        self._machine = Collector(self._config, taken, keeper.counts)
        loop = Loop(
            self._machine,
            {
                Deliver: keeper.hand_over,
                MarkComplete: self._mark_complete,
                TakeRoster: self._take_roster,
                Answer: deliver,
                Notice: self._notice,
                Left: lambda _: self._leave(),
            },
            gone=self._discovery.proof_of_death,
            make_guard=maker(self._discovery.keys, self.role, self.auditing.tell),
        )
        keeper.start(loop.post)
        return loop

    def run(self) -> int:
        """Take results until it is done, or a signal ends it (main thread only): an exit code.

        SIGTERM or the first SIGINT drains, the second leaves what is not stored to the workers,
        the third (or SIGQUIT) leaves at once. 0 after a drain, and with `once` or `expect` when
        that is fulfilled; 1 if `once` cannot be, because a producer was lost for good; 130 or 143
        after a second signal; 74 if the store's place cannot be written; 70 if the store or the
        sink failed.
        """
        with StopSignals(self, SINK) as signals:
            try:
                self.start()
            except StoreError as error:
                _log.critical("the sink cannot begin: %s", error)
                return os.EX_IOERR
            self.wait_ended()
        return self.exit_code or signals.exit_code or int(self._gave_up)

    def wait_ended(self) -> None:
        """Wait until it has left.

        With `once`, say meanwhile which producers were lost, and leave without their end if none of
        them can be gone on with.
        """
        unended = Unended()
        # In steps: the kernel may give a signal to another thread, and only this one handles it.
        while not self.wait(_LOOK_INTERVAL):
            if not self._config.once or self._gave_up:
                continue
            if unended.look(self.status().get("producers", ()), time.monotonic()):
                self._gave_up = True
                self.request_drain()

    def wait_complete(self, timeout: float | None = None) -> bool:
        """Wait until all that was promised is stored; False if the time is over, or it left.

        With `expect`, that is so many results. Else every producer that was met must have said
        that it has no more, as it does when it is closed, and one at least.
        """
        self._running_loop()
        with self._news:
            self._news.wait_for(lambda: self._complete or self.has_left, timeout)
            return self._complete

    # -- the loop's thread --------------------------------------------------------------------

    def _notice(self, notice: Notice) -> None:
        log_notice(notice, self._config.node_id)
        self.auditing.noticed(notice)
        if notice.kind in ("complete", "incomplete"):
            self._reports.append(notice.data)

    def _mark_complete(self, effect: MarkComplete) -> None:
        with self._news:
            self._complete = effect.complete
            self._news.notify_all()

    def _leave(self) -> None:
        assert self._machine is not None
        self._last_status = self._machine.status()
        super()._leave()

    def _finish(self) -> None:
        try:
            if not self._keeper.close(_CLOSE_TIMEOUT):
                _log.warning(
                    "the handler of %r has not returned: what it does goes on, and its results "
                    "come again to another sink, or the next one",
                    self,
                )
        finally:
            try:
                super()._finish()
            finally:
                with self._news:
                    self._news.notify_all()
