"""The page of memory that a child shares with its parent, which survives the child.

The child notes what it begins, and puts each outcome here before it sends it. So its parent knows,
however the child died, which attempt to blame, and gets every outcome that was there.

One side writes each field, as one aligned store of 8 bytes: the other one, and whoever reads after
a SIGKILL at any instant, sees it before or after, never halfway.
"""

from __future__ import annotations

import contextlib
import faulthandler
import mmap
import os

from zmqwork.errors import DecodeError
from zmqwork.wire.channel import OUTCOMES_HEAD, Outcome, outcomes_head, unpack_entries

# Indices of the child's fields, as words of 8 bytes.
_BEGUN = 0  # attempts begun since the start
_BASE = 1  # outcomes sent before those that are here
_EXTENT = 2  # what is here: outcomes << 32 | bytes
_SECONDS = 3  # how long these ran, together (a double)
_NOTED = 4  # bytes of standard error that were noted ...
_NOTED_BY = 5  # ... while so many attempts had begun

# The parent's field: a byte per attempt, below. More than a slot is ever given
# (`WorkerConfig.chunk_max` is 512); beyond, two attempts would share a flag.
_FLAGS_AT = 64
FLAGS_COUNT = 8192

# Wanted; its soft time-out is over; its handler should end, for nobody wants its result; being
# taken back, unless the child begins it at this moment; taken back, and not to be begun.
WANTED, ALARMED, CANCELLED, TAKING, TAKEN = range(5)

_HEAD_AT = _FLAGS_AT + FLAGS_COUNT
_ENTRIES_AT = _HEAD_AT + OUTCOMES_HEAD.size

# Outcomes are sent when they fill half of their room. An entry that exceeds the other half is
# large enough to be sent by itself.
FULL_BYTES = 64 * 1024

# Behind them the end of what the attempt that runs has written to standard error, as a ring.
_NOTES_AT = _ENTRIES_AT + 2 * FULL_BYTES
_NOTES_BYTES = 2048

# And at last the child's last words: what `faulthandler` writes when it crashes, from the top. It
# writes to a file, whose end is not the page's: what is longer is beyond it, and not read.
_WORDS_AT = _NOTES_AT + _NOTES_BYTES
_WORDS_BYTES = 4096
_SIZE = _WORDS_AT + _WORDS_BYTES


class Page:
    """Either side's view of it. Closing it twice does nothing."""

    def __init__(self, descriptor: int) -> None:
        self._memory = mmap.mmap(descriptor, _SIZE)
        self._view = memoryview(self._memory)
        self._words = self._view[:_FLAGS_AT].cast("Q")
        self._doubles = self._view[:_FLAGS_AT].cast("d")
        self.flags = self._view[_FLAGS_AT:_HEAD_AT]
        self.count = 0
        self.size_bytes = 0
        self._base = 0

    def close(self) -> None:
        """Give the memory back."""
        for view in (self._words, self._doubles, self.flags, self._view):
            view.release()
        self._memory.close()

    # -- the parent ---------------------------------------------------------------------------

    @property
    def begun(self) -> int:
        """How many attempts the child has begun."""
        return self._words[_BEGUN]

    def flag(self, index: int, value: int) -> None:
        """Say of the attempt with this index, counted from the child's start, what it is."""
        self.flags[index % FLAGS_COUNT] = value

    def take_back(self, first: int, end: int) -> int:
        """Let the child begin none of these attempts; the index of the first that it will not.

        Whoever comes first decides, as in Dekker's algorithm: the child notes that it begins an
        attempt and then looks at its flag, we set the flag and then look what was begun. If both
        happened, it waits until we have said which of the two counts.
        """
        first = min(end, max(first, self.begun))  # what runs may be cancelled, and stays so
        flags = {index: self.flags[index % FLAGS_COUNT] for index in range(first, end)}
        # What was taken before is somewhere else by now, though the child is only coming to it.
        asked = [index for index, flag in flags.items() if flag != TAKEN]
        for index in asked:
            self.flag(index, TAKING)
        begun = min(end, max(first, self.begun))
        for index in asked:
            self.flag(index, flags[index] if index < begun else TAKEN)
        return begun

    def outcomes(self) -> tuple[int, float, list[Outcome]]:
        """As `unpack_outcomes`: what is here and was not sent, or was sent just now.

        Raises:
            DecodeError: somebody else wrote here.
        """
        words = self._words
        base, extent, seconds = words[_BASE], words[_EXTENT], self._doubles[_SECONDS]
        count, size_bytes = extent >> 32, extent & 0xFFFFFFFF
        if not count:
            return base, 0.0, []
        if size_bytes > 2 * FULL_BYTES:
            raise DecodeError("a child's page was overwritten")
        entries = bytes(self._view[_ENTRIES_AT : _ENTRIES_AT + size_bytes])
        if words[_BASE] != base or words[_EXTENT] < extent:
            # A living child has sent them meanwhile, and uses the room again.
            return base, 0.0, []
        return base, seconds, unpack_entries(entries, count)

    def last_lines(self) -> str:
        """What the newest attempt has written to standard error, the end of it; may be empty."""
        words = self._words
        noted = words[_NOTED]
        if words[_NOTED_BY] != words[_BEGUN] or not noted:
            return ""
        ring = bytes(self._view[_NOTES_AT:_WORDS_AT])
        if noted <= _NOTES_BYTES:
            return ring[:noted].decode(errors="replace").rstrip()
        at = noted % _NOTES_BYTES
        whole = (ring[at:] + ring[:at]).partition(b"\n")[2]  # the first line is cut
        return whole.decode(errors="replace").rstrip()

    def last_words(self) -> str:
        """Where a child was that has crashed; empty: it left none."""
        words = bytes(self._view[_WORDS_AT:_SIZE]).partition(b"\0")[0]
        return words.decode(errors="replace").rstrip()

    # -- the child ----------------------------------------------------------------------------

    def begin(self, index: int) -> None:
        """The attempt with this index begins."""
        self._words[_BEGUN] = index + 1

    def is_cancelled(self, index: int) -> bool:
        """Whether nobody wants the result of the attempt with this index."""
        return self.flags[index % FLAGS_COUNT] == CANCELLED

    def is_alarmed(self, index: int) -> bool:
        """Whether the soft time-out of the attempt with this index is over."""
        return self.flags[index % FLAGS_COUNT] == ALARMED

    def add(self, entry: bytes, seconds: float) -> None:
        """Put an outcome here; `seconds` is the time of all that are here."""
        start = self.size_bytes
        self.size_bytes = end = start + len(entry)
        self.count += 1
        self._view[_ENTRIES_AT + start : _ENTRIES_AT + end] = entry
        self._doubles[_SECONDS] = seconds
        self._words[_EXTENT] = self.count << 32 | end

    def note(self, data: bytes) -> None:
        """The attempt that runs has written this to standard error."""
        words, data = self._words, data[-_NOTES_BYTES:]
        if words[_NOTED_BY] != words[_BEGUN]:
            words[_NOTED], words[_NOTED_BY] = 0, words[_BEGUN]
        noted = words[_NOTED]
        at = noted % _NOTES_BYTES
        first, rest = data[: _NOTES_BYTES - at], data[_NOTES_BYTES - at :]
        self._view[_NOTES_AT + at : _NOTES_AT + at + len(first)] = first
        self._view[_NOTES_AT : _NOTES_AT + len(rest)] = rest
        words[_NOTED] = noted + len(data)

    def frame(self) -> memoryview:
        """What is here, as an OUTCOMES frame."""
        seconds = self._doubles[_SECONDS]
        head = outcomes_head(self._base, seconds, self.count, self.size_bytes)
        self._view[_HEAD_AT:_ENTRIES_AT] = head
        return self._view[_HEAD_AT : _ENTRIES_AT + self.size_bytes]

    def sent(self, count: int) -> None:
        """`count` more outcomes were sent: those that were here, or one that never was.

        An attempt that was taken back counts as one, too.
        """
        # First nothing is here, then nothing is here after more: each step is true by itself.
        self._words[_EXTENT] = 0
        self._base += count
        self._words[_BASE] = self._base
        self.count = self.size_bytes = 0


def leave_words(descriptor: int) -> None:
    """If this process crashes, let it write its stack to the page that this descriptor is of.

    The descriptor stays open for that. Only it may be used so: its place in the file is moved.
    """
    os.lseek(descriptor, _WORDS_AT, os.SEEK_SET)
    faulthandler.enable(descriptor)
    # What a task forks does not speak for this process.
    os.register_at_fork(after_in_child=_show_on_stderr)


def _show_on_stderr() -> None:
    with contextlib.suppress(Exception):  # no stderr, or one that is no file
        faulthandler.enable()


def new_page() -> tuple[Page, int]:
    """A page, and a descriptor by which a child can map it, too; close that one soon."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("zmqwork-page")
    else:
        import tempfile  # noqa: PLC0415  # slow to import, and Linux does not need it

        # Unlinked at once: it lives as long as it is mapped.
        descriptor, path = tempfile.mkstemp(prefix="zmqwork-page-")
        os.unlink(path)  # noqa: PTH108  # mkstemp gives strings
    try:
        os.ftruncate(descriptor, _SIZE)
        return Page(descriptor), descriptor
    except BaseException:
        os.close(descriptor)
        raise
