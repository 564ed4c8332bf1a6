"""What one attempt has said while it runs, at its worker."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any

from zmqwork.core.progress import PARTS_BYTES_MAX, PARTS_MAX

if TYPE_CHECKING:
    from zmqwork.core.clients import Held


class Advance:
    """What an attempt has said while it ran, and what of it is kept for its producer.

    Attributes:
        held: the attempt.
        said: as `progress.Progress` has it, the newest of each kind.
        is_fresh: whether some of it was not sent in this session.
        parts: those that are kept. Bound: what the pool lets a handler yield before it waits.
        first: the number of the first of these.
        sent: the number of the first that was not sent in this session.
        batch: the DONE that has the attempt's outcome; 0: none has.
    """

    __slots__ = ("batch", "first", "held", "is_fresh", "parts", "said", "sent")

    def __init__(self, held: Held) -> None:
        self.held = held
        self.said: dict[str, Any] = {}
        self.is_fresh = False
        self.parts: deque[bytes] = deque()
        self.first = self.sent = 0
        self.batch = 0

    @property
    def unsent(self) -> int:
        """How many parts were not sent in this session."""
        return self.first + len(self.parts) - self.sent

    def next_parts(self) -> list[bytes]:
        """Those that are sent next, in one message."""
        size_bytes = 0
        values: list[bytes] = []
        for value in islice(self.parts, self.sent - self.first, None):
            size_bytes += len(value)
            if values and (size_bytes > PARTS_BYTES_MAX or len(values) == PARTS_MAX):
                break
            values.append(value)
        return values

    @property
    def has_ended(self) -> bool:
        """Whether the attempt is not held any more."""
        return self.held.account.held.get(self.held.seq) is not self.held

    def forget(self, count: int) -> None:
        """Parts below this number are not needed any more."""
        while self.parts and self.first < count:
            self.parts.popleft()
            self.first += 1
        self.sent = max(self.sent, self.first)
