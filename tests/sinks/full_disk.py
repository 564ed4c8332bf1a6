"""Fills a small disk with results, makes room, and goes on; in a mount namespace of its own.

    python full_disk.py KIND DISK COPY PAYLOAD_BYTES

DISK becomes a tmpfs of 1 MiB, a part of which is taken. What the store has left behind is copied to
COPY: `full` as it was after the error, `done` at the end. Prints one JSON object.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from store_batches import batch, missing

from zmqwork.errors import StoreError
from zmqwork.sinks import Csv, Files, JsonLines, SqliteTable

KINDS = {"jsonl": JsonLines, "csv": Csv, "files": Files, "table": SqliteTable}
TOTAL = 4000


def fill(store, payload, left, acked):
    """Store what is left, until that is all, or something fails."""
    while left:
        some, left = left[:20], left[20:]
        store.store(batch(some, lambda number: f"{number}:{'x' * payload}"))
        acked += some


def main(kind, disk, copy, payload):
    disk, copy, payload = Path(disk), Path(copy), int(payload)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], check=True)
    ballast = disk / "ballast"
    ballast.write_bytes(b"x" * 300_000)
    acked, place = [], disk / "out"
    store = KINDS[kind](place)
    said = ""
    try:
        fill(store, payload, missing(store.open(), TOTAL), acked)
    except StoreError as error:
        said = str(error)
    store.close()
    tree = shutil.copytree if place.is_dir() else shutil.copy
    tree(place, copy / "full")
    for log in disk.glob("out-*"):  # SQLite's, which a close on a full disk may have left
        shutil.copy(log, copy / log.name.replace("out", "full"))
    ballast.unlink()
    store = KINDS[kind](place)
    remembered = sorted(set(range(1, TOTAL + 1)) - set(missing(store.open(), TOTAL)))
    later, total = [], len(remembered) + 40
    fill(store, payload, missing({"run-1": [(n, n) for n in remembered]}, total), later)
    store.close()
    tree(place, copy / "done")
    print(json.dumps({"said": said, "acked": acked, "remembered": remembered, "total": total}))


main(*sys.argv[1:])
