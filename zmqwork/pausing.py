"""Queues of an app that are paused, and go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zmqwork.producers import Producers


class Pausing:
    """What `App` can do to the queues of its producer."""

    _producers: Producers

    def pause(self, queue: str) -> None:
        """Let no task of this queue begin; see `Producer.pause`. It holds for the producer of now.

        Raises:
            ConfigError: it is no name of a queue.
            UsageError: the producer takes no more tasks, or has too many queues paused.
        """
        (self._producers.current or self._producers.implicit()).pause(queue)

    def resume(self, queue: str) -> None:
        """Let the tasks of this queue go on, if it is paused. Raises as `pause`."""
        (self._producers.current or self._producers.implicit()).resume(queue)
