"""The engine of a pipeline: pulls items, sends each through its stages, counts what became of it.

Each item has one task at a time in the producer's ledger, from its input to the sink's ack. The
outputs of a stage pass through here on their way to the next one, unread. The input is pulled in
the thread that runs the pipeline, as fast as the window lets it; all else happens on the
producer's own thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from zmqwork.core.ledger import Entry, TaskSpec
from zmqwork.core.lifecycle import SUCCEEDED
from zmqwork.core.outlets import highest
from zmqwork.core.ranges import Ranges
from zmqwork.failure import error_of
from zmqwork.nodes.producer import Producer
from zmqwork.run import Failure, Run
from zmqwork.wire.values import call_with

# Of several inboxes one is chosen for so many items in a row, unless they have keys: what an inbox
# remembers of a run stays small.
_BLOCK = 1024


class Item:
    """One item on its way.

    Attributes:
        number: its place in the input, from 0.
        source: the item, for who wants to know of failures.
        stage: which stage it is in.
        last: the task of the last stage, if it is another one than for all items.
    """

    __slots__ = ("last", "number", "source", "stage")

    def __init__(self, number: int, source: Any, last: TaskSpec | None) -> None:
        self.number = number
        self.source = source
        self.stage = 0
        self.last = last


class Ventilation:
    """Items in flight. Bound: the producer's `max_pending`.

    Attributes:
        run: counts what happens.
        node: the producer.
        failures: items that did not reach the sink, until the thread that feeds takes them. Bound:
            those in flight, for it takes them before it feeds on.
    """

    node: Producer

    def __init__(self, run: Run) -> None:
        self.run = run
        self.failures: deque[Failure] = deque()
        self._stages: list[TaskSpec] = []
        self._end = 0
        # The numbers that each inbox has already; None: nobody will ask by number.
        self._taken: dict[str, Ranges] | None = None
        self._inboxes: tuple[str, ...] = ()
        self._bound: dict[str, TaskSpec] = {}  # bound: the inboxes

    def remember(self, taken: dict[str, Ranges]) -> None:
        """Items keep their numbers in these inboxes, which have some of them already."""
        self._taken = taken

    def begin(self, stages: Iterable[TaskSpec]) -> None:
        """These are the tasks; the last one goes to a sink."""
        self._stages = list(stages)
        self._end = len(self._stages) - 1
        inboxes = self._stages[-1].options.inboxes
        if self._taken is None and self._end and inboxes:
            # Items overtake each other on their way to the last stage.
            self._taken = {inbox: Ranges() for inbox in inboxes}
        self._inboxes = tuple(self._taken or ())

    # -- the thread that feeds ----------------------------------------------------------------

    def feed(self, number: int, source: Any, args: bytes, key: str | None = None) -> None:
        """Take in the next item, with its encoded arguments; waits for room in the window."""
        last = self._last(number, key)
        item = Item(number, source, last)
        self.run.read += 1
        spec = self._stages[0]
        if self._end == 0:
            spec = last or spec
        elif self._taken and last is not None and number + 1 in self._taken[last.inbox]:
            item.stage = self._end  # it is done: the ledger settles it by its number
            spec = last
        self.node.submit(spec, args, item, self._sink_seq(item))

    def _last(self, number: int, key: str | None) -> TaskSpec | None:
        spec = self._stages[-1]
        if self._taken is None:
            return None if key is None else replace(spec, options=replace(spec.options, key=key))
        inboxes = self._inboxes
        inbox = inboxes[0] if len(inboxes) == 1 else highest(inboxes, key or str(number // _BLOCK))
        bound = self._bound.get(inbox)
        if bound is None:
            bound = self._bound[inbox] = replace(spec, inbox=inbox)
        return bound

    def _sink_seq(self, item: Item) -> int:
        return item.number + 1 if self._taken is not None and item.stage == self._end else 0

    # -- the producer's thread ----------------------------------------------------------------

    def settle(self, entries: Sequence[Entry]) -> None:
        """Tasks were settled: their items go on to the next stage, or have ended."""
        end = self._end
        ok = already = 0
        for entry in entries:
            item: Item = entry.owner  # type: ignore[assignment]
            if entry.state != SUCCEEDED:
                self._failed(item, entry)
            elif item.stage == end:
                ok += 1
                already += not entry.attempt
            else:
                self._advance(item, entry)
        self.run.ok += ok
        self.run.already += already

    def _advance(self, item: Item, entry: Entry) -> None:
        item.stage += 1
        spec = self._stages[item.stage]
        if item.stage == self._end:
            spec = item.last or spec
        self.node.follow(spec, call_with(entry.value or b""), item, self._sink_seq(item))

    def _failed(self, item: Item, entry: Entry) -> None:
        run, state = self.run, entry.state
        setattr(run, state, getattr(run, state) + 1)
        error = error_of(f"{self.node.node_id[:8]}-{entry.seq}", state, entry.error)
        self.failures.append(Failure(item.number, item.source, state, error))

    @staticmethod
    def mark_running(entries: Sequence[Entry]) -> None:
        """Nobody asks which items run."""
