"""Which connections take in next to nothing of what waits for them.

libzmq keeps what a peer does not take, without a bound: whoever asks for ever, and reads no answer,
fills our memory. (The kernel's own time-out for that, TCP_USER_TIMEOUT, does not hold while the
peer sends: measured.) Honest peers that stand still are ended by ZMTP's heartbeats before this.
"""

from __future__ import annotations

from collections.abc import Mapping

# So much waits in the kernel at least, and less than that was taken in within so many seconds.
WAITING_BYTES = 64 * 1024
PATIENCE = 10.0


class Deaf:
    """Decides. Bound: the connections that `look` is told of."""

    def __init__(self) -> None:
        self._marks: dict[int, tuple[int, float]] = {}

    def closed(self, descriptor: int) -> None:
        """This connection is gone, or another one."""
        self._marks.pop(descriptor, None)

    def look(self, traffic: Mapping[int, tuple[int, int]], now: float) -> list[int]:
        """Judge all connections; those that do not take in what was sent.

        Args:
            traffic: bytes that each has taken in since it was opened, and that wait for it.
            now: the instant.
        """
        guilty = []
        for descriptor, (taken_in, waiting) in traffic.items():
            before, since = self._marks.setdefault(descriptor, (taken_in, now))
            if waiting < WAITING_BYTES or taken_in - before >= WAITING_BYTES:
                self._marks[descriptor] = taken_in, now
            elif now - since >= PATIENCE:
                guilty.append(descriptor)
        return guilty
