"""Fan-out: every worker once, and an answer, or what kept it, from each.

::

               +--> worker a   True
    producer --+--> worker b   OSError: no such file
               +--> worker c   TaskLost: killed meanwhile
                    worker d   joined later: not among the answers

**Guarantee:** each worker that is there and serves the task runs it once; for each of them there is
its result or its error. Which these are is known to the caller before the first one answers.

**Use it** to tell or to ask each worker something: load the configuration anew, empty a cache, say
which version runs. It is not for state that a worker must have when it joins later: let that be
loaded by the worker's module.

**From** the ZeroMQ guide, chapter 1, "Getting the Message Out", and chapter 5, "Pros and Cons of
Pub-Sub": PUB sends to whoever is connected, and is told nothing: not who got it, not who has died,
and not who joined too late.
"""

from __future__ import annotations

from typing import ParamSpec, TypeVar

from zmqwork import Task

P = ParamSpec("P")
R = TypeVar("R")


def everywhere(task: Task[P, R], *args: P.args, **kwargs: P.kwargs) -> dict[str, R | Exception]:
    """Let every worker run the task once; by the worker's label, its result or what kept it.

    `Task.broadcast` in one line. It is that one that you want for a bound on the time
    (``task.broadcast(...).results(timeout)``), or for answers as they come.

    Raises:
        NoWorker: nobody was there.
        TypeError, EncodeError, PendingFull: as `Task.submit`.
    """
    return task.broadcast(*args, **kwargs).results(return_exceptions=True)
