"""The part of `App` that is about what becomes of its tasks: hooks, middleware, dead letters."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from zmqwork.errors import UsageError
from zmqwork.hooks import Hook, Hooks, Kind
from zmqwork.middleware import Layers, Middleware

if TYPE_CHECKING:
    from zmqwork.deadletters import DeadLetters
    from zmqwork.producers import Producers
    from zmqwork.task import Task

_H = TypeVar("_H", bound=Hook)
_M = TypeVar("_M", bound=Middleware)


class Hooking:
    """What an `App` has of it.

    Attributes:
        hooks: what `on` has added.
        layers: what `add_middleware` has added.
    """

    hooks: Hooks
    layers: Layers
    _tasks: dict[str, Task[..., Any]]
    _producers: Producers

    @property
    def deadletters(self) -> DeadLetters:
        """Tasks whose attempts are used up: `DeadLetters` lists them, and sends them again."""
        from zmqwork.deadletters import DeadLetters  # noqa: PLC0415 - few programs look

        return DeadLetters(self._producers, self._tasks)

    def on(self, *kinds: Kind) -> Callable[[_H], _H]:
        """Let a function hear what happens to the tasks of this app: ``@app.on("failed", "dead")``.

        It gets a `TaskEvent`, in the thread of the done-callbacks of whichever process submits the
        tasks. What it raises is logged, and harms nothing. See docs/hooks.md.

        Args:
            kinds: of events: ``submitted``, ``started``, ``succeeded``, ``failed``, ``retried``,
                ``resubmitted``, ``rejected``, ``dead``, ``cancelled``, ``expired``, ``late``,
                ``degraded``.

        Raises:
            ConfigError: a kind is unknown (the nearest is named), or there is none.
            UsageError: what is decorated is no plain function.
        """

        def decorate(function: _H) -> _H:
            self.hooks.add(kinds, function)
            return function

        return decorate

    def add_middleware(self, middleware: Middleware) -> None:
        """Let this stand around the tasks of this app, inside of what was added before.

        Add it in the module that makes the app: there child processes of workers find it, too.
        Workers that are made already do not know it. See docs/hooks.md.

        Raises:
            ConfigError: it has `run` and no `run_async` (or the reverse), and a task needs that.
            UsageError: it is no `Middleware`.
        """
        self.layers.add(middleware, list(self._tasks.values()))

    def middleware(self, kind: type[_M]) -> type[_M]:
        """The same as a decorator, of a class that needs no arguments. Raises likewise."""
        if not callable(kind):
            raise UsageError(f"{kind!r} is no class: app.add_middleware({kind!r}) takes it")
        self.add_middleware(kind())
        return kind
