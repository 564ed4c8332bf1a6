"""Tasks come in: each gets its place, and the instants that its options say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from zmqwork.core.books import Books
from zmqwork.core.lanes import Lane
from zmqwork.core.ledger import Entry, TaskSpec

# Where those of a kind are collected, and the instant at which they expire, if they do.
_Place = tuple[list[Entry], float | None]


class Submission:
    """Takes in what the application submits."""

    __slots__ = ("_books",)

    def __init__(self, books: Books) -> None:
        self._books = books

    def place(self, submitted: Sequence[Entry], now: float) -> list[Entry]:
        """Most go to the end of a lane, all of a kind to the same one; those bound to inboxes."""
        books = self._books
        entries = books.ledger.entries
        # Those of a lane, in order, and those that need a look each; and where those of a kind go,
        # by the identity of its spec: its hash would cost more.
        groups: dict[Lane, list[Entry]] = {}
        others: list[Entry] = []
        places: dict[int, _Place] = {}
        spec: TaskSpec | None = None
        for entry in submitted:
            if entry.spec is not spec:
                spec = entry.spec
                try:
                    group, deadline_at = places[id(spec)]
                except KeyError:
                    place = self._place_of(spec, groups, others, now)
                    group, deadline_at = places[id(spec)] = place
            entries[entry.seq] = entry
            entry.since = now
            entry.deadline_at = deadline_at
            group.append(entry)
        bound: list[Entry] = []
        for entry in others:
            self._place(entry, bound, now)
        for lane, waiting in groups.items():
            lane.extend(waiting)
        self._let_expire(submitted, {deadline_at for _, deadline_at in places.values()})
        if submitted:
            books.ledger.newest = max(books.ledger.newest, submitted[-1].seq)
        return bound

    def _place_of(
        self, spec: TaskSpec, groups: dict[Lane, list[Entry]], others: list[Entry], now: float
    ) -> _Place:
        books, options = self._books, spec.options
        if options.result_ttl:
            books.kept.watches = True
        simple = not (spec.inbox or options.inbox or options.countdown)
        group = groups.setdefault(books.lanes.of(spec), []) if simple else others
        return group, None if options.expires is None else now + options.expires

    def _let_expire(self, submitted: Sequence[Entry], instants: set[float | None]) -> None:
        """Note when these expire: each at one of these instants, or never."""
        if instants <= {None}:
            return
        if len(instants) == 1:
            expiring = {instant: [entry.seq for entry in submitted] for instant in instants}
        else:
            expiring = defaultdict(list)
            for entry in submitted:
                expiring[entry.deadline_at].append(entry.seq)
        for at, seqs in expiring.items():
            if at is not None:
                self._books.deadlines.add(at, seqs)

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
