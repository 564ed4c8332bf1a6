"""Which connections have sent more than a message may have, without an end of one.

libzmq holds a multipart message back until its last frame has come, and bounds neither its frames
nor its bytes: whoever never sends the last one fills our memory. How much came over a connection
the kernel tells; that a message came over it, the bound socket. To ask at each message costs, so
that is asked only while somebody is suspected: who has sent much, and of whom it is not known
whether these were messages.
"""

from __future__ import annotations

from collections.abc import Mapping

from zmqwork.wire.limits import FRAMES_BYTES_MAX, HEADER_BYTES_MAX

# The largest message there is, and as much again for what libzmq has read and not looked at.
MESSAGE_BYTES_MAX = HEADER_BYTES_MAX + FRAMES_BYTES_MAX + 1024 * 1024

# Who reads too slowly to see all messages that are there waits longer for a verdict: each
# connection has its turn within this.
UNREAD_BYTES_MAX = 8 * MESSAGE_BYTES_MAX


class Endless:
    """Decides. Bound: the connections that `look` is told of.

    Attributes:
        suspects: descriptors -> bytes taken when each began to be watched.
    """

    def __init__(self) -> None:
        self.suspects: dict[int, int] = {}
        self._marks: dict[int, int] = {}

    def opened(self, descriptor: int) -> None:
        """Nothing came over this connection yet."""
        self.suspects.pop(descriptor, None)
        self._marks[descriptor] = 0

    def heard(self, descriptor: int) -> None:
        """A message came over this connection: whatever it sends has ends."""
        if self.suspects.pop(descriptor, None) is not None:
            self._marks.pop(descriptor)

    def closed(self, descriptor: int) -> None:
        """This connection is gone."""
        self.suspects.pop(descriptor, None)
        self._marks.pop(descriptor, None)

    def look(self, taken: Mapping[int, int], *, all_read: bool) -> list[int]:
        """Judge all connections; those that send without end.

        Args:
            taken: bytes read from each since it was opened.
            all_read: after that was counted no message was there any more.
        """
        most = MESSAGE_BYTES_MAX if all_read else UNREAD_BYTES_MAX
        guilty = []
        for descriptor, count in taken.items():
            since = self.suspects.get(descriptor)
            if since is not None:
                if count - since > most:
                    guilty.append(descriptor)
            elif count - self._marks.setdefault(descriptor, count) > MESSAGE_BYTES_MAX:
                self.suspects[descriptor] = count
        return guilty
