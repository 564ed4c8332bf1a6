"""Tasks come in: each gets its place, and the instants that its options say."""

from __future__ import annotations

from collections.abc import Sequence

from zmqwork.core.books import Books
from zmqwork.core.lanes import Lane
from zmqwork.core.ledger import Entry


class Submission:
    """Takes in what the application submits."""

    __slots__ = ("_books",)

    def __init__(self, books: Books) -> None:
        self._books = books

    def place(self, submitted: Sequence[Entry], now: float) -> list[Entry]:
        """Most go to the end of a lane, all of a kind to the same one; those bound to inboxes."""
        books = self._books
        entries = books.ledger.entries
        lane: Lane | None = None
        spec = expires = None
        bound: list[Entry] = []
        for entry in submitted:
            if entry.spec is not spec:
                spec = entry.spec
                options = spec.options
                expires = options.expires
                lane = None
                if not (spec.inbox or options.inbox or options.countdown):
                    lane = books.lanes.of(spec)
            entries[entry.seq] = entry
            entry.since = now
            if lane is not None:
                lane.append(entry)
            else:
                self._place(entry, bound, now)
            if expires is not None:
                entry.deadline_at = now + expires
                books.timers.set(("expire", entry.seq), entry.deadline_at)
        if submitted:
            books.ledger.newest = max(books.ledger.newest, submitted[-1].seq)
        return bound

    def _place(self, entry: Entry, bound: list[Entry], now: float) -> None:
        """One that is bound to an inbox, or is not due yet."""
        books = self._books
        spec = entry.spec
        if spec.inbox or spec.options.inbox:
            books.outlets.bind(entry)
            bound.append(entry)
        if spec.options.countdown:
            entry.move("postponed")
            entry.since = now + spec.options.countdown
            books.rest(entry, entry.since)
        else:
            books.lanes.of(entry.spec).append(entry)
