"""What became of the tasks that the killed worker held, as the producer tells it."""

from __future__ import annotations

import threading
import time

from zmqwork.cli.output import counted
from zmqwork.core.effects import Notice


class Loss:
    """The loss of one worker. `notice` is called in the callback thread.

    Args:
        worker: its label, for the story.
        node_id: its node id.
        alone: whether there is no other worker, so that its tasks wait for itself.

    Attributes:
        worker: its label, for the story.
        held, started: how many tasks it held when it was found lost, and had begun.
        noticed_after: seconds from the kill until the producer knew; None: not yet.
        resumed_after: seconds from the kill until the first of the tasks started anew.
        recovered_after: the same for the last one so far.
    """

    def __init__(self, worker: str, node_id: str, *, alone: bool = False) -> None:
        self.worker = worker
        self.held = 0
        self.started = 0
        self.noticed_after: float | None = None
        self.resumed_after: float | None = None
        self.recovered_after: float | None = None
        self._node_id = node_id
        self._started = "started again" if alone else "started elsewhere"
        self._killed_at = time.monotonic()
        # Bounded by the credit of one worker.
        self._missing: set[int] = set()
        self._over = threading.Event()

    def begin(self) -> None:
        """The kill comes now."""
        self._killed_at = time.monotonic()

    def notice(self, notice: Notice) -> None:
        """Take what the producer says; most of it is about others."""
        after = time.monotonic() - self._killed_at
        if notice.kind == "peer_lost" and notice.data.get("node_id") == self._node_id:
            self.noticed_after = after
            self.held = notice.data["held"]
            self.started = notice.data["started"]
            self._missing = set(notice.data["seqs"])
            if not self._missing:
                self._over.set()
        elif notice.kind == "resumed" and notice.data.get("seq") in self._missing:
            self._missing.discard(notice.data["seq"])
            self.resumed_after = self.resumed_after or after
            self.recovered_after = after
            if not self._missing:
                self._over.set()

    def over(self) -> bool:
        """True once the producer has noticed, and all that was held has started anew."""
        return self._over.is_set()

    def text(self) -> str:
        """The loss in a sentence."""
        if self.noticed_after is None:
            return f"{self.worker} was not missed: nothing was left to do"
        if not self.held:
            return f"missed after {_short(self.noticed_after)}; it held no task"
        tasks = counted(self.held, "task")
        text = f"missed after {_short(self.noticed_after)}; it held {tasks}, {self.started} begun"
        if self.resumed_after is None or self.recovered_after is None:
            return text
        first, last = _short(self.resumed_after), _short(self.recovered_after)
        if self.held == 1:
            return f"{text}; it {self._started} {first} after the kill"
        return f"{text}; the first {self._started} {first} after the kill, the last {last}"


def _short(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
