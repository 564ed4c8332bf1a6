"""The table of the numbers that were taken: ranges, merged in the transaction of their results."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from zmqwork.core.ranges import Ranges
from zmqwork.nodes.store import Batch

# Bound: a row per producer that was ever heard of, and one per hole in its numbers, which floors
# close. `heard` orders the producers: it is the number of the last batch with results of theirs.
# `results` is how many of theirs are stored: a number below a floor is taken, and may have none.
TABLES = (
    """CREATE TABLE zmqwork_taken (
        producer_id TEXT NOT NULL,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        PRIMARY KEY (producer_id, first)
    ) WITHOUT ROWID""",
    """CREATE TABLE zmqwork_producers (
        producer_id TEXT PRIMARY KEY,
        heard INTEGER NOT NULL,
        results INTEGER NOT NULL
    ) WITHOUT ROWID""",
)


class Taken(NamedTuple):
    """What the tables have.

    Attributes:
        ranges: the numbers that are taken, by producer, the one heard of last at the end.
        counts: how many results of each producer are stored.
        number: of the last batch.
    """

    ranges: dict[str, list[tuple[int, int]]]
    counts: dict[str, int]
    number: int


def load(cursor: sqlite3.Cursor) -> Taken:
    """Read all of it."""
    ranges: dict[str, list[tuple[int, int]]] = {}
    counts: dict[str, int] = {}
    heard = 0
    rows = cursor.execute(
        "SELECT producer_id, heard, results FROM zmqwork_producers ORDER BY heard"
    )
    for producer_id, heard, results in rows:  # noqa: B007 - the last one is returned
        ranges[producer_id] = []
        counts[producer_id] = results
    rows = cursor.execute(
        "SELECT producer_id, first, last FROM zmqwork_taken ORDER BY producer_id, first"
    )
    for producer_id, first, last in rows:
        ranges[producer_id].append((first, last))
    return Taken(ranges, counts, heard)


def record(cursor: sqlite3.Cursor, batch: Batch, number: int) -> None:
    """Take in the numbers of a batch, and close the holes below its floors.

    Args:
        cursor: in an open transaction, and with rows that are tuples.
        batch: what is stored with it.
        number: counts the batches, over restarts.
    """
    fresh: dict[str, Ranges] = {}
    for producer_id, floor in batch.floors.items():
        if floor > 1:
            fresh.setdefault(producer_id, Ranges()).add(1, floor - 1)
    counts: Counter[str] = Counter()
    for producer_id, first, last in batch.taken:
        fresh.setdefault(producer_id, Ranges()).add(first, last)
        counts[producer_id] += last - first + 1
    for producer_id, ranges in fresh.items():
        _merge(cursor, producer_id, ranges)
        cursor.execute(
            "INSERT INTO zmqwork_producers VALUES (?, ?, ?) ON CONFLICT (producer_id) "
            "DO UPDATE SET heard = excluded.heard, results = results + excluded.results",
            (producer_id, number, counts[producer_id]),
        )


def _merge(cursor: sqlite3.Cursor, producer_id: str, ranges: Iterable[tuple[int, int]]) -> None:
    for first, last in ranges:
        low, high = first, last
        # From the last range that begins before our end, down to the first that touches us.
        rows = cursor.execute(
            "SELECT first, last FROM zmqwork_taken WHERE producer_id = ? AND first <= ? "
            "ORDER BY first DESC",
            (producer_id, last + 1),
        )
        touched = []
        for old_first, old_last in rows:
            if old_last < first - 1:
                break
            touched.append((producer_id, old_first))
            low, high = min(low, old_first), max(high, old_last)
        cursor.executemany("DELETE FROM zmqwork_taken WHERE producer_id = ? AND first = ?", touched)
        cursor.execute("INSERT INTO zmqwork_taken VALUES (?, ?, ?)", (producer_id, low, high))
