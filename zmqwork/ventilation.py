"""The engine of a pipeline: pulls items, sends each through its stages, counts what became of it.

Each item has one task at a time in the producer's ledger, from its input to the sink's ack. The
outputs of a stage pass through here on their way to the next one, unread. The input is pulled in
the thread that runs the pipeline, as fast as the window lets it; all else happens on the
producer's own thread.

Between stages the window is made smaller when outputs are large: all that are on their way may be
here, because the stage before can be faster, and its tasks are older.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from zmqwork.core.ledger import Entry, TaskSpec
from zmqwork.core.lifecycle import FAILED, SUCCEEDED
from zmqwork.core.outlets import highest
from zmqwork.core.ranges import Ranges
from zmqwork.core.records import Recorded
from zmqwork.failure import error_of
from zmqwork.nodes.producer import Producer
from zmqwork.run import Failure, Run
from zmqwork.wire.limits import PAYLOAD_BYTES_MAX
from zmqwork.wire.values import call_with

# Of several inboxes one is chosen for so many items in a row, unless they have keys: they travel
# together.
_BLOCK = 64

# Outputs on their way between stages may have so many bytes together, by the mean of those that
# came last. Until outputs have come, so many items are in flight, and one more for each that came.
_BETWEEN_BYTES = 64 * 1024 * 1024
_FIRST_WINDOW = 64
_LAST_COUNT = 1024

# The number of an item that an earlier start has left, until it is fed.
_UNKNOWN = -1

# Kinds of tasks that are remembered, by key: one that comes again is the same.
_KEYED_MAX = 1024


class Item:
    """One item on its way.

    Attributes:
        number: its place in the input, from 0.
        source: the item, for who wants to know of failures.
        stage: which stage it is in.
        last: the task of the last stage, if it is another one than for all items.
        sink_seq: its number at its inbox, if the run gives it; else 0.
    """

    __slots__ = ("last", "number", "sink_seq", "source", "stage")

    def __init__(self, number: int, source: Any, last: TaskSpec | None, sink_seq: int) -> None:
        self.number = number
        self.source = source
        self.stage = 0
        self.last = last
        self.sink_seq = sink_seq


class Ventilation:
    """Items in flight. Bound: the producer's `max_pending`, which is the window, or less.

    Args:
        run: likewise.
        window: items in flight at the most.

    Attributes:
        run: counts what happens.
        node: the producer.
        failures: items that did not reach the sink, until the thread that feeds takes them. Bound:
            those in flight, for it takes them before it feeds on.
    """

    node: Producer

    def __init__(self, run: Run, window: int) -> None:
        self.run = run
        self._window = window
        self.failures: deque[Failure] = deque()
        self._stages: list[TaskSpec] = []
        self._end = 0
        # The numbers that each inbox has already; None: nobody will ask by number.
        self._taken: dict[str, Ranges] | None = None
        self._inboxes: tuple[str, ...] = ()
        self._bound: dict[str, TaskSpec] = {}  # bound: the inboxes
        self._counts: dict[str, int] = {}  # likewise
        # What an earlier start has left in the journal, by inbox and number. Bound: its window.
        self._left: dict[tuple[str, int], Item] = {}
        self._untold: dict[Item, Failure] = {}  # those of them that failed; bound: likewise
        self._lock = threading.Lock()
        self._next = 0  # the number after that of the last item
        self._keyed: dict[str, TaskSpec] = {}  # bound: _KEYED_MAX
        self._output_count = 0
        self._last_count = self._last_bytes = 0  # of the last _LAST_COUNT outputs, about

    def remember(self, taken: dict[str, Ranges]) -> None:
        """Items keep their numbers in these inboxes, which have some of them already."""
        self._taken = taken

    def recovered(self, task: Recorded) -> Item:
        """An item that an earlier start has left in flight; the input will have it again."""
        item = Item(_UNKNOWN, None, None, task.sink_seq)
        self._left[task.spec.inbox, task.sink_seq] = item
        return item

    def revived(self, seq: int) -> Item:
        """An item whose task is let begin again from elsewhere; which it was nobody knows."""
        del seq
        item = Item(_UNKNOWN, None, None, 0)
        item.stage = self._end
        return item

    def begin(self, stages: Iterable[TaskSpec]) -> None:
        """These are the tasks; the last one goes to a sink."""
        self._stages = list(stages)
        self._end = len(self._stages) - 1
        named = self._stages[-1].options.inboxes
        self._inboxes = named if self._taken is None else tuple(self._taken)
        if self._end:
            self._narrow()

    # -- the thread that feeds ----------------------------------------------------------------

    def wait_for_room(self) -> None:
        """Wait until there is room for an item in the window. Raises as `Producer.submit`."""
        self.node.pending.wait_for_room()

    def feed(self, number: int, source: Any, args: bytes, key: str | None = None) -> None:
        """Take in the next item, with its encoded arguments; waits until there is room for it."""
        last = self._last(number, key)
        sink_seq = 0 if self._taken is None or last is None else self._number(number, last.inbox)
        self.run.read += 1
        if self._left and last is not None:
            left = self._left.pop((last.inbox, sink_seq), None)
            if left is not None:
                with self._lock:
                    left.number, left.source = number, source
                    self._told_late(left)
                return
        item = Item(number, source, last, sink_seq)
        spec = self._stages[0]
        if self._end == 0:
            spec = last or spec
        elif self._taken and last is not None and sink_seq in self._taken[last.inbox]:
            item.stage = self._end  # it is done: the ledger settles it by its number
            spec = last
        self.node.submit(spec, args, item, sink_seq if item.stage == self._end else 0)

    def _number(self, number: int, inbox: str) -> int:
        """The number that an item of a run has at its inbox, whenever the run is begun."""
        if len(self._inboxes) == 1:
            return number + 1
        # Without holes for what is in another one: inboxes keep numbers as ranges. What was left
        # out (a broken line) is counted where it would go: it may come the next time.
        counts = self._counts
        for left_out in range(self._next, number):
            would = highest(self._inboxes, str(left_out // _BLOCK))
            counts[would] = counts.get(would, 0) + 1
        self._next = number + 1
        counts[inbox] = count = counts.get(inbox, 0) + 1
        return count

    def _last(self, number: int, key: str | None) -> TaskSpec | None:
        spec = self._stages[-1]
        inboxes = self._inboxes
        if inboxes:
            # (By itself the producer would do it too, but it would keep each key's kind of task.)
            one = len(inboxes) == 1
            inbox = inboxes[0] if one else highest(inboxes, key or str(number // _BLOCK))
            bound = self._bound.get(inbox)
            if bound is None:
                bound = self._bound[inbox] = replace(spec, inbox=inbox)
            return bound
        if key is None:
            return None
        keyed = self._keyed.get(key)
        if keyed is None:
            if len(self._keyed) >= _KEYED_MAX:
                self._keyed.clear()
            keyed = replace(spec, options=replace(spec.options, key=key))
            self._keyed[key] = keyed
        return keyed

    # -- the producer's thread ----------------------------------------------------------------

    def settle(self, entries: Sequence[Entry]) -> None:
        """Tasks were settled: their items go on to the next stage, or have ended."""
        end = self._end
        ok = already = 0
        for entry in entries:
            item: Item = entry.owner  # type: ignore[assignment]
            if entry.state != SUCCEEDED:
                self._failed(item, entry, entry.state)
            elif item.stage == end:
                ok += 1
                already += not entry.attempt
            else:
                self._advance(item, entry)
        self.run.ok += ok
        self.run.already += already
        if end:
            self._narrow()

    def _advance(self, item: Item, entry: Entry) -> None:
        args = call_with(entry.value or b"")
        self._output_count += 1
        self._last_count += 1
        self._last_bytes += len(args)
        if len(args) > PAYLOAD_BYTES_MAX:
            text = f"{entry.spec.name} returned {len(args):,} bytes, too many for the next stage"
            entry.error = {"type": "EncodeError", "text": text, "attempts": entry.attempt}
            self._failed(item, entry, FAILED)
            return
        item.stage += 1
        if item.stage < self._end:
            self.node.follow(self._stages[item.stage], args, item)
        else:
            self.node.follow(item.last or self._stages[-1], args, item, item.sink_seq)

    def _narrow(self) -> None:
        """Let no more items be in flight than their outputs, between stages, allow."""
        count, size_bytes = self._last_count, self._last_bytes
        if count >= _LAST_COUNT:
            self._last_count, self._last_bytes = count // 2, size_bytes // 2
        fitting = _BETWEEN_BYTES * count // size_bytes if size_bytes else self._window
        room = min(self._window, _FIRST_WINDOW + self._output_count, fitting)
        self.node.pending.max_count = max(1, room)

    def _failed(self, item: Item, entry: Entry, state: str) -> None:
        run = self.run
        setattr(run, state, getattr(run, state) + 1)
        error = error_of(f"{self.node.node_id[:8]}-{entry.seq}", state, entry.error)
        failure = Failure(item.number, item.source, state, error, entry.spec.name)
        if item.number == _UNKNOWN:
            with self._lock:
                if item.number == _UNKNOWN:
                    self._untold[item] = failure
                    return
                failure = failure._replace(number=item.number, item=item.source)
        self.failures.append(failure)

    def _told_late(self, item: Item) -> None:
        """It is known which item that is that has failed, if it has."""
        failure = self._untold.pop(item, None)
        if failure is not None:
            self.failures.append(failure._replace(number=item.number, item=item.source))

    def fed(self) -> None:
        """No more is fed: items that were left, and are not in the input any more, have failed."""
        with self._lock:
            self.failures.extend(self._untold.values())
            self._untold.clear()

    def obstacle(self) -> str:
        """Why tasks wait that nobody could run, or whose results nobody takes; empty: none do."""
        whys = [lane["why"] for lane in self.node.status().get("lanes", ()) if lane["why"]]
        return "; ".join(whys)

    @staticmethod
    def mark_running(entries: Sequence[Entry]) -> None:
        """Nobody asks which items run."""
