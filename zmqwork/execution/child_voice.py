"""The voice of handlers that run in a child process."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from typing import Any

from zmqwork.errors import SoftTimeout
from zmqwork.execution.child_channel import ChildChannel
from zmqwork.wire.channel import SAID, YIELDED, pack_message


class ChildVoice:
    """Sends frames to the parent.

    Attributes:
        is_shielded: whether the main thread does what a `SoftTimeout` must not cut off.
        is_late: whether one has come meanwhile.
        is_copy: whether this process is a fork, which speaks for nobody.
    """

    waits = True

    def __init__(self, channel: ChildChannel) -> None:
        self._channel = channel
        self.is_shielded = False
        self.is_late = False
        self.is_copy = False

    def shield(self, call: Callable[[], None]) -> None:
        """As `Voice.shield`."""
        if self.is_shielded or threading.current_thread() is not threading.main_thread():
            call()
            return
        self.is_shielded = True
        try:
            call()
        finally:
            self.is_shielded = False
            late, self.is_late = self.is_late, False
            if late:
                raise SoftTimeout

    def say(self, item: Any, said: dict[str, Any]) -> None:
        """As `Voice.say`."""
        self._send(pack_message(SAID, [item.index, said]))

    def give(self, item: Any, first: int, values: list[bytes]) -> None:
        """As `Voice.give`."""
        self._send(pack_message(YIELDED, [item.index, first, values]))

    def listen(self, timeout: float) -> None:
        """Take in what comes from the parent, which may be that parts were read."""
        if select.select([self._channel.fd], [], [], timeout)[0]:
            self.shield(self._read_ahead)

    def _read_ahead(self) -> None:
        try:
            self._channel.read_ahead()
        except EOFError:
            # Only a parent that is gone closes the channel of a child that is busy.
            os._exit(1)

    def _send(self, frame: bytes) -> None:
        if not self.is_copy:
            self._channel.send(frame)
