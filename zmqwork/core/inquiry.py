"""Tasks whose worker was lost, and whose result may be at its sink: the sink is asked.

What it has is settled, what it has not waits again, and what waits there to be stored is asked
about again. Without an answer a plain task waits again; one that is bound to an inbox waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable

from zmqwork.core.books import Books
from zmqwork.core.delivery import HAS_HOLDING, HAS_TAKEN, Has, Have
from zmqwork.core.ledger import Entry
from zmqwork.core.lifecycle import SUCCEEDED
from zmqwork.core.messages import BATCH_COUNT_MAX
from zmqwork.core.outlets import Outlet

# How soon a sink is asked again about what waits there.
_HOLDING_DELAY = 0.25

# In the place of a result that the sink has: msgpack's nil.
_NIL = b"\xc0"


class Inquiry:
    """Asks sinks, and draws the consequences of their answers."""

    __slots__ = ("_books", "_questions", "_request")

    def __init__(self, books: Books) -> None:
        self._books = books
        self._request = 0
        # What was asked and not answered: request -> outlet and numbers. Bound: the entries that
        # were asked about when their outlet was asked last.
        self._questions: dict[int, tuple[Outlet, list[int]]] = {}

    def doubt(self, entries: Iterable[Entry], now: float) -> None:
        """No worker holds these any more: ask whether their results are there."""
        outlets: dict[str, Outlet] = {}
        for entry in entries:
            outlet = entry.outlet
            assert outlet is not None
            entry.move("doubted")
            self._books.may_expire(entry)
            outlet.asked[entry.sink_seq] = entry
            outlets[outlet.id] = outlet
        for outlet in outlets.values():
            self.ask(outlet, now)

    def ask(self, outlet: Outlet, now: float) -> None:
        """Ask about all that is in doubt, if the sink is there; else look again later."""
        books = self._books
        if not outlet.asked:
            return
        books.timers.set(("asked", outlet.id), now + books.config.sink_patience)
        for request in [r for r, (asked, _) in self._questions.items() if asked is outlet]:
            del self._questions[request]
        peer = outlet.session
        if peer is None:
            return
        numbers = list(outlet.asked)
        for start in range(0, len(numbers), BATCH_COUNT_MAX):
            self._request += 1
            some = numbers[start : start + BATCH_COUNT_MAX]
            self._questions[self._request] = outlet, some
            books.dialer.send(peer, Have(self._request, some))

    def answered(self, outlet: Outlet, has: Has, now: float) -> None:
        """The sink says what it has."""
        asked, numbers = self._questions.pop(has.request, (None, []))
        if asked is not outlet or len(numbers) != len(has.states):
            return
        lacking = []
        for number, state in zip(numbers, has.states, strict=True):
            entry = outlet.asked.get(number)
            if entry is None:
                continue
            if state == HAS_TAKEN:
                self.arrived(entry, now)
            elif state != HAS_HOLDING:
                lacking.append(entry)
        self.wait_again(lacking)
        if self._is_answered(outlet):
            self._books.timers.set(("asked", outlet.id), now + _HOLDING_DELAY)

    def arrived(self, entry: Entry, now: float) -> None:
        """The sink has the result."""
        books = self._books
        books.unplace(entry, SUCCEEDED)
        entry.value = _NIL
        books.resumed(entry, now)
        books.settle(entry, "succeeded")

    def wait_again(self, entries: list[Entry]) -> None:
        """The results of these are not there, or nobody says so."""
        for entry in entries:
            assert entry.outlet is not None
            del entry.outlet.asked[entry.sink_seq]
        self._books.counters["resubmitted"] += len(entries)
        self._books.wait_again(entries, "missed")

    def look_again(self, outlet_id: str, now: float) -> None:
        """It was a while ago that this outlet was asked."""
        for outlet in self._books.outlets:
            if outlet.id == outlet_id:
                if outlet.session is None or not self._is_answered(outlet):
                    self.wait_again([e for e in outlet.asked.values() if not e.spec.inbox])
                self.ask(outlet, now)

    def _is_answered(self, outlet: Outlet) -> bool:
        """Whether all questions are answered: what is in doubt still waits to be stored."""
        return all(asked is not outlet for asked, _ in self._questions.values())
