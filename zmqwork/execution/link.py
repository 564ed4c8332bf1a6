"""The parent's end of a child's channel: never waits, keeps what cannot be written yet."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Callable
from itertools import islice

from zmqwork.errors import DecodeError
from zmqwork.execution.frames import FrameReader
from zmqwork.execution.pool import Host
from zmqwork.wire.channel import Frame

# Buffers in one system call; far below IOV_MAX (1,024).
_BUFFERS_AT_ONCE = 64

# Bytes read before the loop looks at its other descriptors; a living child may go on for ever.
_READ_BUDGET_BYTES = 1024 * 1024

# After less than this there is hardly more to read, and the loop will say so if there is.
_WORTH_ANOTHER_BYTES = 16 * 1024


class Link:
    """A non-blocking socket on the loop.

    Args:
        host: the loop.
        end: the socket; the link closes it.
        received: called with the frames that came.
        broken: called once when nothing more can come: with None at its end, or with what is wrong.
    """

    def __init__(
        self,
        host: Host,
        end: socket.socket,
        received: Callable[[list[Frame]], None],
        broken: Callable[[str | None], None],
    ) -> None:
        end.setblocking(False)
        self._host = host
        self._end = end
        self._received = received
        self._broken = broken
        self._reader = FrameReader()
        # Bound: what the worker's credit lets producers send.
        self._unsent: deque[memoryview] = deque()
        self._watched = True
        self._waits_to_write = False
        host.watch(end.fileno(), self._readable)

    def send(self, buffers: list[bytes]) -> None:
        """Write these, now or as soon as the child has read what is before them."""
        if not self._watched:
            return
        self._unsent.extend(map(memoryview, buffers))
        if not self._waits_to_write:
            self._write()

    def drain(self) -> None:
        """Take in everything that the child, which is gone, has written."""
        # What a gone child left fits into the socket's buffer, so this ends.
        while self._watched and self._receive():
            pass

    def finish(self) -> None:
        """Let the child see the end of its input."""
        if self._watched:
            try:
                self._end.shutdown(socket.SHUT_WR)
            except OSError:
                self._unwatch()

    def close(self) -> None:
        """Forget everything; does nothing the second time."""
        self._unwatch()
        self._unsent.clear()
        self._end.close()

    # -- inside -------------------------------------------------------------------------------

    def _readable(self) -> None:
        budget_bytes = _READ_BUDGET_BYTES
        while budget_bytes > 0 and self._watched:
            count = self._receive()
            if count < _WORTH_ANOTHER_BYTES:
                return
            budget_bytes -= count

    def _receive(self) -> int:
        """Read once: how many bytes came, 0 if there are none at the moment."""
        try:
            count = self._end.recv_into(self._reader.room())
        except BlockingIOError:
            return 0
        except OSError:
            # Reset: the child went without reading all that it was sent.
            count = 0
        if not count:
            self._break(None)
            return 0
        try:
            frames = self._reader.received(count)
            if frames:
                self._received(frames)
            if self._reader.is_broken:
                self._break("no frames came through its channel")
        except DecodeError as error:
            self._break(str(error))
        return count

    def _write(self) -> None:
        unsent = self._unsent
        while unsent:
            try:
                if len(unsent) == 1:
                    count = self._end.send(unsent[0])
                else:
                    count = self._end.sendmsg([*islice(unsent, _BUFFERS_AT_ONCE)])
            except BlockingIOError:
                break
            except OSError:
                # Gone. What it wrote before can still be read; its end says the rest.
                unsent.clear()
                break
            while count and count >= len(unsent[0]):
                count -= len(unsent.popleft())
            if count:
                unsent[0] = unsent[0][count:]
        waits = bool(unsent)
        if waits != self._waits_to_write:
            self._waits_to_write = waits
            self._host.watch_writable(self._end.fileno(), self._write if waits else None)

    def _break(self, reason: str | None) -> None:
        if self._watched:
            self._unwatch()
            self._broken(reason)

    def _unwatch(self) -> None:
        if self._watched:
            self._watched = False
            self._host.unwatch(self._end.fileno())
