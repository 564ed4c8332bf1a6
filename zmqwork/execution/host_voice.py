"""The voice of handlers that run in the worker's own process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zmqwork.core.clients import Held
from zmqwork.core.events import Event
from zmqwork.core.progress import Advanced, Yielded
from zmqwork.execution.alarm import Alarm


class HostVoice:
    """Posts to the worker's loop.

    Args:
        post: from any thread.
        alarm: what may ring in the slot's thread; None: nothing does.
        waits: False where handlers run on the loop's thread: nobody could tell them to go on.
    """

    listen: Callable[[float], None] | None = None

    def __init__(
        self, post: Callable[[Event], None], alarm: Alarm | None = None, *, waits: bool = True
    ) -> None:
        self._post = post
        self._alarm = alarm
        self.waits = waits

    def shield(self, call: Callable[[], None]) -> None:
        """As `Voice.shield`."""
        if self._alarm is not None:
            self._alarm.shield(call)
        else:
            call()

    def say(self, item: Held, said: dict[str, Any]) -> None:
        """As `Voice.say`."""
        self._post(Advanced(item, said))

    def give(self, item: Held, first: int, values: list[bytes]) -> None:
        """As `Voice.give`."""
        self._post(Yielded(item, first, values))
