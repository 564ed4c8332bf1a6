"""What stands behind an executor: a producer, made when it is needed, and workers of its own."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from zmqwork.errors import UsageError
from zmqwork.producer import Producer
from zmqwork.producers import Producers

if TYPE_CHECKING:
    from zmqwork.nodes.worker import Worker


class Backing:
    """Shared by an executor and its tasks; it does not know the executor, which may be dropped.

    Args:
        make_producer: makes a producer, not started, that these producers know.
        worker: a started one that ends with it; None: it has none.
    """

    def __init__(
        self, make_producer: Callable[[Producers], Producer], worker: Worker | None
    ) -> None:
        self.producers = Producers(lambda: make_producer(self.producers))
        self.worker = worker
        self.is_shut = False
        self._pid = os.getpid()
        self._ending = threading.Lock()

    def producer(self) -> Producer:
        """The producer of this process, started at the first call."""
        if self.is_shut:
            raise UsageError("cannot schedule new futures after shutdown of the executor")
        producer = self.producers.current
        if producer is not None:
            return producer
        with self.producers.lock:
            if self.is_shut:
                raise UsageError("cannot schedule new futures after shutdown of the executor")
            return self.producers.implicit()

    def shut(self, *, wait: bool, cancel: bool) -> None:
        """Take no more; end when everything is settled, and return then, or at once."""
        if self._pid != os.getpid():
            # A forked child: workers and whoever waits are the parent's. It may have a producer.
            self._ending = threading.Lock()
            self.worker = None
            self._pid = os.getpid()
        with self.producers.lock:
            self.is_shut = True
        producer = self.producers.current
        if cancel and producer is not None:
            producer.cancel_all()
        if wait:
            self._end()
        else:
            # At the program's end `producers` waits for it, and ends the worker then.
            threading.Thread(target=self._end, name="zmqwork-executor", daemon=True).start()

    def _end(self) -> None:
        with self._ending:
            try:
                producer = self.producers.current
                if producer is not None:
                    producer.finish(patient=True)
                if self.worker is not None:
                    # Others of the realm may have given it something.
                    self.worker.drain()
            finally:
                worker, self.worker = self.worker, None
                if worker is not None:
                    worker.stop()
