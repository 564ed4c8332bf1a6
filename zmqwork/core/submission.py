"""Tasks come in: each gets its place, and the instants that its options say."""

from __future__ import annotations

from collections.abc import Sequence

from zmqwork.core.books import Books
from zmqwork.core.lanes import Lane
from zmqwork.core.ledger import Entry, TaskSpec

# The group of its lane, unless that is not the same for all of a kind; the instant at which they
# expire, and their numbers, if they do.
_Place = tuple[list[Entry] | None, float | None, list[int]]


class Submission:
    """Takes in what the application submits."""

    __slots__ = ("_books",)

    def __init__(self, books: Books) -> None:
        self._books = books

    def place(self, submitted: Sequence[Entry], now: float) -> list[Entry]:
        """Most go to the end of a lane, all of a kind to the same one; those bound to inboxes."""
        books = self._books
        entries = books.ledger.entries
        # Those of a lane, in order; and where those of a kind go, by the identity of its spec: its
        # hash would cost more.
        groups: dict[Lane, list[Entry]] = {}
        places: dict[int, _Place] = {}
        spec: TaskSpec | None = None
        bound: list[Entry] = []
        for entry in submitted:
            if entry.spec is not spec:
                spec = entry.spec
                place = places.get(id(spec))
                if place is None:
                    place = places[id(spec)] = self._place_of(spec, groups, now)
                group, deadline_at, expiring = place
            entries[entry.seq] = entry
            entry.since = now
            if group is not None:
                group.append(entry)
            else:
                self._place(entry, bound, now)
            if deadline_at is not None:
                entry.deadline_at = deadline_at
                expiring.append(entry.seq)
        for lane, waiting in groups.items():
            lane.extend(waiting)
        for _, deadline_at, expiring in places.values():
            if deadline_at is not None:
                books.deadlines.add(deadline_at, expiring)
        if submitted:
            books.ledger.newest = max(books.ledger.newest, submitted[-1].seq)
        return bound

    def _place_of(self, spec: TaskSpec, groups: dict[Lane, list[Entry]], now: float) -> _Place:
        books, options = self._books, spec.options
        if options.result_ttl:
            books.kept.watches = True
        simple = not (spec.inbox or options.inbox or options.countdown)
        group = groups.setdefault(books.lanes.of(spec), []) if simple else None
        return group, None if options.expires is None else now + options.expires, []

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
