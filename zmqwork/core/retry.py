"""When a failed attempt comes back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import lru_cache
from random import Random
from typing import Any

from zmqwork.core.ledger import TaskSpec
from zmqwork.errors import ANY_ERROR
from zmqwork.options import TaskOptions

# 2.0 ** 1024 overflows a float; no back-off needs more doublings than this.
_DOUBLINGS_MAX = 64


def retry_delay(options: TaskOptions, failures: int, random: Random) -> float:
    """Seconds until the next attempt, after `failures` (at least 1) failed ones.

    Full jitter: failures of one cause come together, and must not come back in one burst
    (M. Brooker, "Exponential Backoff And Jitter", AWS 2015).
    """
    doublings = min(failures - 1, _DOUBLINGS_MAX)
    ceiling = min(options.retry_backoff_max, options.retry_backoff * 2.0**doublings)
    return random.uniform(0.0, ceiling) if options.retry_jitter else ceiling


def is_retried(options: Mapping[str, Any], names: Collection[str]) -> bool:
    """Whether an exception is one of those after which a task is tried again.

    Args:
        options: of the attempt, as in `messages.Run`.
        names: of its class and of all that this derives from.
    """
    unwanted, wanted = options.get("no_retry_for", ()), options.get("retry_for", ANY_ERROR)
    return not any(name in unwanted for name in names) and any(name in wanted for name in names)


def another_attempt(spec: TaskSpec, error: Mapping[str, Any]) -> TaskSpec | None:
    """As what to submit again a call that failed outside the ledger; None: it has failed.

    That is an item of a chunk, or a task that another one ran while it waited for it. It comes back
    at once, unless the handler said when: whoever waits for it holds something up.

    Args:
        spec: the task's, with the retries that it has left.
        error: what was told of the failure, as in `messages.Failure`.
    """
    left = spec.options.max_retries
    if not (error.get("snooze") or error.get("rejected")):
        left -= 1
        if left < 0 or error.get("final"):
            return None
    return _again(spec, left, error.get("after", 0.0))


# Calls of one kind share a spec, so that they travel in one run; few kinds fail at a time.
@lru_cache(maxsize=256)
def _again(spec: TaskSpec, retries: int, countdown: float) -> TaskSpec:
    return replace(spec, options=replace(spec.options, max_retries=retries, countdown=countdown))
