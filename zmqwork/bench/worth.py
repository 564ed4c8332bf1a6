"""From which length on a task is worth sending away.

A task that computes for L seconds takes `here + L` in this process, where `here` is a plain call
of a task that does nothing. Sent away, many of them take `there + L / slots` each: `there` is what
one takes that does nothing, all included (1 / throughput: encoding, the network, the worker's
turn), and L is shared out among the slots of all workers, as far as tasks in flight reach. Both are
the same at

    L = (there - here) * slots / (slots - 1)

Shorter tasks are cheaper in this process. It is an estimate from above: in truth a good part of
`there` passes while other tasks compute. With a single slot nothing is ever done sooner there.

Of a task of somebody's own the length is known: see `worth_of_own`.

What this process itself spends is another question: with `cpu` seconds of its processor time for
each task that is sent away, it has less to do than if it ran the task itself from
`cpu - here` on, whatever the number of slots.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from zmqwork.bench.cases import LASTING, Case

_ROUNDS = 5
_ROUND_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Worth:
    """The two lengths, in seconds.

    Attributes:
        sooner: tasks that take longer are done sooner there; None: never.
        relief: tasks that take longer cost this process less there.
    """

    sooner: float | None
    relief: float


def worth(there: float, here: float, cpu: float, slots: int) -> Worth:
    """All of these are of one task that does nothing; see above."""
    sooner = max(0.0, there - here) * slots / (slots - 1) if slots > 1 else None
    return Worth(sooner, max(0.0, cpu - here))


def worth_of_own(there: float, here: float, cpu: float, slots: int) -> Worth:
    """Of one call of a task that computes, all included, and of `cpu` seconds to hand it over.

    What it costs to send one away is what it takes beyond the slots' share of the call, and no less
    than what this process spends for it: the rest may have passed while others computed.
    """
    cost = max(there - here / slots, cpu)
    return Worth(cost * slots / (slots - 1) if slots > 1 else None, cpu)


def plain_call(case: Case) -> float | None:
    """Seconds that a call of the task takes here; None: it is one that takes its time by itself."""
    if case.kind in LASTING:
        return None
    task, argument = case.task, case.argument
    best = float("inf")
    for _ in range(_ROUNDS):
        calls, begun_at = 0, time.perf_counter()
        while (now := time.perf_counter()) - begun_at < _ROUND_SECONDS:
            for _ in range(100):
                task(argument)
            calls += 100
        best = min(best, (now - begun_at) / calls)
    return best
