"""A file with a JSON text per line."""

from __future__ import annotations

import os
from collections.abc import Iterable

from zmqwork.nodes.store import Batch, Results
from zmqwork.sinks.line_file import LineStore
from zmqwork.sinks.plain import json_record, json_text


class JsonLines(LineStore):
    """Results as JSON Lines: ``{"task_id": ..., "task": ..., "result": ...}`` each.

    The file is continued after a restart, without losing or repeating a line; for that, a small
    database lies beside it (``out.jsonl.inbox``), which belongs to it.

    Args:
        path: the file; its directory exists.
        bare: write the result alone.
        append: the file may have lines that no sink has written: go on behind them.
        id: of the inbox, for `Task.using(inbox=...)`; else a random one, kept beside the file.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        bare: bool = False,
        append: bool = False,
        id: str | None = None,  # noqa: A002 - what it is
    ) -> None:
        super().__init__(path, "jsonl", id, append=append)
        self._bare = bare

    def store(self, batch: Batch) -> None:
        """As `Store.store`."""
        self._file.write(json_lines(batch.results, bare=self._bare), batch)


def json_lines(results: Results, *, bare: bool) -> bytes:
    """Results as lines."""
    lines: Iterable[str]
    if bare:
        lines = map(json_text, results)
    else:
        lines = (json_record(r.task_id, r.name, r.value) for r in results.records)
    return "".join(f"{line}\n" for line in lines).encode()
