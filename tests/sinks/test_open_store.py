"""From a word of the command line to a store."""

from __future__ import annotations

import pytest

from zmqwork.errors import ConfigError
from zmqwork.sinks import open_store


@pytest.mark.parametrize(
    ("text", "options", "kind"),
    [
        ("out.jsonl", {}, "JsonLines('{}/out.jsonl')"),
        ("out", {"bare": True, "append": True, "id": "x"}, "JsonLines('{}/out')"),
        ("out.CSV", {"columns": ["a"]}, "Csv('{}/out.CSV')"),
        ("out.db", {"format": "csv"}, "Csv('{}/out.db')"),
        ("out.csv", {"format": "jsonl"}, "JsonLines('{}/out.csv')"),
        ("sqlite:out.db", {"id": "x", "append": True}, "SqliteTable('{}/out.db', 'results')"),
        ("new/", {"append": True}, "Files('{}/new')"),
        (".", {}, "Files('{}')"),
        ("-", {}, "Stdout('jsonl')"),
        ("-", {"format": "text"}, "Stdout('text')"),
        ("-", {"format": "csv", "columns": ["a"]}, "Stdout('csv')"),
    ],
)
def test_what_is_meant(tmp_path, monkeypatch, text, options, kind):
    monkeypatch.chdir(tmp_path)
    assert repr(open_store(text, **options)) == kind.format(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "options", "complaint"),
    [
        ("out.db", {}, "looks like a database: sqlite:out.db makes one"),
        ("out.parquet", {}, "Parquet file cannot be continued"),
        ("out", {"format": "text"}, "cannot be written as 'text': jsonl or csv"),
        ("-", {"format": "xml"}, "cannot be written as 'xml': jsonl or csv or text"),
        ("-", {"append": True}, "append does not go with -"),
        ("-", {"id": "x"}, "id does not go with -"),
        ("out.csv", {"bare": True}, "bare does not go with csv"),
        ("out.jsonl", {"columns": ["a"]}, "columns does not go with jsonl"),
        ("sqlite:x.db", {"format": "csv"}, "format does not go with sqlite:x.db"),
        ("sqlite:", {}, "non-empty"),
        ("new/", {"format": "jsonl"}, "format does not go with new/"),
        ("", {}, "non-empty"),
    ],
)
def test_what_makes_no_sense(text, options, complaint):
    with pytest.raises(ConfigError, match=complaint):
        open_store(text, **options)
