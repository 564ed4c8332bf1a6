"""What each end of a classic pipeline says when it is over; plain records that pickle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from zmqwork.classic.received import Received
from zmqwork.errors import UsageError
from zmqwork.escaping import printable

# So many missing ranges, failures and workers are named; all of them are counted.
NAMED_MAX = 10


@dataclass(frozen=True, slots=True)
class VentilatorReport:
    """What a ventilator has sent.

    Attributes:
        name: the ventilator's.
        sent: items that left. Whether they arrived only the sink can tell.
        seconds: from the first to the last of them.
        sinks: how many sinks were told.
        interrupted: whether Ctrl-C ended it.
        unread_bytes: what local workers had not read when `linger` was over, and have lost.
            -1: more than that, because it had not even left this process.
    """

    name: str
    sent: int
    seconds: float
    sinks: int
    interrupted: bool = False
    unread_bytes: int = 0

    def __str__(self) -> str:
        end = ", then Ctrl-C" if self.interrupted else ""
        text = f"ventilator {self.name}: sent {self.sent:,} items in {self.seconds:.1f} s{end}"
        if self.unread_bytes:
            size = f"{self.unread_bytes:,} bytes" if self.unread_bytes > 0 else "some"
            text += f"; {size} of them had not been taken when linger was over, and are lost"
        return text


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """What a worker has done.

    Attributes:
        name: the worker's.
        done: items for which the function returned.
        failed: items for which it raised.
        unsent: of these, results that no sink took before it left.
        left: items of the last message that it had begun and has not done.
        foreign: messages that are no message of this pipeline; `foreign_sample` shows one.
        killed, interrupted: whether a kill signal, or Ctrl-C, ended it.
    """

    name: str
    done: int
    failed: int
    unsent: int = 0
    left: int = 0
    foreign: int = 0
    foreign_sample: str = ""
    killed: bool = False
    interrupted: bool = False

    def __str__(self) -> str:
        end = ", ended by the kill signal" if self.killed else ""
        end = ", ended by Ctrl-C" if self.interrupted else end
        text = f"worker {self.name}: did {self.done:,} items, {self.failed:,} failed{end}"
        if self.unsent or self.left:
            text += f"; lost {self.unsent:,} results and {self.left:,} items not done"
        return printable(text + _foreign(self.foreign, self.foreign_sample))


@dataclass(frozen=True, slots=True)
class Source:
    """What a sink knows of one ventilator.

    Attributes:
        ventilator, name: who it is, for programs and for people.
        received: items whose results, or failures, have come.
        duplicates: of these, how many came again.
        total: how many it has sent; None: it has not said END.
        sinks: how many sinks it has told, this one among them; 0: it has said nothing.
        sent_before: how many items it had sent before it knew of this sink.
        ranges: the numbers that have come, as (first, end) with the end excluded.
    """

    ventilator: str
    name: str
    received: int
    duplicates: int
    total: int | None
    sinks: int
    sent_before: int
    ranges: tuple[tuple[int, int], ...] = field(repr=False)

    @property
    def missing(self) -> int:
        """Items that have not come; of a ventilator without END those below the highest number."""
        highest = self.ranges[-1][1] if self.ranges else 0
        return max(self.total or 0, highest) - self.received

    def gaps(self) -> Iterator[tuple[int, int]]:
        """The missing numbers, as (first, end) with the end excluded."""
        at = 0
        for first, end in self.ranges:
            if first > at:
                yield at, first
            at = end
        if self.total is not None and at < self.total:
            yield at, self.total


@dataclass(frozen=True, slots=True)
class Report:
    """What a sink has received, and what is missing.

    Attributes:
        received: items whose results, or failures, have come; of raw messages all of them.
        total: how many should have come; None where nobody has said so.
        duplicates: items that came more than once. PUSH and PULL make none.
        failed: items whose function raised; `failures` holds the first of them, as the name of the
            ventilator, the item's number, and why.
        workers: items of each worker, by name; empty for raw messages.
        grabbed: how many items came from the first worker before any came from another one.
        sources: the ventilators; empty for raw messages.
        foreign: messages that are no message of this pipeline; `foreign_sample` shows one.
        seconds: from the first results to the last ones.
        interrupted: whether Ctrl-C ended it.
    """

    received: int
    total: int | None
    duplicates: int = 0
    failed: int = 0
    failures: tuple[tuple[str, int, str], ...] = ()
    workers: dict[str, int] = field(default_factory=dict)
    grabbed: int = 0
    sources: tuple[Source, ...] = ()
    foreign: int = 0
    foreign_sample: str = ""
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def missing(self) -> int:
        """How many items have not come, as far as that is known.

        With several sinks each of them misses what the others have: see `combined`.
        """
        if self.sources:
            return sum(source.missing for source in self.sources)
        return max(0, (self.total or 0) - self.received)

    @property
    def complete(self) -> bool:
        """Whether all that should have come has come."""
        return self.total is not None and self.received >= self.total

    @property
    def rate(self) -> float:
        """Items per second."""
        return self.received / self.seconds if self.seconds > 0 else 0.0

    def missing_ranges(self) -> Iterator[tuple[str, int, int]]:
        """Each gap, as the ventilator's name, first and last number."""
        for source in self.sources:
            for first, end in source.gaps():
                yield source.name, first, end - 1

    def __str__(self) -> str:
        return "\n".join(map(printable, self._lines()))

    def _lines(self) -> Iterator[str]:
        of = "" if self.total is None else f" of {self.total:,}"
        end = ", then Ctrl-C" if self.interrupted else ""
        yield (
            f"received {self.received:,}{of} in {self.seconds:.2f} s ({self.rate:,.0f}/s){end}: "
            f"{self.missing:,} missing, {self.duplicates:,} duplicates, {self.failed:,} failed"
            + _foreign(self.foreign, self.foreign_sample)
        )
        for source in self.sources:
            yield from _lines_of_source(source)
        for ventilator, number, why in self.failures:
            yield f"  failed: item {number:,} of {ventilator}: {why}"
        if len(self.workers) > 1:
            shares = sorted(self.workers.items(), key=lambda item: -item[1])
            sum_of_all = max(1, sum(self.workers.values()))
            told = [f"{name} {n:,} ({n / sum_of_all:.0%})" for name, n in shares[:NAMED_MAX]]
            more = len(shares) - NAMED_MAX
            yield f"  workers: {', '.join(told)}{f' and {more} more' if more > 0 else ''}"
            yield f"  {next(iter(self.workers))} delivered {self.grabbed:,} before anybody else did"


def combined(reports: Sequence[Report]) -> Report:
    """One report of what several sinks have received of the same ventilators.

    Raises:
        UsageError: there is none, or they are of raw messages, which have no numbers.
    """
    if not reports:
        raise UsageError("combined needs the report of at least one sink")
    if not all(report.sources or not report.received for report in reports):
        raise UsageError("raw messages have no numbers, so there is nothing to combine them by")
    sources: dict[str, list[Source]] = {}
    workers: dict[str, int] = {}
    for report in reports:
        for source in report.sources:
            sources.setdefault(source.ventilator, []).append(source)
        for name, count in report.workers.items():
            workers[name] = workers.get(name, 0) + count
    joined = tuple(map(_join, sources.values()))
    failures = [failure for report in reports for failure in report.failures]
    return Report(
        received=sum(source.received for source in joined),
        total=total_of(joined),
        duplicates=sum(source.duplicates for source in joined),
        failed=sum(report.failed for report in reports),
        failures=tuple(failures[:NAMED_MAX]),
        workers=workers,
        sources=joined,
        foreign=sum(report.foreign for report in reports),
        foreign_sample=next((r.foreign_sample for r in reports if r.foreign_sample), ""),
        seconds=max(report.seconds for report in reports),
        interrupted=any(report.interrupted for report in reports),
    )


def total_of(sources: Sequence[Source]) -> int | None:
    """What all ventilators together have sent; None if there is none, or one has not said it."""
    totals = [source.total for source in sources if source.total is not None]
    return sum(totals) if sources and len(totals) == len(sources) else None


def _join(sources: list[Source]) -> Source:
    received = Received()
    for source in sources:
        for first, end in source.ranges:
            received.add(first, end - first)
    totals = [source.total for source in sources if source.total is not None]
    return Source(
        ventilator=sources[0].ventilator,
        name=max(source.name for source in sources),
        received=received.count,
        duplicates=received.duplicates + sum(source.duplicates for source in sources),
        total=max(totals, default=None),
        sinks=max(source.sinks for source in sources),
        sent_before=min(source.sent_before for source in sources),
        ranges=received.ranges(),
    )


def _lines_of_source(source: Source) -> Iterator[str]:
    who = f"  ventilator {source.name or source.ventilator}:"
    if not source.sinks:
        yield f"{who} it has not said how many items it has sent"
    elif source.total is None:
        yield f"{who} it has not said END (was it killed?), so that more may be missing"
    if source.sinks > 1:
        yield f"{who} this is one of {source.sinks} sinks: put their reports together (combined)"
    if source.sent_before:
        yield f"{who} it had sent {source.sent_before:,} items before this sink was there"
    gaps = list(source.gaps())
    if gaps:
        told = [f"{first:,}-{end - 1:,}" for first, end in gaps[:NAMED_MAX]]
        more = f" and {len(gaps) - NAMED_MAX:,} more ranges" if len(gaps) > NAMED_MAX else ""
        yield f"{who} missing {', '.join(told)}{more}"


def _foreign(count: int, sample: str) -> str:
    return f", {count:,} foreign messages, as {sample}" if count else ""
