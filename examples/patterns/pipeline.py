"""The classic pipeline over PUSH and PULL: at most once, and what is lost is counted.

A ventilator, two workers and a sink, here in threads of one program; as scripts each is a process
of its own. Run it: ``python examples/patterns/pipeline.py``.
"""

from __future__ import annotations

import threading

from zmqwork.patterns.pipeline import collect, ventilate, work

REALM = "example-classic"


def square(number: int) -> int:
    """What the workers do."""
    return number * number


def main() -> None:
    """Start the others in the background, and be the sink."""
    ends = [
        threading.Thread(target=work, args=(square, REALM)),
        threading.Thread(target=work, args=(square, REALM)),
        threading.Thread(target=ventilate, args=(range(10_000), REALM)),
    ]
    for end in ends:
        end.start()
    total = 0

    def add(result: int) -> None:
        nonlocal total
        total += result

    report = collect(add, REALM, kill=True)
    for end in ends:
        end.join()
    print(report)
    print("sum of squares:", total)


if __name__ == "__main__":
    main()
