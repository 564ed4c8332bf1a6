"""Freelance: ask any of N, without a broker, and take the first answer.

::

                 +---> worker    stopped: no answer yet
    client ------+
                 +- -> worker    asked `hedge_delay` later: this answer is taken
                 |
                 +     worker    not needed

**Guarantee:** while one worker lives that knows the task, an answer comes; with ``hedge=2`` it
comes as soon as another worker has it, although the one that was asked first is stuck. Who is known
to be dead, or is silent, is not asked.

**Use it** where an answer is wanted soon, and the work is cheap or workers are idle: look-ups,
caches, searches. It may run as often as `hedge` says; make it safe to repeat.

**From** the ZeroMQ guide, chapter 4, "Brokerless Reliability (Freelance Pattern)". Model one asks
one server after the other, and waits for a time-out at each dead one, every time; model two asks
all of them, always; model three knows who lives. This is the third, with as much of the second as
is wanted.
"""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from zmqwork import ConfigError, Task, TaskFuture

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Client:
    """Questions to whoever answers first.

    ::

        client = freelance.Client(timeout=2.0, hedge=2, hedge_delay=0.05)
        address = client.ask(resolve, "printer")

    Each further question goes to a worker with a free slot, and they take turns: so it is another
    worker, unless none is idle.

    Attributes:
        timeout: seconds for an answer.
        hedge: how many are asked at most. 1: one, and another one only if that is lost.
        hedge_delay: seconds after which the next one is asked; 0: all at once. A failed answer
            lets the next one be asked at once.
    """

    timeout: float = 10.0
    hedge: int = 1
    hedge_delay: float = 0.0

    def __post_init__(self) -> None:
        if self.hedge < 1:
            raise ConfigError(f"hedge must be 1 or more, not {self.hedge!r}")

    def ask(self, task: Task[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The first result that comes; the other questions are withdrawn, unless they run already.

        Raises:
            TaskError: everybody who was asked failed; this is how the last one did.
            TimeoutError: nobody answered in time. (`NoWorker`: nobody was there.)
            UsageError: inside a task, with ``hedge`` above 1: only `pirate.Client` may wait there.
        """
        give_up_at = time.monotonic() + self.timeout
        asked: list[TaskFuture[R]] = []
        waiting: set[Future[R]] = set()
        failure: BaseException | None = None
        try:
            while waiting or len(asked) < self.hedge:
                if len(asked) < self.hedge:
                    asked.append(task.submit(*args, **kwargs))
                    waiting.add(asked[-1])
                left = max(0.0, give_up_at - time.monotonic())
                if len(asked) == self.hedge and len(waiting) == 1:
                    return waiting.pop().result(left)  # whose error says more than ours
                pause = left if len(asked) == self.hedge else min(left, self.hedge_delay)
                done, waiting = wait(waiting, pause, FIRST_COMPLETED)
                for future in done:
                    failure = future.exception()
                    if failure is None:
                        return future.result()
                if not done and pause == left:
                    text = f"{len(asked)} workers were asked for {task.name!r}, and none answered"
                    raise TimeoutError(f"{text} within {self.timeout:g} s")
            assert failure is not None
            raise failure
        finally:
            for future in asked:
                future.cancel()
