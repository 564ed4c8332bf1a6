"""When a failed attempt comes back."""

from __future__ import annotations

from random import Random

from zmqwork.config import TaskOptions

# 2.0 ** 1024 overflows a float; no back-off needs more doublings than this.
_DOUBLINGS_MAX = 64


def retry_delay(options: TaskOptions, failures: int, random: Random) -> float:
    """Seconds until the next attempt, after `failures` (at least 1) failed ones.

    Full jitter: failures of one cause come together, and must not come back in one burst
    (M. Brooker, "Exponential Backoff And Jitter", AWS 2015).
    """
    doublings = min(failures - 1, _DOUBLINGS_MAX)
    ceiling = min(options.retry_backoff_max, options.retry_backoff * 2.0**doublings)
    return random.uniform(0.0, ceiling)
