"""Pirate: request and reply that outlives the servers.

::

      client                                      +--------+
    +--------+   attempt 1   TASKS   - - - - - -> | worker |  killed, or stopped, or cut off
    | ledger | <= heartbeats, both ways =========>+--------+
    | leases |                                    +--------+
    +--------+   attempt 2   TASKS   -----------> | worker |
        ^                                         +---+----+
        +------------------- DONE <-------------------+

**Guarantee:** while one worker lives that knows the task, a call ends with its answer, or with the
error of its handler; if the time is over first, it ends with `TimeoutError` and is withdrawn.

**Use it** for remote procedure calls: one question, one answer, servers that may die. What may
run must be safe to repeat: a worker that dies may have done it.

**From** the ZeroMQ guide, chapter 4, "Client-Side Reliability (Lazy Pirate Pattern)" and "Robust
Reliable Queuing (Paranoid Pirate Pattern)". There a queue stands between client and workers, and
the client resends when its time is over. Here the client keeps a ledger: what a dead worker had is
known when it dies, so nobody waits for a time-out, and slow work is not taken for dead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from zmqwork import Task

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Client:
    """Calls that end within a time.

    ::

        client = pirate.Client(timeout=2.5)
        price = client.call(quote, "ZMQ", currency="EUR")

    Attributes:
        timeout: seconds for a call, from question to answer; None: as long as it takes.
        retries: how often a call whose handler raised is tried again; None: as the task says.
            Attempts that were lost with their worker do not count.
    """

    timeout: float | None = 10.0
    retries: int | None = None

    def call(self, task: Task[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the task somewhere and wait for its result.

        Raises what `TaskFuture.result` and `Task.submit` do. Whatever it raises, KeyboardInterrupt
        too: a call that no worker has begun is withdrawn; one that runs goes on, for nobody.
        """
        if self.retries is not None:
            task = task.using(max_retries=self.retries)
        future = task.submit(*args, **kwargs)
        try:
            return future.result(self.timeout)
        finally:
            future.cancel()
