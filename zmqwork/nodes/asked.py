"""What a producer node is asked, and answers in the words of its machine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from zmqwork.config import ProducerConfig
from zmqwork.core.events import Event, StatusRequested
from zmqwork.discovery.sources import Discovery
from zmqwork.errors import UsageError
from zmqwork.nodes.auditing import Auditing
from zmqwork.nodes.pending import Pending
from zmqwork.nodes.recorder import Recorder
from zmqwork.nodes.requests import Request
from zmqwork.nodes.why_not import why_not
from zmqwork.transport.loop import Loop


class Asked:
    """The part of `nodes.producer.Producer` that is about questions. From any thread."""

    auditing: Auditing
    pending: Pending
    _config: ProducerConfig
    _discovery: Discovery
    _recorder: Recorder | None
    _left: threading.Event
    _loop: Loop

    def status(self) -> dict[str, Any]:
        """What the node says of itself; plain values."""
        status: dict[str, Any] = self._ask(StatusRequested, {})
        if status:
            status["sources"] = self._discovery.describe()
            status["pending"] = self.pending.count
            status |= self.auditing.status()
            status["journal"] = self._recorder.name if self._recorder is not None else ""
        return status

    def explain(self, seq: int | None = None) -> str:
        """Why a task, or anything at all, does not run: what was looked for where, what to try."""
        about = None
        if seq is not None:
            stopped = {"text": "its producer has stopped"}
            about = self._ask(lambda r: StatusRequested(r, seq), stopped)
        return why_not(self._config, self.status(), seq, about)

    def could_run(self, seq: int) -> bool:
        """Whether some connected worker could run this unsettled task."""
        about = self._ask(lambda r: StatusRequested(r, seq), {"no_worker": False})
        return not about["no_worker"]

    def workers_known(self) -> int:
        """How many workers are connected."""
        return len(self.status().get("workers", ()))

    def _ask(self, question: Callable[[Request], Event], default: Any) -> Any:
        """The machine's answer; the default if it has left, or this is its own thread."""
        request = Request()
        self._loop.post(question(request))
        while not self._loop.on_loop_thread:
            try:
                return request.wait(0.2)
            except UsageError:
                if self._left.is_set():
                    return default
        return default
