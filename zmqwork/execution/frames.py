"""Cuts what comes through a child's channel into frames."""

from __future__ import annotations

from zmqwork.wire.channel import HEAD, Frame

# What is read at once; a longer frame gets a buffer of its own.
_READ_BYTES = 128 * 1024

# RUN frames are cut at some 256 KiB, so the longest frame is one that holds a single payload, and
# no payload is as large as this.
_FRAME_BYTES_MAX = 4 * 1024 * 1024 * 1024

# A longer frame is believed as its bytes come: user code may have written any eight bytes here.
_BELIEVED_BYTES = 4 * 1024 * 1024


class FrameReader:
    """Cuts a stream of bytes into frames.

    Read into `room()`, then say how much came: the buffer is the reader's own, so that nothing is
    allocated for small frames, and large ones are read into place.

    Attributes:
        is_broken: what came last is no frame; nothing will be made of what comes.
    """

    __slots__ = ("_buffer", "_filled", "_large", "_large_kind", "_large_total", "is_broken")

    def __init__(self) -> None:
        self._buffer = bytearray(_READ_BYTES)
        self._filled = 0
        self._large: bytearray | None = None  # bound: _FRAME_BYTES_MAX
        self._large_kind = (0, 0)
        self._large_total = 0
        self.is_broken = False

    def room(self) -> memoryview:
        """Where the next bytes go; never empty."""
        return memoryview(self._buffer if self._large is None else self._large)[self._filled :]

    def received(self, count: int) -> list[Frame]:
        """`count` more bytes are there: the frames that are complete now."""
        if self.is_broken:
            return []
        end = self._filled + count
        if self._large is not None:
            return self._received_large(end)
        buffer = self._buffer
        frames: list[Frame] = []
        start = 0
        while end - start >= HEAD.size:
            total, kind, body = HEAD.unpack_from(buffer, start)
            if not body <= total <= _FRAME_BYTES_MAX:
                # What came before it is good, and counts.
                self.is_broken = True
                return frames
            after = start + HEAD.size + total
            if total > _READ_BYTES - HEAD.size:
                self._begin_large(total, (kind, body), start + HEAD.size, end)
                return frames
            if after > end:
                break
            frames.append((kind, bytes(buffer[start + HEAD.size : after]), body))
            start = after
        buffer[: end - start] = buffer[start:end]
        self._filled = end - start
        return frames

    def _begin_large(self, total: int, kind: tuple[int, int], start: int, end: int) -> None:
        self._large = bytearray(min(total, _BELIEVED_BYTES))
        self._large_total = total
        self._large[: end - start] = self._buffer[start:end]
        self._large_kind = kind
        self._filled = end - start

    def _received_large(self, end: int) -> list[Frame]:
        assert self._large is not None
        self._filled = end
        if end < len(self._large):
            return []
        if end < self._large_total:
            # Another one, because somebody may still look at the room in this.
            longer = bytearray(min(self._large_total, 2 * end))
            longer[:end] = self._large
            self._large = longer
            return []
        frame = (self._large_kind[0], self._large, self._large_kind[1])
        self._large, self._filled = None, 0
        return [frame]
