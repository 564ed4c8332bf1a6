"""How much of its input a map pulls, and when."""

from __future__ import annotations

import dataclasses
import time

from zmqwork.chunks import ChunkSize
from zmqwork.config import check_number
from zmqwork.errors import ConfigError

# Unless the user says otherwise: this many items, or chunks if that is more, within so many bytes.
WINDOW_ITEMS = 10_000
WINDOW_CHUNKS = 64
WINDOW_BYTES = 64 * 1024 * 1024
# A window holds at least so many chunks, or most of it would wait for one.
_CHUNKS_MIN = 4
# Until the task is measured, only this many chunks are sent ahead, for at most so many seconds:
# the first results decide whether thousands of small chunks would be a mistake.
_PROBE_CHUNKS = 64
_PROBE_SECONDS = 0.01
# Pulling a chunk from the input should take no longer than this, for results are waiting.
_PULL_SECONDS = 0.005
_PULL_GROWTH = 4


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class MapOptions:
    """How a map goes about it.

    Attributes:
        star: each item is the list of arguments of a call.
        window: items pulled and not yet handed out, at most; None: as many as keep workers busy.
        completed: hand out what is done; else in the order of the input.
        chunk: items per task on the wire; None: as the measured time suggests.
    """

    star: bool
    window: int | None
    completed: bool
    chunk: int | None

    def __post_init__(self) -> None:
        for name, value in (("window", self.window), ("chunk", self.chunk)):
            if value is not None:
                check_number(name, value, 1)
                if not isinstance(value, int):
                    raise ConfigError(f"{name} must be a whole number, not {value!r}")
        if self.window is not None and self.chunk is not None and self.chunk > self.window:
            raise ConfigError(f"chunk={self.chunk} does not fit in window={self.window}")


class Window:
    """Counts what was pulled and not handed out, and says how much to pull next.

    Args:
        options: of the map.
        size: what is known of the task's chunks.
    """

    def __init__(self, options: MapOptions, size: ChunkSize) -> None:
        self._options = options
        self._size = size
        self._held = 0
        self._pull_count = 1
        self._item_seconds = 0.0
        self._probe_until = time.monotonic() + _PROBE_SECONDS
        self._probing = False

    @property
    def slow_input(self) -> bool:
        """An item takes longer to pull than a chunk should take to run."""
        return self._item_seconds >= _PULL_SECONDS

    def next_pull(self) -> int:
        """How many items to pull now; 0: there is no room, or it is too early to tell."""
        count = self._chunk_count()
        free = self._most(count) - self._held
        self._probing = False
        if self._options.chunk is None:
            if self._size.growing and self._held + count > _PROBE_CHUNKS * count:
                self._probing = time.monotonic() < self._probe_until
            count = min(count, self._pull_count)
        if self._probing:
            return 0
        # A remnant of the window is left until a whole chunk fits, or it is all there is.
        return count if count <= free else (free if not self._held else 0)

    def patience(self) -> float | None:
        """How long to wait before asking `next_pull` again; None: until something is done."""
        return max(0.0, self._probe_until - time.monotonic()) if self._probing else None

    def pulled(self, count: int, seconds: float) -> None:
        """So many items were pulled, in so many seconds."""
        self._held += count
        self._item_seconds = each = seconds / count
        most = _PULL_SECONDS / each if each else float("inf")
        self._pull_count = max(1, int(min(most, count * _PULL_GROWTH)))

    def release(self, count: int) -> None:
        """So many items were handed out."""
        self._held -= count

    def _chunk_count(self) -> int:
        if self._options.chunk is not None:
            return self._options.chunk
        count = self._size.count()
        if self._options.window is not None:
            count = min(count, max(1, self._options.window // _CHUNKS_MIN))
        return count

    def _most(self, count: int) -> int:
        if self._options.window is not None:
            return self._options.window
        size = self._size.item_bytes
        most = int(WINDOW_BYTES / size) if size else WINDOW_ITEMS
        return max(count * _CHUNKS_MIN, min(most, max(WINDOW_ITEMS, WINDOW_CHUNKS * count)))
