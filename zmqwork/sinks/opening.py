"""From a word of the command line to a store: ``out.jsonl``, ``sqlite:out.db``, ``out/``, ``-``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from zmqwork.errors import ConfigError
from zmqwork.nodes.store import Store
from zmqwork.sinks.csv_file import Csv
from zmqwork.sinks.files import Files
from zmqwork.sinks.json_lines import JsonLines
from zmqwork.sinks.sqlite_table import SqliteTable
from zmqwork.sinks.stdout import FORMATS, Format, Stdout


class Unfit(ConfigError):
    """An option does not go with the place.

    Attributes:
        option: its name, as `open_store` has it.
        what: the place, or its format.
    """

    def __init__(self, option: str, what: str) -> None:
        super().__init__(f"{option} does not go with {what}")
        self.option = option
        self.what = what


_SQLITE = "sqlite:"
_DATABASES = {".db", ".sqlite", ".sqlite3"}


def open_store(
    text: str,
    format: str | None = None,  # noqa: A002 - what it is
    *,
    append: bool = False,
    bare: bool = False,
    columns: Sequence[str] | None = None,
    id: str | None = None,  # noqa: A002 - what it is
) -> Store:
    """The store that is meant by a text. It is not opened yet.

    Args:
        text: ``-`` is standard output; ``sqlite:PATH`` the table `results` of that database; what
            ends in a slash, or is a directory, a directory of files; anything else a file.
        format: `jsonl`, `csv`, or on standard output `text`; None: by the file's suffix, `jsonl` if
            that says nothing.
        append: go on behind, or beside, what is there and no sink has written.
        bare: in JSON Lines, the results alone.
        columns: of CSV.
        id: of the inbox; None: a random one that is kept.

    Raises:
        ConfigError: the text, or what goes with it, makes no sense; `Unfit` if it is an option.
    """
    if text == "-":
        _refuse(text, append=append, id=id)
        kind = _format(text, format or "jsonl", FORMATS)
        _refuse_unfit(kind, bare=bare, columns=columns)
        return Stdout(cast("Format", kind), bare=bare, columns=columns)
    if text.startswith(_SQLITE):
        _refuse(text, format=format, bare=bare, columns=columns)
        return SqliteTable(text.removeprefix(_SQLITE), id=id)
    if text.endswith("/") or Path(text).is_dir():
        _refuse(text, format=format, bare=bare, columns=columns)
        return Files(text, append=append, id=id)
    kind = _format(text, format or _by_suffix(text), ("jsonl", "csv"))
    _refuse_unfit(kind, bare=bare, columns=columns)
    if kind == "csv":
        return Csv(text, columns, append=append, id=id)
    return JsonLines(text, bare=bare, append=append, id=id)


def _format(text: str, given: str, known: Sequence[str]) -> str:
    if given not in known:
        raise ConfigError(f"{text} cannot be written as {given!r}: {' or '.join(known)}")
    return given


def _by_suffix(text: str) -> str:
    suffix = Path(text).suffix.lower()
    if suffix in _DATABASES:
        raise ConfigError(
            f"{text} looks like a database: {_SQLITE}{text} makes one; with a format it is a file"
        )
    if suffix == ".parquet":
        raise ConfigError(
            f"{text}: a Parquet file cannot be continued after a restart. Write {_SQLITE}PATH, "
            "JSON Lines or CSV, and convert that at the end"
        )
    return "csv" if suffix == ".csv" else "jsonl"


def _refuse_unfit(kind: str, *, bare: bool, columns: Sequence[str] | None) -> None:
    if kind != "jsonl":
        _refuse(kind, bare=bare)
    if kind != "csv":
        _refuse(kind, columns=columns)


def _refuse(what: str, **options: object) -> None:
    for name, value in options.items():
        if value:
            raise Unfit(name, what)
