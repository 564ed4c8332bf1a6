"""What a sink counts: pure, so that what it says of losses is tested without losing anything."""

from __future__ import annotations

from typing import Any

from zmqwork.classic.received import Received
from zmqwork.classic.report import NAMED_MAX, Report, Source, total_of
from zmqwork.wire.pipeline import End, Mark, Results, Start

# Who is counted by name; what others send is counted under `OTHERS`, or is foreign.
WORKERS_MAX = 10_000
VENTILATORS_MAX = 10_000
OTHERS = "(others)"

_SAMPLE_BYTES = 40


def sample_of(head: bytes, rest: list[bytes]) -> str:
    """A foreign message, short enough to be shown."""
    text = repr(head[:_SAMPLE_BYTES]) + ("..." if len(head) > _SAMPLE_BYTES else "")
    return f"{1 + len(rest)} frames, the first {text}" if rest else text


class _Ventilator:
    """What has come of one ventilator."""

    __slots__ = ("id", "is_complete", "name", "received", "sent_before", "sinks", "total")

    def __init__(self, id_: str) -> None:
        self.id = id_
        self.name = ""
        self.received = Received()
        self.total: int | None = None
        self.sinks = 0
        self.sent_before = 0
        self.is_complete = False

    def source(self) -> Source:
        received = self.received
        return Source(
            self.id,
            self.name,
            received.count,
            received.duplicates,
            self.total,
            self.sinks,
            self.sent_before,
            received.ranges(),
        )


class Tally:
    """The books of one sink.

    Args:
        expect: how many items should come, where somebody knows it beforehand.
        ventilators: how many ventilators should come.
        start: what a ventilator's first raw message is, which is no result; None: there is none.

    Attributes:
        begun: whether anything has come that belongs here.
        complete: whether all that will come has come.
    """

    def __init__(
        self,
        *,
        expect: int | None = None,
        ventilators: int = 1,
        start: bytes | None = None,
    ) -> None:
        self._expect = expect
        self._expected_ventilators = ventilators
        self._start = start
        self._ventilators: dict[str, _Ventilator] = {}  # bound: VENTILATORS_MAX
        self._workers: dict[str, int] = {}  # bound: WORKERS_MAX, and one
        self._grabbed = 0
        self._received = 0
        self._ended = self._complete = 0  # of the ventilators; the hot path asks after each message
        self._failed = 0
        self._failures: list[tuple[str, int, str]] = []  # bound: NAMED_MAX
        self._foreign = 0
        self._foreign_sample = ""
        self.begun = False
        self.complete = expect == 0
        self._first_at: float | None = None
        self._last_at = 0.0

    def take_raw(self, message: bytes, now: float) -> list[Any]:
        """The results in a raw message: one, or none if it is the start."""
        is_start = not self.begun and message == self._start
        self.begun = True
        if is_start:
            return []
        self._note(now)
        self._received += 1
        self.complete = self._received == self._expect
        return [message]

    def take(self, message: Mark, now: float) -> list[Any]:
        """The results in a message."""
        ventilator = self._ventilators.get(message.ventilator)
        if ventilator is None:
            ventilator = self._new_ventilator(message.ventilator)
        if ventilator is None:
            self.take_foreign(f"ventilator {VENTILATORS_MAX + 1:,}".encode())
            return []
        self.begun = True
        results: list[Any] = []
        if type(message) is Results:
            self._note(now)
            results = self._take_results(ventilator, message)
        elif type(message) is Start:
            if not ventilator.sinks:
                ventilator.name, ventilator.sent_before = message.name, message.sent_before
                ventilator.sinks = 1
        elif type(message) is End:
            self._ended += ventilator.total is None
            ventilator.total, ventilator.sinks = message.total, message.sinks
        if ventilator.total is not None:
            complete = ventilator.received.count >= ventilator.total
            self._complete += complete - ventilator.is_complete
            ventilator.is_complete = complete
        if self._expect is not None:
            self.complete = self._received >= self._expect
        else:
            self.complete = self._complete == len(self._ventilators) and self.is_ended()
        return results

    def take_foreign(self, head: bytes, rest: list[bytes] = []) -> None:  # noqa: B006 - not kept
        """Count a message that does not belong here."""
        self._foreign += 1
        self._foreign_sample = self._foreign_sample or sample_of(head, rest)

    def is_ended(self) -> bool:
        """Whether only what is on its way can still come, as far as ventilators have said so."""
        known = len(self._ventilators)
        return known >= self._expected_ventilators and self._ended == known

    def report(self, *, interrupted: bool = False) -> Report:
        """The state of the books."""
        sources = tuple(it.source() for it in self._ventilators.values())
        total = total_of(sources)
        return Report(
            received=self._received,
            total=self._expect if total is None else total,
            duplicates=sum(source.duplicates for source in sources),
            failed=self._failed,
            failures=tuple(self._failures),
            workers=dict(self._workers),
            grabbed=self._grabbed,
            sources=sources,
            foreign=self._foreign,
            foreign_sample=self._foreign_sample,
            seconds=max(0.0, self._last_at - (self._first_at or 0.0)),
            interrupted=interrupted,
        )

    def _new_ventilator(self, id_: str) -> _Ventilator | None:
        if len(self._ventilators) >= VENTILATORS_MAX:
            return None
        self._ventilators[id_] = found = _Ventilator(id_)
        return found

    def _take_results(self, ventilator: _Ventilator, message: Results) -> list[Any]:
        results, count = message.results, len(message.results)
        before = ventilator.received.count
        ventilator.received.add(message.first, count)
        self._received += ventilator.received.count - before
        workers, worker = self._workers, message.worker
        if worker not in workers and len(workers) >= WORKERS_MAX:
            worker = OTHERS
        workers[worker] = workers.get(worker, 0) + count
        if len(workers) == 1:
            self._grabbed += count
        if not message.failures:
            return results
        failed = {index for index, _ in message.failures}
        self._failed += len(failed)
        for index, why in message.failures[: NAMED_MAX - len(self._failures)]:
            name = ventilator.name or ventilator.id
            self._failures.append((name, message.first + index, why))
        return [result for index, result in enumerate(results) if index not in failed]

    def _note(self, now: float) -> None:
        if self._first_at is None:
            self._first_at = now
        self._last_at = now
