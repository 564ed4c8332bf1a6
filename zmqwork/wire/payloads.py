"""Where a message's payloads are: inside frame 0, in a frame of their own, or sent ahead in parts.

In place of each payload frame 0 has: the payload itself (bin), nil (it is the next frame of this
multipart message that no payload has claimed), or the number of its transfer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zmqwork.errors import DecodeError, EncodeError
from zmqwork.wire import fields
from zmqwork.wire.limits import (
    FRAME_OWN_BYTES,
    FRAMES_BYTES_MAX,
    FRAMES_MAX,
    PART_BYTES_MAX,
    REASSEMBLY_BYTES_MAX,
    TRANSFERS_MAX,
)
from zmqwork.wire.memory import keep_freed
from zmqwork.wire.parts import Frame, Transfers, cut


class Outgoing:
    """The payloads of a message to be sent.

    Attributes:
        ahead: PART messages to send before it.
        frames: frames to send behind its frame 0.
    """

    __slots__ = (
        "_frames_bytes", "_number", "_transferred_bytes", "_transfers", "ahead", "frames",
    )  # fmt: skip

    def __init__(self, number: int) -> None:
        self.ahead: list[list[Frame]] = []
        self.frames: list[Frame] = []
        self._frames_bytes = 0
        self._number = number
        self._transfers = 0
        self._transferred_bytes = 0

    def place(self, payloads: list[bytes]) -> list[Any]:
        """What stands for these payloads in frame 0."""
        # The hot path: thousands of small ones, and nothing to do.
        if max(map(len, payloads), default=0) < FRAME_OWN_BYTES:
            return payloads
        return [p if len(p) < FRAME_OWN_BYTES else self._outside(p) for p in payloads]

    def _outside(self, payload: bytes) -> int | None:
        size = len(payload)
        if (
            size <= PART_BYTES_MAX
            and len(self.frames) < FRAMES_MAX - 1
            and self._frames_bytes + size <= FRAMES_BYTES_MAX
        ):
            self._frames_bytes += size
            self.frames.append(payload)
            return None
        # Message numbers are unique on a link, so these are, too.
        transfer = self._number * TRANSFERS_MAX + self._transfers
        self._transfers += 1
        self._transferred_bytes += size
        if self._transfers > TRANSFERS_MAX or self._transferred_bytes > REASSEMBLY_BYTES_MAX:
            raise EncodeError(
                f"a message has more than {TRANSFERS_MAX} payloads, or {REASSEMBLY_BYTES_MAX} "
                "bytes of them, that are too large for a frame"
            )
        self.ahead += cut(transfer, payload)
        return transfer


class Incoming:
    """The payloads of a message that came: `frames` are all of its frames."""

    __slots__ = ("_frames", "_next", "_transfers")

    def __init__(self, frames: Sequence[Frame], transfers: Transfers) -> None:
        self._frames = frames
        self._next = 1
        self._transfers = transfers

    def fetch(self, value: Any, what: str, count_max: int) -> list[bytes]:
        """The payloads for which `value` stands."""
        items = fields.array_of(value, what, count_max)
        if set(map(type, items)) <= {bytes}:
            return items
        return [item if type(item) is bytes else self._from_outside(item, what) for item in items]

    def _from_outside(self, item: Any, what: str) -> bytes:
        keep_freed()
        if item is not None:
            return self._transfers.claim(fields.number(item, f"{what}'s transfer"))
        if self._next >= len(self._frames):
            raise DecodeError(f"a payload of {what} has no frame")
        frame = self._frames[self._next]
        self._next += 1
        if len(frame) > PART_BYTES_MAX:
            raise DecodeError(f"a frame has {len(frame)} bytes; {PART_BYTES_MAX} is the limit")
        return bytes(frame)

    def finish(self) -> None:
        """DecodeError: a frame belongs to no payload."""
        if self._next != len(self._frames):
            raise DecodeError(f"{len(self._frames) - self._next} frames belong to no payload")
