"""Results on standard output."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Literal

from zmqwork.disk import reason
from zmqwork.errors import ConfigError, StoreError
from zmqwork.nodes.store import Batch
from zmqwork.sinks.csv_rows import CsvRows, Unknown
from zmqwork.sinks.json_lines import json_lines
from zmqwork.sinks.plain import raw

Format = Literal["jsonl", "csv", "text"]
FORMATS: tuple[Format, ...] = ("jsonl", "csv", "text")


class Stdout:
    """Results as lines on standard output. It remembers nothing: after a restart some come twice.

    A reader that has closed its pipe has seen enough: that ends it like a full disk.

    Args:
        format: `jsonl` as `JsonLines` writes them, `csv` as `Csv` does, or `text`: text and bytes
            as they are, with a newline if they do not end with one, and of anything else its JSON.
        bare: with `jsonl`, write the result alone.
        columns, unknown: with `csv`, as for `Csv`.

    Attributes:
        reader_left: whether its reader has closed the pipe.
    """

    inbox = ""

    def __init__(
        self,
        format: Format = "jsonl",  # noqa: A002 - what it is
        *,
        bare: bool = False,
        columns: Sequence[str] | None = None,
        unknown: Unknown = "refuse",
    ) -> None:
        if format not in FORMATS:
            raise ConfigError(f"format must be one of {', '.join(FORMATS)}, not {format!r}")
        self._format = format
        self._bare = bare
        self._rows = CsvRows(columns, unknown)
        self._has_header = False
        self.reader_left = False

    def __repr__(self) -> str:
        return f"Stdout({self._format!r})"

    def open(self) -> dict[str, list[tuple[int, int]]]:
        """As `Store.open`: nothing was taken."""
        return {}

    def store(self, batch: Batch) -> None:
        """As `Store.store`. StoreError also: nobody reads any more, or it takes no bytes."""
        data = self._encode(batch)
        out = sys.stdout
        if getattr(out, "buffer", None) is None:
            raise StoreError(
                "standard output is closed, or takes no bytes (in a notebook): write a file"
            )
        try:
            out.flush()
            out.buffer.write(data)
            out.buffer.flush()
        except BrokenPipeError as error:
            self.reader_left = True
            raise StoreError("whoever read the output has closed it") from error
        except OSError as error:
            raise StoreError(f"the output cannot be written: {reason(error)}") from error
        self._has_header = True

    def close(self) -> None:
        """As `Store.close`: standard output stays open."""

    def _encode(self, batch: Batch) -> bytes:
        if self._format == "jsonl":
            return json_lines(batch.results, bare=self._bare)
        if self._format == "text":
            return b"".join(map(_line, batch.results))
        lines = self._rows.lines(batch.results.records)
        return (lines if self._has_header else self._rows.header() + lines).encode()


def _line(value: object) -> bytes:
    data = raw(value)
    return data if data.endswith(b"\n") else data + b"\n"
