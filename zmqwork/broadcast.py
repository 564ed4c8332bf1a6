"""`Broadcast`: one call, run once by every worker that serves its task."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from zmqwork.core.ledger import TaskSpec
from zmqwork.errors import NoWorker, UsageError
from zmqwork.future import TaskFuture

if TYPE_CHECKING:
    from zmqwork.producer import Producer

R = TypeVar("R")

# How long the first worker is waited for, unless `expires` says it.
PATIENCE = 10.0


class Broadcast(Mapping[str, TaskFuture[R]]):
    """What `Task.broadcast` gives: a mapping from each worker's label to its future.

    A label is the worker's name and the beginning of its node id, as logs and `zmqwork ps` show
    them: ``"render-3#9f2c"``. Everything that takes futures takes the values::

        answers = reload.broadcast("v2")
        for future in concurrent.futures.as_completed(answers.values()): ...
        print(answers.results(timeout=10))         # {"render-3#9f2c": True, ...}
    """

    def __init__(self, futures: Mapping[str, TaskFuture[R]]) -> None:
        # Bounded by the workers that a producer can have.
        self._futures = dict(futures)

    def __getitem__(self, label: str) -> TaskFuture[R]:
        return self._futures[label]

    def __iter__(self) -> Iterator[str]:
        return iter(self._futures)

    def __len__(self) -> int:
        return len(self._futures)

    def __repr__(self) -> str:
        done = sum(future.done() for future in self._futures.values())
        return f"<Broadcast to {len(self)} workers, {done} done>"

    @overload
    def results(
        self, timeout: float | None = None, *, return_exceptions: Literal[False] = False
    ) -> dict[str, R]: ...

    @overload
    def results(
        self, timeout: float | None = None, *, return_exceptions: bool
    ) -> dict[str, R | Exception]: ...

    def results(
        self, timeout: float | None = None, *, return_exceptions: bool = False
    ) -> dict[str, Any]:
        """The result of each worker, waiting for all of them at most `timeout` seconds.

        Args:
            timeout: seconds for all together; None: as long as it takes.
            return_exceptions: put the exception of a worker that has no result in its place: what
                its handler raised, `TaskLost`, `TaskExpired`, or `TimeoutError` if it has not
                answered in time. Else the first one in the mapping's order is raised, with a note
                that names the worker.

        Raises:
            TaskError, TimeoutError, DecodeError: as `TaskFuture.result`.
            UsageError: inside a task that may not wait.
        """
        give_up_at = None if timeout is None else time.monotonic() + timeout
        results: dict[str, Any] = {}
        for label, future in self._futures.items():
            left = None if give_up_at is None else max(0.0, give_up_at - time.monotonic())
            try:
                results[label] = future.result(left)
            except UsageError:
                raise
            except Exception as error:
                if not return_exceptions:
                    _name(error, label)
                    raise
                results[label] = error
        return results

    def cancel(self) -> int:
        """Cancel what was not begun; how many that were."""
        return sum(future.cancel() for future in self._futures.values() if not future.done())

    def __await__(self) -> Generator[Any, None, dict[str, R]]:
        """In asyncio: ``results = await answers``, as `results`."""
        results = {}
        for label, future in self._futures.items():
            try:
                results[label] = yield from future.__await__()
            except Exception as error:
                _name(error, label)
                raise
        return results


def send(producer: Producer, spec: TaskSpec, args: bytes) -> Broadcast[Any]:
    """Hand one task over for each worker that serves it; what `Task.broadcast` does.

    Raises `NoWorker`, `PendingFull` and `UsageError`; if it does, no worker gets the task.
    """
    if spec.options.goes_to_sink:
        raise UsageError(
            f"the results of a broadcast come back, and those of task {spec.name!r} go to a sink: "
            "use .using(sink=None, inbox=()).broadcast(...)"
        )
    patience = PATIENCE if spec.options.expires is None else spec.options.expires
    workers = producer.workers_for(spec, patience)
    if not workers:
        raise NoWorker(
            spec.name,
            f"not broadcast: no worker was there for {patience:g} s\n{producer.explain()}",
        )
    futures: dict[str, TaskFuture[Any]] = {}
    try:
        for node_id, name in workers:
            label = f"{name}#{node_id[:4]}"
            if label in futures:  # the odds are 1 to 65,536, among workers of one name
                label = f"{name}#{node_id}"
            futures[label] = producer.submit(dataclasses.replace(spec, node=node_id), args)
    except BaseException:
        producer.abandon([future.seq for future in futures.values()])
        raise
    return Broadcast(futures)


def _name(error: Exception, label: str) -> None:
    note = f"broadcast: this is the answer of worker {label}"
    if note not in getattr(error, "__notes__", ()):
        error.add_note(note)
