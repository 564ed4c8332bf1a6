"""JSON Lines and CSV on a disk: what counts is what the database beside the file says."""

from __future__ import annotations

import csv
import json
import logging
import os
import sqlite3

import pytest
from store_batches import RUN, batch, values

from zmqwork.errors import ConfigError, StoreError
from zmqwork.nodes.store import Store
from zmqwork.sinks import Csv, JsonLines
from zmqwork.sinks.json_lines import json_lines


@pytest.fixture(params=[JsonLines, Csv])
def make(request, tmp_path):
    """Stores on one file, closed at the end."""
    made = []

    def make(**options):
        store = request.param(tmp_path / "out", **options)
        made.append(store)
        return store

    yield make
    for store in made:
        store.close()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "out"


def encoded(store, numbers):
    """The bytes that a store would write for a batch, behind its first one."""
    if isinstance(store, JsonLines):
        return json_lines(batch(numbers).results, bare=False)
    return store._rows.lines(batch(numbers).results.records).encode()


def numbers_in(path):
    """What an eye sees, whichever format it is."""
    return [
        int(line.split(": " if line[0] == "{" else ",")[-1].rstrip("}")) for line in lines(path)
    ]


def lines(path):
    found = path.read_text().splitlines()
    return found if found and found[0].startswith("{") else found[1:]


def test_a_store_keeps_the_contract(make):
    store = make(id="orders")
    assert isinstance(store, Store)
    assert store.inbox == "orders"
    assert repr(store) in (f"JsonLines({str(store.path)!r})", f"Csv({str(store.path)!r})")


def test_what_is_stored_is_there_and_is_remembered(make, path):
    store = make()
    assert store.open() == {}
    store.store(batch([1, 2, 5]))
    assert numbers_in(path) == [1, 2, 5]
    store.store(batch([3], floors={RUN: 3}))
    store.close()
    again = make()
    assert again.open() == {RUN: [(1, 3), (5, 5)]}
    again.store(batch([4]))
    assert numbers_in(path) == [1, 2, 5, 3, 4]


def test_the_id_is_made_up_once(make):
    first = make()
    named = first.inbox
    assert len(named) == 32
    first.open()
    first.close()
    assert make().inbox == named
    with pytest.raises(StoreError, match=f"is the inbox '{named}', not 'orders'"):
        make(id="orders").open()


def test_an_id_that_is_none(make):
    with pytest.raises(ConfigError, match="inbox must be"):
        make(id="")


def test_after_a_clean_end_two_files_are_left(make, path):
    store = make()
    store.open()
    store.store(batch([1]))
    store.close()
    store.close()
    assert sorted(p.name for p in path.parent.iterdir()) == ["out", "out.inbox"]


def test_killed_before_the_database_knew(make, path, caplog):
    """The step that a kill has to hit: the bytes are on the disk, and do not count yet."""
    store = make()
    store.open()
    store.store(batch([1, 2]))
    more = encoded(store, [3, 4])
    store._file.append(more)
    store.close()  # what a process that ends keeps nobody from: its files are closed
    assert numbers_in(path) == [1, 2, 3, 4]
    again = make()
    with caplog.at_level(logging.INFO, "zmqwork"):
        assert again.open() == {RUN: [(1, 2)]}
    assert f"{len(more)} bytes of a batch that was not finished are cut" in caplog.text
    assert numbers_in(path) == [1, 2]
    again.store(batch([4, 3]))
    assert numbers_in(path) == [1, 2, 4, 3]


def test_killed_in_the_middle_of_a_line(make, path):
    store = make()
    store.open()
    store.store(batch([1]))
    store._file.append(encoded(store, [2])[:7])
    store.close()
    make().open()
    assert numbers_in(path) == [1]


def test_killed_after_the_database_knew(make, path):
    store = make()
    store.open()
    store.store(batch([1]))
    more = encoded(store, [2])
    store._file.append(more)
    store._file.commit(batch([2]), len(more))
    store._file.database.close()  # without the note that it was closed
    again = make()
    assert again.open() == {RUN: [(1, 2)]}
    assert numbers_in(path) == [1, 2]


def test_two_at_once(make):
    first = make()
    first.open()
    with pytest.raises(
        StoreError, match=rf"out is in use by another sink \(process {os.getpid()}\)"
    ):
        make().open()
    with pytest.raises(StoreError, match="in use by another sink"):
        make().inbox  # noqa: B018
    first.store(batch([1]))
    first.close()
    assert make().open() == {RUN: [(1, 1)]}


def test_a_link_is_the_same_store(make, path):
    first = make()
    first.open()
    link = path.with_name("link")
    link.symlink_to(path)
    with pytest.raises(StoreError, match="in use"):
        type(first)(link).open()


def test_a_file_of_somebody_else(make, path):
    path.write_text("mine\n")
    with pytest.raises(
        StoreError, match=r"has 5 bytes that no sink is known to have written.*--append"
    ):
        make().open()
    assert [p.name for p in path.parent.iterdir()] == ["out"]
    assert path.read_text() == "mine\n"


def test_the_database_was_deleted(make, path):
    store = make()
    store.open()
    store.store(batch([1]))
    store.close()
    path.with_name("out.inbox").unlink()
    with pytest.raises(StoreError, match=r"no sink is known to have.*delete it, to begin anew"):
        make().open()


def test_the_file_was_deleted(make, path):
    store = make()
    store.open()
    store.store(batch([1]))
    store.close()
    path.unlink()
    with pytest.raises(StoreError, match="out is gone") as caught:
        make().open()
    assert "--append" not in str(caught.value)
    assert not path.exists()


@pytest.mark.parametrize("content", ["", "x" * 500])
def test_another_file_came_in_its_place(make, path, content):
    store = make()
    store.open()
    store.store(batch([1]))
    store.close()
    path.write_text(content)
    with pytest.raises(StoreError, match="is not the file that was written here"):
        make(append=True).open()
    assert path.read_text() == content


def test_somebody_added_lines_while_it_was_closed(make, path):
    store = make()
    store.open()
    store.store(batch([1]))
    store.close()
    before = path.read_bytes()
    path.write_bytes(before + b"mine")
    with pytest.raises(StoreError, match=r"has 4 bytes that somebody else has added.*--append"):
        make().open()
    assert path.read_bytes() == before + b"mine"
    store = make(append=True)
    store.open()
    store.store(batch([2]))
    store.close()
    assert path.read_bytes().startswith(before + b"mine\n")
    assert path.read_text().splitlines()[-1].rstrip("}")[-1] == "2"
    assert make().open() == {RUN: [(1, 2)]}


def test_somebody_adds_lines_while_it_is_open(make, path):
    store = make()
    store.open()
    store.store(batch([1]))
    with path.open("a") as other:
        other.write("mine\n")
    with pytest.raises(StoreError, match="somebody else wrote"):
        store.store(batch([2]))
    store.close()
    with pytest.raises(StoreError, match="has 5 bytes that somebody else has added"):
        make().open()
    assert path.read_text().endswith("mine\n")


def test_a_kind_that_is_another(tmp_path):
    store = JsonLines(tmp_path / "out")
    store.open()
    store.close()
    with pytest.raises(StoreError, match=r"store of another kind \(jsonl, not csv\)"):
        Csv(tmp_path / "out").open()


def test_the_database_is_none(make, path):
    path.with_name("out.inbox").write_text("hello, I am a text file, and no database at all" * 50)
    with pytest.raises(StoreError, match=r"out\.inbox: file is not a database"):
        make().open()


def test_the_database_is_somebody_elses(make, path):
    other = sqlite3.connect(path.with_name("out.inbox"))
    other.execute("CREATE TABLE mine (x)")
    other.close()
    with pytest.raises(StoreError, match="database of something else"):
        make().open()


def test_the_database_is_of_the_future(make, path):
    store = make()
    store.open()
    store.close()
    other = sqlite3.connect(path.with_name("out.inbox"))
    other.execute("UPDATE zmqwork_inbox SET value = 3 WHERE key = 'version'")
    other.commit()
    other.close()
    with pytest.raises(
        StoreError, match=r"another version of zmqwork \(format 3; this one knows 2\)"
    ):
        make().open()


def test_no_directory(tmp_path):
    with pytest.raises(StoreError, match="there is no directory"):
        JsonLines(tmp_path / "none" / "out.jsonl").open()


def test_no_regular_file(make, path):
    os.mkfifo(path)
    with pytest.raises(StoreError, match=r"is no regular file; `-` is standard output"):
        make().open()


def test_json_lines_say_whose_result_it_is(tmp_path):
    path = tmp_path / "out.jsonl"
    store = JsonLines(path)
    store.open()
    store.store(values({"width": 3}, b"\xff", float("nan")))
    store.close()
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {"task_id": "run-1-1", "task": "f", "result": {"width": 3}},
        {"task_id": "run-1-2", "task": "f", "result": "/w=="},
        {"task_id": "run-1-3", "task": "f", "result": "NaN"},
    ]


def test_bare_json_lines(tmp_path):
    store = JsonLines(tmp_path / "out.jsonl", bare=True)
    store.open()
    store.store(values({"width": 3}, "a\nb"))
    store.close()
    assert (tmp_path / "out.jsonl").read_text() == '{"width": 3}\n"a\\nb"\n'


def rows(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_csv_goes_on_with_the_columns_that_it_began_with(tmp_path):
    path = tmp_path / "out.csv"
    store = Csv(path)
    store.open()
    store.store(values({"a": 1, "b": "x,\ny\r"}))
    store.close()
    store = Csv(path)
    store.open()
    store.store(batch([2], lambda _: {"b": None}))
    with pytest.raises(StoreError, match=r"task run-1-3 \(f\) has the key 'c'; the columns are"):
        store.store(batch([3], lambda _: {"c": 1}))
    store.store(batch([4], lambda _: {"a": 4}))
    store.close()
    assert rows(path) == [
        ["task_id", "task", "a", "b"],
        ["run-1-1", "f", "1", "x,\ny\r"],
        ["run-1-2", "f", "", ""],
        ["run-1-4", "f", "4", ""],
    ]
    with pytest.raises(StoreError, match="has the columns task_id, task, a, b, not a"):
        Csv(path, ["a"]).open()
    dropping = Csv(path, unknown="drop")
    assert dropping.open() == {RUN: [(1, 2), (4, 4)]}
    dropping.store(batch([3], lambda _: {"a": 3, "c": 1}))
    dropping.close()
    assert rows(path)[-1] == ["run-1-3", "f", "3", ""]


def test_csv_behind_lines_of_somebody_else(tmp_path):
    path = tmp_path / "out.csv"
    path.write_text('b,"a"\n7,8')
    store = Csv(path, append=True)
    store.open()
    store.store(values({"a": 1, "b": 2}))
    store.close()
    assert path.read_text() == 'b,"a"\n7,8\n2,1\n'


def test_csv_a_first_batch_that_fails_decides_nothing(tmp_path):
    store = Csv(tmp_path / "out.csv")
    store.open()
    with pytest.raises(StoreError, match="has the key 'b'"):
        store.store(values({"a": 1}, {"b": 2}))
    store.store(values({"b": 2, "a": 1}))
    store.close()
    assert rows(tmp_path / "out.csv")[0] == ["task_id", "task", "b", "a"]
