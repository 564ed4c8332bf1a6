"""The journal alone, without a producer: how fast it takes batches, and is opened again.

    python -m benchmarks.journal_store [--path DIR] [--rows]

One JSON object per line. `write`: batches of 1,000 small tasks, each of which settles 1,000 earlier
ones, with one sync each, as fast as one thread can; `beside a busy thread`: the same while another
thread of the process runs Python code, as the loop of a producer does. `open`: a journal of
1,000,000 settled and 100,000 open tasks, which was never compacted, up to its `Legacy`. With
``--rows`` also the form that was rejected (ADR 21): a row per task.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import tempfile
import threading
import time
from pathlib import Path
from typing import Self

from zmqwork.core.ledger import TaskSpec
from zmqwork.core.records import Batch, Filed
from zmqwork.journal.sqlite import Sizes, SqliteJournal
from zmqwork.options import TaskOptions

SPEC = TaskSpec("thumbnail", "a1b2c3d4", TaskOptions(queue="images"))
ARGS = b"\x92\x91\xa5a.jpg\x81\xa5width\x64"
COUNT = 1_000
BATCHES = 200
SETTLED, OPEN = 1_000_000, 100_000


def batch(first: int, settled: int) -> Batch:
    done = {"succeeded": [*range(settled, settled + COUNT)]} if settled else {}
    return Batch(filed=[Filed(SPEC, [*range(first, first + COUNT)], [ARGS] * COUNT)], settled=done)


def write(folder: Path) -> float:
    """Tasks per second."""
    journal = SqliteJournal(folder / "write.db", producer_id="0" * 32)
    journal.load()
    batches = [batch(n * COUNT + 1, (n - 9) * COUNT + 1 if n > 9 else 0) for n in range(BATCHES)]
    begun = time.perf_counter()
    for one in batches:
        journal.write([one])
    took = time.perf_counter() - begun
    journal.close()
    for file in folder.glob("write.*"):
        file.unlink()
    return BATCHES * COUNT / took


def write_rows(folder: Path) -> float:
    """The same with a row per task, which is deleted when it is settled."""
    connection = sqlite3.connect(folder / "rows.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE task (seq INTEGER PRIMARY KEY, spec INTEGER, args BLOB)")
    begun = time.perf_counter()
    for n in range(BATCHES):
        connection.execute("BEGIN")
        rows = [(seq, 1, ARGS) for seq in range(n * COUNT + 1, (n + 1) * COUNT + 1)]
        connection.executemany("INSERT INTO task VALUES (?, ?, ?)", rows)
        if n > 9:
            done = [(seq,) for seq in range((n - 9) * COUNT + 1, (n - 8) * COUNT + 1)]
            connection.executemany("DELETE FROM task WHERE seq = ?", done)
        connection.execute("COMMIT")
    took = time.perf_counter() - begun
    connection.close()
    for file in folder.glob("rows.*"):
        file.unlink()
    return BATCHES * COUNT / took


class Busy:
    """A thread that runs Python code all the time; how much it got done."""

    def __init__(self) -> None:
        self.turns = 0
        self._is_over = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._is_over:
            self.turns += 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self._thread.join()


def open_again(folder: Path) -> dict[str, float]:
    """Seconds until all is known, of a file whose every record must be read."""
    sizes = Sizes(garbage_bytes=2**40)
    path = folder / "open.db"
    journal = SqliteJournal(path, producer_id="0" * 32, sizes=sizes)
    journal.load()
    first = 1
    while first < SETTLED + OPEN:
        journal.write([batch(first, 0)])
        seqs = [*range(first, first + COUNT)]
        # One in eleven stays, spread over all.
        journal.write([Batch(settled={"succeeded": [seq for seq in seqs if seq % 11]})])
        first += COUNT
    journal.close()
    begun = time.perf_counter()
    journal = SqliteJournal(path, sizes=sizes)
    read = time.perf_counter() - begun
    legacy = journal.load()
    took = time.perf_counter() - begun
    assert len(legacy.tasks) == OPEN
    size = path.stat().st_size
    del legacy
    begun = time.perf_counter()
    journal.compact()
    compacted = time.perf_counter() - begun
    journal.close()
    begun = time.perf_counter()
    journal = SqliteJournal(path)
    journal.load()
    again = time.perf_counter() - begun
    journal.close()
    return {
        "seconds": took, "read": read, "mib": size / 2**20, "compaction": compacted,
        "compacted_seconds": again,
    }  # fmt: skip


def tell(what: str, **figures: float) -> None:
    rounded = {name: round(figure, 3) for name, figure in figures.items()}
    print(json.dumps({"measured": what, **rounded}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--path", help="a directory on the disk to measure")
    parser.add_argument("--rows", action="store_true", help="also a row per task")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.path) as name:
        folder = Path(name)
        for what, run in [("log", write)] + [("rows", write_rows)] * args.rows:
            tell(f"write, {what}", tasks_per_second=run(folder))
            with Busy() as busy:
                begun = time.perf_counter()
                rate = run(folder)
                turns = busy.turns / (time.perf_counter() - begun)
            tell(f"write beside a busy thread, {what}", tasks_per_second=rate, turns=turns)
        tell("open", **open_again(folder))


if __name__ == "__main__":
    main()
