"""Stages: several steps in a row, with workers of its own for each.

::

    ventilator            workers of each stage               sink
    +--------+   item     +------+
    |        | ---------> | load |  a
    |        | <--------- +------+
    | ledger |   output   +--------+
    |        | ---------> | shrink |  b, c     result     +-------+
    |        |            +--------+ -------------------> | store |
    |        | <------------- it is stored -------------- +-------+
    +--------+

**Guarantee:** while the ventilator lives, each item comes out at the sink, or is named with the
stage in which it failed, and why. What a killed worker had is done again by another one of its
stage, and no stage before it. It comes out at least once; once, if the sink has an inbox.

**Use it** where the steps need different machines, or different options: a step that loads is tried
again, one that computes is not. Outputs pass through the ventilator on their way to the next stage.
Steps that run in one place anyway are cheaper as one task that calls them in turn.

**From** the ZeroMQ guide, chapter 1, "Divide and Conquer", and chapter 2, "Messaging Patterns":
PUSH and PULL connect nodes in a pipeline that can have several steps. What a killed step had in its
queue is gone, and nobody knows what that was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from zmqwork import App, ConfigError, Run, Sink, Task, Worker, ventilate


@dataclass(frozen=True)
class Chain:
    """Stages in a row, as all their processes define them.

    ::

        @app.task(queue="load", max_retries=5)
        def load(path): ...


        @app.task(queue="shrink")
        def shrink(picture): ...


        chain = stages.Chain(app, [load, shrink])

    Then each process is one line, in any order and on any host: ``chain.push(paths)`` is the
    ventilator's, ``chain.worker(shrink).run()`` a worker's of that stage, ``chain.worker().run()``
    one's of all stages, and ``chain.sink(store).run(once=True)`` the sink's.

    Attributes:
        app: whose tasks they are.
        tasks: the stages; each gets the result of the one before as its only argument. For workers
            of a stage alone it needs a queue of its own.
        to: the name of the sinks.
    """

    app: App
    tasks: Sequence[Task[..., Any]]
    to: str = "default"

    def push(self, items: Iterable[Any], **options: Any) -> Run:
        """Push all items through the stages, and wait until each is settled: `zmqwork.ventilate`.

        Args:
            items: each is the only argument of the first stage; pulled as the window lets it.
            **options: those of `ventilate`: `on_failed`, `window`, `inbox`, `run`, ...
        """
        return ventilate(self.app, self.tasks, items, sink=self.to, **options)

    def worker(self, *tasks: Task[..., Any], **options: Any) -> Worker:
        """A worker for these stages alone; for all if none is named. Options as for `App.worker`.

        Raises:
            ConfigError: such a stage is not in the chain, or shares its queue with another one.
        """
        queues = []
        for task in tasks:
            if task not in self.tasks:
                raise ConfigError(f"{task.name!r} is no stage of this chain")
            queue = task.options.queue
            others = [other.name for other in self.tasks if other.options.queue == queue]
            if len(others) > 1:
                raise ConfigError(
                    f"stages {', '.join(others)} share the queue {queue!r}, and so their workers: "
                    "give each its own, @app.task(queue='...')"
                )
            queues.append(queue)
        return self.app.worker(queues=queues, **options)

    def sink(self, function: Callable[..., Any], **options: Any) -> Sink:
        """What takes the results of the last stage. Options as for `App.sink`, without `name`."""
        return self.app.sink(function, name=self.to, **options)
