"""A journal whose machine loses power again and again, and how often something was lost."""

from __future__ import annotations

import random

import apsw
from contract import EVIDENCE, Model, filed, seen
from power import Disk, Recorder

from zmqwork.core.records import Batch, Letter, Trial
from zmqwork.errors import JournalError
from zmqwork.journal.sqlite import Sizes, SqliteJournal

BATCHES = 150
SIZES = Sizes(reserve_bytes=0, garbage_bytes=30_000, checkpoint_bytes=150_000)


class Careless:
    """A connection that syncs as SQLite does with synchronous=NORMAL."""

    def __init__(self, connection):
        self.real = connection
        self.close = connection.close

    def execute(self, statement, values=()):
        return self.real.execute(
            statement.replace("synchronous = FULL", "synchronous = NORMAL"), values
        )


def work(chance):
    """Batches as a producer has them: most tasks are settled soon, few have trouble."""
    seq, unsettled, letters = 0, [], []
    for _ in range(BATCHES):
        batch, count = Batch(), chance.choice([1, 1, 5, 40])
        seqs = [*range(seq + 1, seq + 1 + count)]
        seq += count
        unsettled += seqs
        batch.filed = [filed(*seqs, size=chance.choice([0, 20, 20, 900]))]
        chance.shuffle(unsettled)
        done = [
            unsettled.pop() for _ in range(min(len(unsettled), chance.choice([0, count // 2, 50])))
        ]
        batch.settled = {"succeeded": done}
        if unsettled and chance.random() < 0.3:
            batch.trials = [Trial(unsettled[0], 1, evidence=[EVIDENCE])]
            letters.append(unsettled.pop())
            batch.letters = [Letter(letters[-1], "dead", {"text": "no"})]
        if letters and chance.random() < 0.1:
            batch.removed = [letters.pop()]
        yield batch


def run(folder, chance, *, careless):
    """Write batches with a recorder; its notes, with one per confirmed batch, and the models."""
    path = folder / "journal.db"
    SqliteJournal(path, producer_id="ab" * 16, sizes=SIZES).close()
    disk = Disk(folder)
    recorder = Recorder(f"recorder-{chance.random()}")
    compactions = []

    def connect(name):
        connection = apsw.Connection(name, vfs=recorder.name)
        return Careless(connection) if careless else connection

    class Counting(SqliteJournal):
        def compact(self):
            compactions.append(len(recorder.notes))
            super().compact()

    journal = Counting(path, sizes=SIZES, connect=connect, clock=lambda: 1.0)
    journal.load()
    recorder.notes.append(("confirmed", 0))
    model = Model()
    models = [model.seen()]
    for number, batch in enumerate(work(chance), 1):
        journal.write([batch])
        recorder.notes.append(("confirmed", number))
        model.write(batch)
        models.append(model.seen())
    notes = [*recorder.notes]
    journal.close()  # not noted any more
    assert len(compactions) >= 3
    return disk, notes, models


def losses(folder, seed, cuts, *, careless=False):
    """How often something was lost that was confirmed, or is there in part, or is damaged."""
    chance = random.Random(seed)
    (folder / "run").mkdir()
    disk, notes, models = run(folder / "run", chance, careless=careless)
    points = sorted(chance.randrange(len(notes)) for _ in range(cuts))
    lost = damaged = done = confirmed = 0
    for number, point in enumerate(points):
        for note in notes[done : point + 1]:
            disk.take(note)
            if note[0] == "confirmed":
                confirmed = note[1] + 1
        done = max(done, point + 1)
        after = folder / f"cut-{number}"
        after.mkdir()
        disk.lose_power(after, chance)
        try:
            journal = SqliteJournal(after / "journal.db", sizes=SIZES, clock=lambda: 1.0)
        except JournalError:
            damaged += 1
            continue
        legacy = journal.load()
        journal.close()
        if confirmed:
            assert legacy.epoch > 1 or careless
            # The one that was being written is there, or it is not.
            lost += seen(legacy) not in models[confirmed - 1 : confirmed + 1]
    return lost, damaged
