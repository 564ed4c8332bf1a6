"""The standard library's interface: an Executor instead of a ProcessPoolExecutor.

What you will see: primes counted by two processes that this program starts and ends, in the order
in which they are done, then in order, then from asyncio; and what a call that failed says:

    python examples/executor.py

With `--realm NAME` it starts none, and waits for workers that allow its functions:

    cd examples && zmqwork worker --realm NAME --allow 'executor.*'
"""

from __future__ import annotations

import argparse
import asyncio
import functools
from concurrent.futures import Future, as_completed

import zmqwork

STEP = 5_000


def primes(start: int, step: int = STEP) -> int:
    """How many primes there are from `start` on, in `step` numbers."""
    numbers = range(max(2, start), start + step)
    return sum(all(n % d for d in range(2, int(n**0.5) + 1)) for n in numbers)


def inverse(number: int) -> float:
    """It fails for 0."""
    return 1 / number


async def from_asyncio(executor: zmqwork.Executor) -> int:
    """Keyword arguments go through `functools.partial`, as for any executor."""
    loop = asyncio.get_running_loop()
    calls = [functools.partial(primes, start, step=100) for start in range(0, 1000, 100)]
    return sum(await asyncio.gather(*(loop.run_in_executor(executor, call) for call in calls)))


def show(executor: zmqwork.Executor) -> None:
    """Everything that one does with an executor."""
    futures: dict[Future[int], int] = {}
    for start in range(0, 50_000, STEP):
        futures[executor.submit(primes, start)] = start
    for future in as_completed(futures):
        start = futures[future]
        print(f"  {start:>6} to {start + STEP:>6}: {future.result()} primes")
    print("in order:", list(executor.map(primes, range(0, 50_000, STEP), chunksize=2)))
    print("below 1,000:", asyncio.run(from_asyncio(executor)))
    try:
        list(executor.map(inverse, [2, 1, 0]))
    except zmqwork.TaskFailed as error:
        print("a call that failed:", error.reason)


def main() -> None:
    """With own workers, or those that are there."""
    parser = argparse.ArgumentParser(description="Count primes through an Executor.")
    parser.add_argument("--realm", help="use the workers of this realm, and start none")
    asked = parser.parse_args()
    with zmqwork.Executor(asked.realm, local_workers=0 if asked.realm else 2) as executor:
        show(executor)


# Workers import this module to find its functions: what it does when it is run belongs here.
if __name__ == "__main__":
    main()
