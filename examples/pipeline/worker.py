"""A worker of the pipeline: ``python worker.py``, on as many hosts as there are.

Start this, `sink.py` and `ventilator.py` in any order.
"""

from __future__ import annotations

import zmqwork

app = zmqwork.App("pipeline")


@app.task(max_retries=2)
def collatz(number: int) -> tuple[int, int]:
    """How many steps it takes to come down to 1 (halve, or triple and add 1)."""
    start, steps = number, 0
    while number != 1:
        number = number // 2 if number % 2 == 0 else 3 * number + 1
        steps += 1
    return start, steps


if __name__ == "__main__":
    raise SystemExit(app.worker().run())
