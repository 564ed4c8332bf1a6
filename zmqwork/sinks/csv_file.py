"""A file of comma-separated values with a header."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from zmqwork.errors import StoreError
from zmqwork.nodes.store import Batch
from zmqwork.sinks.csv_rows import CsvRows, Unknown, split
from zmqwork.sinks.line_file import LineStore


class Csv(LineStore):
    """Results as CSV: a header, then a line per result.

    The columns are fixed once the file is begun. A missing key leaves its field empty. The file is
    continued after a restart, as that of `JsonLines`.

    Args:
        path: the file; its directory exists.
        columns: the columns in order; `task_id` and `task` among them tell of the task. Results
            that are dicts are put there by their keys, lists and tuples of the right length in
            order. None: `task_id`, `task`, and the keys of the first result if it is a dict, else
            `result`.
        unknown: a key without a column stops the sink (`refuse`), or is left out (`drop`).
        append: the file may have lines that no sink has written: go on behind them. Its first line
            then names the columns.
        id: of the inbox, as for `JsonLines`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        columns: Sequence[str] | None = None,
        *,
        unknown: Unknown = "refuse",
        append: bool = False,
        id: str | None = None,  # noqa: A002 - what it is
    ) -> None:
        super().__init__(path, "csv", id, append=append)
        self._rows = CsvRows(columns, unknown)

    def open(self) -> dict[str, list[tuple[int, int]]]:
        """As `Store.open`. StoreError also: the file has other columns."""
        taken = super().open()
        try:
            self._learn_columns()
        except BaseException:
            self.close()
            raise
        return taken

    def store(self, batch: Batch) -> None:
        """As `Store.store`. StoreError also: a result does not fit the columns."""
        known = self._rows.columns
        try:
            lines = self._rows.lines(batch.results.records)
            if not self._file.length:
                lines = self._rows.header() + lines
            self._file.write(lines.encode(), batch, {"columns": json.dumps(self._rows.columns)})
        except BaseException:
            self._rows.columns = known
            raise

    def _learn_columns(self) -> None:
        if not self._file.length:
            return
        noted = self._file.database.notes().get("columns")
        columns = split(self._file.head()) if noted is None else json.loads(noted)
        if self._rows.columns not in (None, columns):
            raise StoreError(
                f"{self.path} has the columns {', '.join(columns)}, not "
                f"{', '.join(self._rows.columns)}: choose another file"
            )
        self._rows.columns = columns
