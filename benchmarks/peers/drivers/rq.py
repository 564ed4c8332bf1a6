"""RQ with a `SimpleWorker` for each slot, which runs a job in its own process; Redis on a socket.

(The default `Worker` forks for each job, and is several times slower.) Results are waited for on
their stream, without polling. Descriptions are given, so that arguments are not printed into them.
Bulk: `enqueue_many`, a pipeline for all.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from redis import Redis
from rq import Queue, SimpleWorker

from benchmarks.peers.broker import address
from benchmarks.peers.chores import CHORES
from benchmarks.peers.driver import RESULT_TIMEOUT, OneByOne, running


class Client(OneByOne):
    def __init__(self, queue: Queue) -> None:
        self.jobs = queue

    def submit(self, task: str, argument: Any) -> Any:
        return self.jobs.enqueue_call(CHORES[task], (argument,), description=task)

    def result(self, handle: Any) -> Any:
        found = handle.latest_result(timeout=int(RESULT_TIMEOUT))
        return found.return_value

    def bulk(self, numbers: range) -> Iterator[Any]:
        noop, prepared = CHORES["noop"], self.jobs.prepare_data
        data = [prepared(noop, (number,), description="noop") for number in numbers]
        return map(self.result, self.jobs.enqueue_many(data))


@contextmanager
def connected(place: Path, slots: int) -> Iterator[Client]:
    with ExitStack() as stack:
        for _ in range(slots):
            stack.enter_context(running(place, "-m", __name__))
        yield Client(Queue(connection=Redis(unix_socket_path=address())))


def main() -> None:
    """A worker."""
    queue = Queue(connection=Redis(unix_socket_path=address()))
    SimpleWorker([queue], connection=queue.connection).work(logging_level="ERROR")


if __name__ == "__main__":
    main()
