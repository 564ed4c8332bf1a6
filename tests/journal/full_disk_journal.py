"""Fills a small disk with a journal, settles on the full disk, makes room, and goes on.

    python full_disk_journal.py DISK COPY

In a mount namespace of its own: DISK becomes a tmpfs of 3 MiB, a part of which is taken by somebody
else. What the journal is when the disk is full goes to COPY. Prints one JSON object.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from zmqwork.core.ledger import TaskSpec
from zmqwork.core.records import Batch, Filed
from zmqwork.errors import JournalFull
from zmqwork.journal.folder import Folder
from zmqwork.journal.sqlite import Sizes
from zmqwork.options import TaskOptions

SPEC = TaskSpec("f", "", TaskOptions())
SIZES = Sizes(reserve_bytes=512 * 1024, checkpoint_bytes=256 * 1024, garbage_bytes=256 * 1024)


def fill(journal, seq):
    """File tasks until there is no room; the first that was refused, and why."""
    while True:
        filed = Filed(SPEC, [seq], [b"x" * 2000])
        try:
            journal.write([Batch(filed=[filed])])
        except JournalFull as error:
            return seq, str(error)
        seq += 1


def main(disk, copy):
    disk, copy = Path(disk), Path(copy)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", disk], check=True)
    (disk / "other").write_bytes(b"x" * 600_000)
    journal = Folder(disk / "journal", "app", allow_volatile=True, sizes=SIZES).take()
    journal.load()
    refused, said = fill(journal, 1)
    # Somebody else takes what is left: there is room nowhere but in the reserve.
    with (disk / "more").open("wb", buffering=0) as more:
        try:
            while more.write(b"x" * 4096) == 4096:
                pass
        except OSError:
            pass
    again, _ = fill(journal, refused)
    for seq in range(1, refused, 2):
        journal.write([Batch(settled={"succeeded": [seq]})], reserve=True)
    shutil.copytree(disk / "journal", copy / "full")
    (disk / "more").unlink()
    (disk / "other").unlink()
    later, _ = fill(journal, refused)
    reserve = sum(f.stat().st_size for f in disk.glob("journal/*.reserve"))
    journal.close()
    journal = Folder(disk / "journal", "app", allow_volatile=True, sizes=SIZES).take()
    legacy = journal.load()
    journal.close()
    print(
        json.dumps(
            {
                "said": said, "refused": refused, "again": again, "later": later,
                "tasks": [task.seq for task in legacy.tasks], "settled": legacy.settled,
                "reserve": reserve,
            }
        )
    )  # fmt: skip


main(*sys.argv[1:])
