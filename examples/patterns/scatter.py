"""Split, run everywhere, gather in order.

What you will see: the primes below 40,000, counted in 8 parts by two processes; then readings of
which two are broken, and an error that says which:

    python examples/patterns/scatter.py
"""

from __future__ import annotations

import zmqwork
from zmqwork.patterns import scatter

app = zmqwork.App("scatter-example")


@app.task(max_retries=0)
def primes(numbers: list[int]) -> int:
    """How many of them are prime."""
    return sum(n > 1 and all(n % d for d in range(2, int(n**0.5) + 1)) for n in numbers)


@app.task(max_retries=0)
def mean(readings: list[str]) -> float:
    """Of numbers written down by hand."""
    return sum(float(reading) for reading in readings) / len(readings)


def count() -> None:
    """Each part gives a number; the sum is for us."""
    parts = scatter.gather(primes, range(40_000), parts=8)
    print(f"{sum(parts)} primes, by part: {parts}")


def read() -> None:
    """Two of five parts have no result."""
    readings = ["20.5", "21.5", "2l.0", "20.0", "19.0", "20.0", "18.0", "19.5", "1 8.5", "18.5"]
    try:
        scatter.gather(mean, readings, parts=5)
    except ExceptionGroup as group:
        print(group.message)
        for error in group.exceptions:
            assert isinstance(error, zmqwork.TaskFailed)
            print(f"  {error.reason}")


def main() -> None:
    """With two processes of our own."""
    with app.worker(concurrency=2):
        count()
        read()


if __name__ == "__main__":
    main()
