"""The child's end of its channel."""

from __future__ import annotations

import fcntl
import os
import socket
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import NoReturn

from zmqwork.execution.ending import CHANNEL_LOST
from zmqwork.execution.frames import FrameReader
from zmqwork.wire.channel import GRANTED, NUDGE, Frame, unpack_message

# Above what user code gets when it opens files after it has closed "all" of them: our frames must
# not end up in one.
_DESCRIPTOR_MIN = 200


def move_away(descriptor: int) -> int:
    """The same under a number that user code is not given soon; the old one is closed."""
    try:
        moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _DESCRIPTOR_MIN)
    except OSError:  # few descriptors are allowed
        moved = os.dup(descriptor)
    os.close(descriptor)
    return moved


class ChildChannel:
    """Frames from and to the parent. `receive` waits, as does a `send` that the parent is slow for.

    When the parent has gone, or closed its end, `receive` returns None. When user code has closed
    our end, the process ends: `ending.CHANNEL_LOST`.

    Attributes:
        granted: called with what GRANTED says, as it comes: it concerns what runs.
    """

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=move_away(descriptor))
        self._reader = FrameReader()
        self._frames: deque[Frame] = deque()  # bound: what the parent has given
        self._sending = threading.Lock()
        self.granted: Callable[[int, int], None] = lambda _, __: None
        # A forked copy of this process must not answer for it, nor keep the channel open.
        os.register_at_fork(after_in_child=self._socket.close)

    @property
    def fd(self) -> int:
        """The descriptor."""
        return self._socket.fileno()

    def poll(self) -> Frame | None:
        """The next frame, if there is one now. EOFError: nothing more will come."""
        if not self._frames:
            self._take(socket.MSG_DONTWAIT)
        return self._frames.popleft() if self._frames else None

    def receive(self) -> Frame | None:
        """Wait for the next frame; None: nothing more will come."""
        try:
            while not self._frames:
                self._take(0)
        except EOFError:
            return None
        return self._frames.popleft()

    def read_ahead(self) -> None:
        """Take in what is there. EOFError: nothing more will come."""
        self._take(socket.MSG_DONTWAIT)

    def send(self, data: bytes | memoryview) -> None:
        """Write it all; from any thread. EOFError: nobody will read it."""
        try:
            with self._sending:
                self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            raise EOFError from None
        except OSError as error:
            _lost(error)

    def _take(self, flags: int) -> None:
        try:
            count = self._socket.recv_into(self._reader.room(), 0, flags)
        except BlockingIOError:
            return
        except ConnectionResetError:
            raise EOFError from None
        except OSError as error:
            _lost(error)
        if not count:
            raise EOFError
        for frame in self._reader.received(count):
            if frame[0] == GRANTED:
                self.granted(*unpack_message(frame))
            elif frame[0] != NUDGE:
                self._frames.append(frame)


def _lost(error: OSError) -> NoReturn:
    print(f"zmqwork: a child process lost its channel: {error}", file=sys.stderr)  # noqa: T201
    sys.exit(CHANNEL_LOST)
