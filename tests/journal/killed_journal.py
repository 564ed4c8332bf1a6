"""Children write numbered batches into a journal, and are killed with SIGKILL at random moments.

    python killed_journal.py FOLDER KILLS

One JSON object per child on standard output: the last number that it had said to be written, and
what the journal has afterwards.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sys

from zmqwork.core.ledger import TaskSpec
from zmqwork.core.records import Batch, Filed
from zmqwork.journal.folder import Folder
from zmqwork.journal.sqlite import Sizes
from zmqwork.options import TaskOptions

SPEC = TaskSpec("f", "", TaskOptions())
SIZES = Sizes(garbage_bytes=20_000, checkpoint_bytes=100_000, reserve_bytes=0)


def folder():
    return Folder(sys.argv[1], "app", allow_volatile=True, sizes=SIZES)


def work(said):
    journal = folder().take()
    seq = journal.load().newest
    while True:
        seq += 1
        # One in three stays for ever, the others until the next one comes.
        done = [] if seq % 3 == 0 else [seq - 1]
        filed = Filed(SPEC, [seq], [b"x" * 50])
        journal.write([Batch(filed=[filed], settled={"succeeded": done})])
        os.write(said, b"%d\n" % seq)


def life(chance):
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            work(write)
        finally:
            os._exit(1)
    os.close(write)
    with os.fdopen(read, "rb") as said:
        for _ in range(chance.randint(1, 60)):
            last = said.readline()
        # A random moment of the next write, or two.
        select.select([], [], [], chance.uniform(0, 0.003))
        os.kill(pid, signal.SIGKILL)
        last = ([last, *said.readlines()])[-1]
    os.waitpid(pid, 0)
    return int(last)


def main():
    chance = random.Random(5)
    for _ in range(int(sys.argv[2])):
        said = life(chance)
        journal = folder().take()
        legacy = journal.load()
        journal.close()
        tasks = [task.seq for task in legacy.tasks]
        print(json.dumps({"said": said, "newest": legacy.newest, "tasks": tasks}))


main()
