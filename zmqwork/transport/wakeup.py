"""How another thread wakes the loop: an eventfd, or a socketpair where there is none."""

from __future__ import annotations

import contextlib
import os
import socket


class Wakeup:
    """A descriptor that becomes readable when anybody calls `set`. Many calls are one wake-up."""

    def __init__(self) -> None:
        self._pair: tuple[socket.socket, socket.socket] | None = None
        if hasattr(os, "eventfd"):
            self.fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        else:
            self._pair = socket.socketpair()
            for end in self._pair:
                end.setblocking(False)
            self.fd = self._pair[0].fileno()

    def set(self) -> None:
        """Wake the loop. From any thread, and from a signal handler."""
        # A full buffer means that the wake-up is pending already.
        with contextlib.suppress(BlockingIOError, OSError):
            if self._pair is None:
                os.eventfd_write(self.fd, 1)
            else:
                self._pair[1].send(b"\0")

    def clear(self) -> None:
        """Forget all wake-ups so far."""
        with contextlib.suppress(BlockingIOError):
            if self._pair is None:
                os.eventfd_read(self.fd)
            else:
                self._pair[0].recv(4096)

    def close(self) -> None:
        """Give the descriptors back; nobody may call `set` any more."""
        if self._pair is None:
            os.close(self.fd)
        else:
            for end in self._pair:
                end.close()
