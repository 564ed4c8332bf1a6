"""The part of `App` that is about what becomes of its tasks: hooks, middleware, dead letters."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from zmqwork.hooks import Hook, Hooks, Kind

if TYPE_CHECKING:
    from zmqwork.deadletters import DeadLetters
    from zmqwork.producers import Producers

_H = TypeVar("_H", bound=Hook)


class Hooking:
    """What an `App` has of it.

    Attributes:
        hooks: what `on` has added.
    """

    hooks: Hooks
    _producers: Producers

    @property
    def deadletters(self) -> DeadLetters:
        """Tasks whose attempts are used up: `DeadLetters` lists them, and sends them again."""
        from zmqwork.deadletters import DeadLetters  # noqa: PLC0415 - few programs look

        return DeadLetters(self._producers)

    def on(self, *kinds: Kind) -> Callable[[_H], _H]:
        """Let a function hear what happens to the tasks of this app: ``@app.on("failed", "dead")``.

        It gets a `TaskEvent`, in the thread of the done-callbacks of whichever process submits the
        tasks. What it raises is logged, and harms nothing. See docs/hooks.md.

        Args:
            kinds: of events: ``submitted``, ``started``, ``succeeded``, ``failed``, ``retried``,
                ``resubmitted``, ``dead``, ``cancelled``, ``expired``, ``late``, ``degraded``.

        Raises:
            ConfigError: a kind is unknown (the nearest is named), or there is none.
            UsageError: what is decorated is no plain function.
        """

        def decorate(function: _H) -> _H:
            self.hooks.add(kinds, function)
            return function

        return decorate
