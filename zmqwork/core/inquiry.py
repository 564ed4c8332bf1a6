"""Tasks whose worker was lost, and whose result may be at its sink: the sink is asked.

What it has is settled, what it has not waits again, and what waits there to be stored is asked
about again. Without an answer a plain task waits again; one that is bound to an inbox waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable

from zmqwork.core.books import Books
from zmqwork.core.delivery import HAS_HOLDING, HAS_TAKEN, Has, Have
from zmqwork.core.happenings import RESUBMITTED
from zmqwork.core.ledger import Entry
from zmqwork.core.lifecycle import SUCCEEDED
from zmqwork.core.messages import BATCH_COUNT_MAX
from zmqwork.core.outlet import Outlet

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
        # What was asked and not answered: request -> outlet and tasks. Bound: the entries that
        # were asked about when their outlet was asked last.
        self._questions: dict[int, tuple[Outlet, list[Entry]]] = {}

    def doubt(self, entries: Iterable[Entry], now: float) -> None:
        """No worker holds these any more: ask whether their results are there."""
        outlets: dict[str, Outlet] = {}
        for entry in entries:
            outlet = entry.outlet
            assert outlet is not None
            entry.move("doubted")
            self._books.may_expire(entry)
            outlet.asked[entry.seq] = entry
            outlets[outlet.id] = outlet
        for outlet in outlets.values():
            if outlet.gone:
                self.give_up(outlet)
            self.ask(outlet, now)

    def ask(self, outlet: Outlet, now: float) -> None:
        """Ask about all that is in doubt, if the sink is there; else look again later."""
        books = self._books
        for request in [r for r, (asked, _) in self._questions.items() if asked is outlet]:
            del self._questions[request]
        peer = outlet.session
        entries = list(outlet.asked.values())
        if not entries or (peer is None and all(entry.spec.inbox for entry in entries)):
            # Nothing is to be done, or nothing before the inbox is there, which is asked then.
            books.timers.cancel(("asked", outlet.id))
            return
        books.timers.set(("asked", outlet.id), now + books.config.sink_patience)
        if peer is None:
            return
        for start in range(0, len(entries), BATCH_COUNT_MAX):
            self._request += 1
            some = entries[start : start + BATCH_COUNT_MAX]
            self._questions[self._request] = outlet, some
            books.dialer.send(peer, Have(self._request, [entry.sink_seq for entry in some]))

    def answered(self, outlet: Outlet, has: Has, now: float) -> None:
        """The sink says what it has."""
        asked, entries = self._questions.get(has.request, (None, []))
        if asked is not outlet or len(entries) != len(has.states):
            return
        del self._questions[has.request]
        lacking = []
        for entry, state in zip(entries, has.states, strict=True):
            if outlet.asked.get(entry.seq) is not entry:
                continue  # decided meanwhile
            if state == HAS_TAKEN:
                self.arrived(entry, now)
            elif state != HAS_HOLDING:
                lacking.append(entry)
        self.wait_again(lacking)
        if not outlet.asked:
            self._books.timers.cancel(("asked", outlet.id))
        elif self._is_answered(outlet):
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
            del entry.outlet.asked[entry.seq]
        self._books.counters["resubmitted"] += len(entries)
        if self._books.happenings is not None:
            self._books.happenings.tell(RESUBMITTED, entries)
        self._books.wait_again(entries, "missed")

    def give_up(self, outlet: Outlet) -> None:
        """No answer is to be expected: what may go elsewhere waits again."""
        self.wait_again([entry for entry in outlet.asked.values() if not entry.spec.inbox])

    def look_again(self, outlet_id: str, now: float) -> None:
        """It was a while ago that this outlet was asked."""
        outlet = self._books.outlets.get(outlet_id)
        if outlet is not None:
            if outlet.session is None or not self._is_answered(outlet):
                self.give_up(outlet)
            self.ask(outlet, now)

    def _is_answered(self, outlet: Outlet) -> bool:
        """Whether all questions are answered: what is in doubt still waits to be stored."""
        return all(asked is not outlet for asked, _ in self._questions.values())
