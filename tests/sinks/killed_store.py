"""Stores batches in children, kills each with SIGKILL at a random moment, and says what was acked.

    python killed_store.py KIND PATH TOTAL KILLS SEED

One JSON object per child on standard output: the numbers that it had acked, and whether it was
killed. The last child is not killed; it ends when nothing is missing.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sys
import time

from store_batches import batch, missing

from zmqwork.sinks import Csv, Files, JsonLines, SqliteInbox, SqliteTable


def book(results, tx):
    tx.execute("CREATE TABLE IF NOT EXISTS results (seq INTEGER)")
    tx.executemany("INSERT INTO results VALUES (?)", [(number,) for number in results])


KINDS = {
    "jsonl": JsonLines,
    "csv": Csv,
    "files": Files,
    "table": SqliteTable,
    "inbox": lambda path: SqliteInbox(path).store(book),
}


def work(kind, path, total, seed, acks, batches):
    """What a child does: all that is missing, in random order and sizes; or so many batches."""
    chance = random.Random(seed)
    store = KINDS[kind](path)
    left = missing(store.open(), total)
    chance.shuffle(left)
    while left:
        if not batches:
            signal.pause()
        batches -= 1
        size = chance.randint(1, 12)
        some, left = sorted(left[:size]), left[size:]
        store.store(batch(some))
        os.write(acks, (json.dumps(some) + "\n").encode())
    store.close()


class Killer:
    """Starts children, and kills them. `pace` is how long a batch takes here."""

    def __init__(self, kind, path, total):
        self.words = kind, path, total
        self.pace = 0.002

    def child(self, seed, kill_after):
        """Run one child, and kill it a random moment after so many acks; None: let it end."""
        read, write = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(read)
            code = 1
            try:
                work(*self.words, seed, write, -1 if kill_after is None else kill_after + 2)
                code = 0
            finally:
                os._exit(code)
        os.close(write)
        with os.fdopen(read, "rb", buffering=0) as acks:
            said = self.listen(acks, kill_after)
            if kill_after is not None:
                # Somewhere in the next batch, or two.
                select.select([], [], [], random.Random(seed).uniform(0, 2 * self.pace))
                os.kill(pid, signal.SIGKILL)
            while data := acks.read(65536):
                said += data
        _, status = os.waitpid(pid, 0)
        acked = [number for line in said.splitlines() for number in json.loads(line)]
        return {"acked": acked, "killed": os.WIFSIGNALED(status), "status": status}

    def listen(self, acks, count):
        """Read so many acks, or all."""
        said, times = b"", []
        while (count is None or said.count(b"\n") < count) and (data := acks.read(65536)):
            said += data
            times.append(time.monotonic())
        if count is not None and len(times) > 1:
            self.pace = (times[-1] - times[0]) / (len(times) - 1)
        return said


def main(kind, path, total, kills, seed):
    chance = random.Random(int(seed))
    killer = Killer(kind, path, int(total))
    for _ in range(int(kills)):
        print(json.dumps(killer.child(chance.random(), chance.randint(0, 3))), flush=True)
    print(json.dumps(killer.child(chance.random(), None)), flush=True)


main(*sys.argv[1:])
