"""What the tests of pipelines are made of."""

import threading
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

# Far above what anything here takes: a wait that reaches it is a failure.
PATIENCE = 30.0


class Taker:
    """A sink's function that remembers.

    Attributes:
        results: what it was given, in order.
        go: it takes nothing while this is not set.
        node: the sink that runs.
    """

    def __init__(self):
        self.results = []
        self.go = threading.Event()
        self.go.set()
        self.node = None

    def store(self, results):
        self.go.wait(PATIENCE)
        self.results.extend(results)

    def store_once(self, results, tx):
        del tx
        self.store(results)


def until(happened, what):
    """Look again and again, for a bounded number of times."""
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.01)):
        found = happened()
        if found:
            return found
        pause.wait(0.01)
    return pytest.fail(f"in {PATIENCE} s it did not happen that {what}")


def our_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("zmqwork-")]
