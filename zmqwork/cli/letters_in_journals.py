"""Dead letters in journals that no process has; those of one that runs are asked of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zmqwork.cli.letter_choice import Choice, Found
from zmqwork.cli.output import complain
from zmqwork.core.ledger import TaskSpec
from zmqwork.core.records import Batch, Letter, Trial
from zmqwork.errors import JournalInUse, UsageError
from zmqwork.journal.folder import SUFFIX
from zmqwork.journal.inspection import Inspection
from zmqwork.journal.sqlite import Sizes, SqliteJournal

# What is written here makes less of what is there.
_SIZES = Sizes(reserve_bytes=0)


class LettersInJournals:
    """See `letter_choice.Letters`.

    Args:
        places: files of journals, or directories of them.
    """

    def __init__(self, places: list[str]) -> None:
        self._files: list[Path] = []
        for place in places:
            path = Path(place).expanduser().resolve()
            self._files += sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]

    def find(self, choice: Choice, *, full: bool) -> Iterator[Found]:
        """As `Letters.find`."""
        for path in self._files:
            for seq, found in self._of(path, choice, full=full):
                del seq
                yield found

    def revive(self, choice: Choice) -> list[str]:
        """As `Letters.revive`: whoever opens the journal next dispatches them."""
        return self._write(choice, lambda seqs: Batch(trials=[Trial(seq) for seq in seqs]))

    def remove(self, choice: Choice) -> list[str]:
        """As `Letters.remove`."""
        return self._write(choice, lambda seqs: Batch(removed=seqs))

    def edit(self, task_id: str, payload: bytes) -> str:
        """Only a producer numbers tasks."""
        del payload
        raise UsageError(f"{task_id}: edit needs a producer that runs: start one on this journal")

    def _write(self, choice: Choice, batch: Any) -> list[str]:
        done = []
        for path in self._files:
            found = list(self._of(path, choice, full=False))
            if not found:
                continue
            journal = SqliteJournal(path, sizes=_SIZES)
            try:
                journal.load()
                journal.write([batch([seq for seq, _ in found])], reserve=True)
            finally:
                journal.close()
            done += [one.id for _, one in found]
        return done

    def _of(self, path: Path, choice: Choice, *, full: bool) -> Iterator[tuple[int, Found]]:
        try:
            inspection = Inspection(path)
        except JournalInUse as error:
            complain(f"zmqwork deadletters: {error}; left out: ask it without --journal")
            return
        with inspection:
            state, _ = inspection.contents()
            producer = str(inspection.meta.get("producer_id"))
            died_at = {
                letter.seq: at
                for _, _, parts in inspection.rows()
                for _, at, part in parts
                for letter in part.letters
            }
        seqs = choice.tasks.get(producer[:8])
        if choice.tasks and seqs is None:
            return
        now = time.time()  # noqa: TID251 - a journal has the times of the wall clock
        for seq in sorted(state.letters):
            spec, args, _, filed_at = state.tasks[seq]
            age = max(0.0, now - died_at.get(seq, filed_at))
            if (seqs is None or seq in seqs) and choice.means(spec.name, age):
                row = _row(seq, spec, state.letters[seq], age, full=full)
                yield seq, Found(f"{producer[:8]}-{seq}", row, args if full else None)


def _row(seq: int, spec: TaskSpec, letter: Letter, age: float, *, full: bool) -> dict[str, Any]:
    error = letter.error
    row: dict[str, Any] = {
        "seq": seq,
        "task": spec.name,
        "queue": spec.options.queue,
        "state": letter.state,
        "attempts": error.get("attempts"),
        "age": age,
        "type": error.get("type") or "",
        "text": error.get("text") or "",
    }
    if full:
        row["headers"] = dict(spec.options.headers_pairs)
        row["traceback"] = error.get("traceback") or ""
        row["evidence"] = error.get("evidence") or []
    return row
