"""An app whose one task is a command: for work that is no Python.

The worker knows the command, whoever submits does not: its records are the command's arguments.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Unpack

from zmqwork.app import App
from zmqwork.core.functions import COMMAND_TASK
from zmqwork.errors import UsageError
from zmqwork.whereabouts import Whereabouts

if TYPE_CHECKING:
    from zmqwork.execution.command import Command
    from zmqwork.nodes.worker import Worker
    from zmqwork.worker import Stay


def command_app(
    realm: str,
    run: Callable[[Any], Any] | None = None,
    *,
    peers: Iterable[str] | None = None,
) -> App:
    """The app of a realm in which workers run commands.

    Its only task is ``exec``, which takes one record: a line of text, a number, a list, or a dict
    whose keys are placeholders of the command. A command that fails is not run again, as with GNU
    parallel: for that, ``app.tasks["exec"].using(max_retries=2)``.

    Args:
        realm: the app's name.
        run: what a worker does with a record: `execution.command.Command.run`. None: this side
            only submits.
        peers: as for `App`.

    Raises:
        ConfigError: `realm` cannot be one.
    """
    app = App(realm, peers=peers)

    def submit_only(record: Any, /) -> Any:
        del record
        raise UsageError(
            f"this side of realm {realm!r} only submits; its commands are run by workers: "
            f"zmqwork worker --realm {realm} --exec 'CMD {{}}'"
        )

    app.task(name=COMMAND_TASK, max_retries=0)(submit_only if run is None else run)
    return app


def command_worker(
    realm: str,
    command: Command,
    concurrency: int | None = None,
    queues: Iterable[str] = (),
    *,
    where: Whereabouts | None = None,
    name: str | None = None,
    bind: Iterable[str] = (),
    drain_timeout: float = 30.0,
    strict: bool = False,
    exclude_queues: Iterable[str] = (),
    **stay: Unpack[Stay],
) -> Worker:
    """A worker that runs a command for each record. The command is closed after it has left.

    Args:
        realm: whom it works for.
        command: what it runs.
        concurrency: commands that run at the same time; None: one per processor.
        queues: as for `App.worker`.
        where: where it looks for others, and is found.
        name: as for `App.worker`.
        bind: as for `App.worker`.
        drain_timeout: as for `App.worker`.
        strict: as for `App.worker`.
        exclude_queues: as for `App.worker`.
        stay: as for `App.worker`.

    Raises:
        ConfigError: an argument has a value that it cannot have.
        InsecureBind: a routable `bind` without keys.
    """
    from zmqwork.pools import processors  # noqa: PLC0415 - the nodes load pyzmq
    from zmqwork.worker import make_worker  # noqa: PLC0415 - likewise

    app = command_app(realm, command.run)
    where = where or Whereabouts()
    return make_worker(
        app.tasks,
        functools.partial(app.discover, where),
        realm=realm,
        name=name,
        concurrency=processors() if concurrency is None else concurrency,
        # Each command is a process of its own already, and a thread waits for it.
        pool="thread",
        queues=queues,
        strict=strict,
        exclude_queues=exclude_queues,
        bind=bind,
        insecure_lan=where.insecure_lan,
        drain_timeout=drain_timeout,
        command=command.shown,
        **stay,
    )
