"""What the handler of one attempt says while it runs, on its way to the worker's machine.

Progress and checkpoints wait a moment for those that come after them, of which the newest goes:
whoever says something a million times a second costs a hundred messages. Parts go at once, unless
others went just now. What waits is sent when the moment is over, whatever the handler does then,
and before its outcome.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

from zmqwork.core.progress import CHECKPOINT_BYTES_MAX, NOTE_BYTES_MAX
from zmqwork.errors import EncodeError
from zmqwork.execution.room import Room
from zmqwork.wire.values import decode_value, encode_value

if TYPE_CHECKING:
    from zmqwork.execution.context import Item

# The moment.
_HOLD_SECONDS = 0.01

# The thread that looks after it ends when nobody has said anything for so long.
_IDLE_TIMEOUT = 1.0


class Voice(Protocol):
    """How the handlers of a slot reach the machine; from any thread."""

    @property
    def waits(self) -> bool:
        """Whether a handler can be told, while it runs, that its parts were read."""

    @property
    def listen(self) -> Callable[[float], None] | None:
        """As for `Room`."""

    def shield(self, call: Callable[[], None]) -> None:
        """Do this; a `SoftTimeout` in the handler's thread is raised before it or behind it."""

    def say(self, item: Any, said: dict[str, Any]) -> None:
        """Pass on what `progress.Progress` has a place for."""

    def give(self, item: Any, first: int, values: list[bytes]) -> None:
        """Pass on parts, the first of which has this number."""


# That of the slot in which this code runs; None: nobody hears what is said.
voice: ContextVar[Voice | None] = ContextVar("zmqwork_voice", default=None)


class Speech:
    """What one attempt says. From any of its threads.

    Args:
        item: the attempt.
        voice: its slot's; None: nobody hears it.

    Attributes:
        room: how far its parts may be ahead of their reader; None: as far as they like.
    """

    __slots__ = ("_checkpoint", "_count", "_flusher", "_item", "_lock", "_parts", "_said",
                 "_sent_at", "_voice", "room")  # fmt: skip

    def __init__(self, item: Item, voice: Voice | None) -> None:
        self._item = item
        self._voice = voice
        self._lock = threading.RLock()
        self._said: dict[str, Any] = {}
        self._checkpoint: bytes | None = item.options.get("checkpoint")
        self._parts: list[bytes] = []  # yielded and not sent; bound: what the room allows
        self._count = int(item.options.get("part", 0))
        self._sent_at = 0.0
        self._flusher = _flusher  # a fork has another one, and speaks for nobody
        self.room: Room | None = None
        if voice is not None and voice.waits:
            options = item.options
            unread = int(options.get("unread", 0)), int(options.get("unread_bytes", 0))
            self.room = Room(self._count, lambda: not item.dropped, voice.listen, unread)

    def progress(self, fraction: float | None, note: str | None) -> None:
        """How far it is; None: as it was."""
        said: dict[str, Any] = {}
        if fraction is not None:
            said["fraction"] = float(fraction)
        if note is not None:
            said["note"] = note.encode(errors="replace")[:NOTE_BYTES_MAX].decode(errors="ignore")
        self._shield(lambda: self._say(said))

    def save(self, value: Any) -> None:
        """Leave a checkpoint. EncodeError: it cannot travel, or is too large."""
        encoded = encode_value(value)
        if len(encoded) > CHECKPOINT_BYTES_MAX:
            raise EncodeError(
                f"a checkpoint has {len(encoded)} bytes, at most {CHECKPOINT_BYTES_MAX} travel: "
                "keep what is large where the next attempt finds it, and save its name"
            )
        self._shield(lambda: self._say({"checkpoint": encoded, "part": self._count}))
        self._checkpoint = encoded

    def _say(self, said: dict[str, Any]) -> None:
        with self._lock:
            self._said |= said
        _flusher.add(self)

    def _shield(self, call: Callable[[], None]) -> None:
        if self._voice is not None and self._flusher is _flusher:
            self._voice.shield(call)

    @property
    def checkpoint(self) -> Any:
        """The newest one, of this attempt or of one before it; None: there is none."""
        return None if self._checkpoint is None else decode_value(self._checkpoint)

    def give(self, value: Any) -> None:
        """Yield a part. EncodeError: it cannot travel."""
        self._shield(lambda: self._give(encode_value(value)))

    def _give(self, encoded: bytes) -> None:
        with self._lock:
            self._parts.append(encoded)
            self._count += 1
            if self.room is not None:
                self.room.took(len(encoded))
            is_late = time.monotonic() - self._sent_at >= _HOLD_SECONDS
        if is_late or (self.room is not None and self.room.is_full):
            self.flush()
        else:
            _flusher.add(self)

    def flush(self) -> None:
        """Send what was not sent yet: parts before a checkpoint that counts them."""
        if self._flusher is not _flusher:
            return
        with self._lock:
            parts, self._parts = self._parts, []
            said, self._said = self._said, {}
            if self._voice is None:
                return
            if parts:
                self._sent_at = time.monotonic()
                self._voice.give(self._item, self._count - len(parts), parts)
            if said:
                self._voice.say(self._item, said)


def speech_of(item: Any, through: Voice | None) -> Speech:
    """That of an attempt; made at the first word."""
    if item.speech is None:
        with _making:
            if item.speech is None:
                item.speech = Speech(item, through)
    speech: Speech = item.speech
    return speech


def grant(item: Any, count: int) -> None:
    """All parts of a running attempt below this number were read. From any thread."""
    speech: Speech | None = item.speech
    if speech is not None and speech.room is not None:
        speech.room.granted(count)


class _Flusher:
    """Sends, from a thread of its own, what attempts keep for a moment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._there = threading.Event()
        self._speeches: dict[Speech, None] = {}  # bound: the slots
        self._thread: threading.Thread | None = None

    def add(self, speech: Speech) -> None:
        """This one has something to send."""
        with self._lock:
            self._speeches[speech] = None
            if self._thread is None:
                thread = threading.Thread(target=self._work, name="zmqwork-speech", daemon=True)
                thread.start()
                self._thread = thread
        self._there.set()

    def _work(self) -> None:
        while True:
            if self._there.wait(_IDLE_TIMEOUT):
                time.sleep(_HOLD_SECONDS)
                self._there.clear()
            with self._lock:
                speeches, self._speeches = self._speeches, {}
                if not speeches:
                    self._thread = None
                    return
            for speech in speeches:
                speech.flush()


_making = threading.Lock()
_flusher = _Flusher()


def _renew() -> None:
    """In a forked child: the thread is not there, and the locks are as somebody held them."""
    global _making, _flusher
    _making, _flusher = threading.Lock(), _Flusher()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
