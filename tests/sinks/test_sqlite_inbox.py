"""A handler's effect and the numbers of its results go together, or not at all."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

import pytest
from store_batches import RUN, batch, values

from zmqwork import SqliteInbox, disk
from zmqwork.errors import ConfigError, StoreError, UsageError
from zmqwork.nodes.store import Store
from zmqwork.sinks import JsonLines, SqliteTable


def book(results, tx):
    tx.execute("CREATE TABLE IF NOT EXISTS orders (number INTEGER)")
    tx.executemany("INSERT INTO orders VALUES (?)", [(number,) for number in results])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "orders.db"


@pytest.fixture
def opened(path):
    """Opens stores with a handler, one after the other, and closes the last one."""
    stores = []

    def opened(handler, **options):
        for store in stores:
            store.close()
        store = SqliteInbox(path, **options).store(handler)
        stores.append(store)
        taken = store.open()
        return store, taken

    yield opened
    for store in stores:
        store.close()


def asked(path, query="SELECT number FROM orders ORDER BY rowid"):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def stored(path):
    """The orders and the taken numbers, as another program sees them: they are the same."""
    numbers = [number for (number,) in asked(path)]
    ranges = asked(path, "SELECT first, last FROM zmqwork_taken")
    assert sorted(numbers) == [n for first, last in ranges for n in range(first, last + 1)]
    return numbers


def test_effect_and_numbers(path, opened):
    store, taken = opened(book, id="orders")
    assert isinstance(store, Store)
    assert (store.inbox, taken) == ("orders", {})
    store.store(batch([1, 2, 5]))
    assert stored(path) == [1, 2, 5]
    store, taken = opened(book)
    assert (store.inbox, taken) == ("orders", {RUN: [(1, 2), (5, 5)]})
    store.store(batch([3, 4]))
    assert stored(path) == [1, 2, 5, 3, 4]


def test_the_producer_heard_of_last_comes_last(opened):
    store, _ = opened(book)
    store.store(batch([1], producer_id="a"))
    store.store(batch([1], producer_id="b"))
    store.store(batch([2], producer_id="a", floors={"c": 1}))
    store, taken = opened(book)
    assert list(taken) == ["b", "a"]
    store.store(batch([2], producer_id="b"))
    assert list(opened(book)[1]) == ["a", "b"]


def test_it_is_durable(path, opened):
    store, _ = opened(book)
    asking = store._database.connection.execute
    assert asking("PRAGMA journal_mode").fetchone() == ("wal",)
    assert asking("PRAGMA synchronous").fetchone() == (2,)  # FULL


def test_a_handler_that_fails(path, opened):
    fails = True

    def sometimes(results, tx):
        book(results, tx)
        if fails:
            raise ValueError("not yet")

    store, _ = opened(sometimes)
    with pytest.raises(ValueError, match="not yet"):
        store.store(batch([1, 2]))
    assert asked(path, "SELECT * FROM zmqwork_taken") == []
    fails = False
    store.store(batch([1, 2]))
    assert stored(path) == [1, 2]


def commits(_, tx):
    tx.commit()


def executes_commit(_, tx):
    tx.execute("COMMIT")


def ends(_, tx):
    tx.cursor().execute(" end ;")


def rolls_back(_, tx):
    tx.rollback()


def uses_with(_, tx):
    with tx:
        pass


def runs_a_script(_, tx):
    tx.executescript("INSERT INTO orders VALUES (77)")


def switches_to_autocommit(_, tx):
    tx.isolation_level = None


def swallows(_, tx):
    try:
        tx.commit()
    except sqlite3.DatabaseError:
        tx.execute("INSERT INTO orders VALUES (77)")


def is_ended_by_an_error(_, tx):
    tx.execute("CREATE UNIQUE INDEX once ON orders (number)")
    with pytest.raises(sqlite3.IntegrityError):
        tx.execute("INSERT OR ROLLBACK INTO orders VALUES (1)")


def goes_on_after_an_error(_, tx):
    is_ended_by_an_error(_, tx)
    tx.execute("INSERT INTO orders VALUES (77)")


@pytest.mark.parametrize(
    "bad",
    [commits, executes_commit, ends, rolls_back, uses_with, runs_a_script, switches_to_autocommit,
     swallows, is_ended_by_an_error, goes_on_after_an_error],
)  # fmt: skip
def test_a_handler_that_ends_the_transaction(path, opened, bad):
    good, _ = opened(book)
    good.store(batch([1]))

    def handler(results, tx):
        book(results, tx)
        bad(results, tx)

    store, _ = opened(handler)
    with pytest.raises(UsageError, match="handler may not end its transaction") as caught:
        store.store(batch([2, 3]))
    assert "Nothing of this batch is stored" in str(caught.value)
    assert stored(path) == [1]
    store, _ = opened(book)
    store.store(batch([2, 3]))
    assert stored(path) == [1, 2, 3]


def test_a_statement_that_was_used_before_is_still_refused(path, opened):
    """Our own BEGIN and COMMIT are in the connection's cache of statements."""
    calls = []

    def handler(results, tx):
        book(results, tx)
        calls.append(1)
        if len(calls) == 2:
            tx.execute("COMMIT")

    store, _ = opened(handler)
    store.store(batch([1]))
    with pytest.raises(UsageError, match="called COMMIT"):
        store.store(batch([2]))
    assert stored(path) == [1]
    store.store(batch([2]))
    assert stored(path) == [1, 2]


def test_a_handler_that_closes_the_connection(path, opened):
    def handler(results, tx):
        book(results, tx)
        tx.close()

    opened(book)[0].store(batch([1]))
    store, _ = opened(handler)
    with pytest.raises(UsageError, match="closed the connection"):
        store.store(batch([2]))
    assert stored(path) == [1]


def test_what_a_handler_may_do(path, opened):
    def handler(results, tx):
        book(results, tx)
        tx.row_factory = lambda cursor, row: dict(zip("n", row, strict=False))
        tx.execute("SAVEPOINT s")
        tx.execute("DELETE FROM orders")
        tx.execute("ROLLBACK TO s")
        assert tx.execute("SELECT max(number) FROM orders").fetchone()["n"] == max(results)
        tx.execute("SELECT * FROM orders")  # left open

    store, _ = opened(handler)
    store.store(batch([1, 2]))
    assert stored(path) == [1, 2]
    store.store(batch([3]))
    assert stored(path) == [1, 2, 3]


def test_a_constraint_that_fails_at_the_commit(path, opened):
    with closing(sqlite3.connect(path)) as own:
        own.execute("CREATE TABLE users (id INTEGER PRIMARY KEY)")
        own.execute(
            "CREATE TABLE orders (number INTEGER, user REFERENCES users DEFERRABLE INITIALLY DEFERRED)"
        )
        own.commit()

    def handler(results, tx):
        tx.executemany("INSERT INTO orders VALUES (?, 9)", [(n,) for n in results])

    store, _ = opened(handler)
    store._database.connection.execute("PRAGMA foreign_keys = ON")
    with pytest.raises(sqlite3.IntegrityError):
        store.store(batch([1]))
    assert stored(path) == []
    with closing(sqlite3.connect(path)) as own:
        own.execute("INSERT INTO users VALUES (9)")
        own.commit()
    store.store(batch([1]))
    assert stored(path) == [1]


def test_another_writer_is_waited_for_and_is_no_disk_error(path, opened):
    store, _ = opened(book)
    store.store(batch([1]))
    store._database.connection.execute("PRAGMA busy_timeout = 1")
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            store.store(batch([2]))
    store.store(batch([2]))
    assert stored(path) == [1, 2]


def test_others_read_meanwhile(path, opened):
    store, _ = opened(book)
    store.store(batch([1]))
    with closing(sqlite3.connect(path)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM orders").fetchone() == (1,)
        store.store(batch([2]))
        assert reader.execute("SELECT count(*) FROM orders").fetchone() == (1,)


def test_two_sinks_on_one_inbox(path, opened):
    store, _ = opened(book, id="orders")
    second = SqliteInbox(path)
    assert second.id == "orders"
    with pytest.raises(StoreError, match=rf"orders\.db is in use .* \(process {os.getpid()}\)"):
        second.store(book).open()
    store.store(batch([1]))


def test_two_handlers_on_one_inbox(path):
    inbox = SqliteInbox(path)
    first, second = inbox.store(book), inbox.store(book)
    first.open()
    with pytest.raises(StoreError, match="in use"):
        second.open()
    second.close()
    with pytest.raises(StoreError, match="in use"):
        first.open()
    first.store(batch([1]))
    first.close()
    assert second.open() == {RUN: [(1, 1)]}
    second.close()


def test_a_lock_that_was_left_behind_is_none(path, opened):
    path.with_name("orders.db.lock").write_text("1\n")
    opened(book)[0].store(batch([1]))


def test_another_id_is_refused(opened):
    opened(book, id="orders")
    with pytest.raises(StoreError, match="is the inbox 'orders', not 'other'"):
        opened(book, id="other")
    opened(book, id="orders")


def test_an_id_is_made_up_and_kept(path, opened):
    inbox = SqliteInbox(path)
    assert len(inbox.id) == 32
    assert not path.exists()
    inbox.store(book).open()
    assert SqliteInbox(path).id == inbox.id
    inbox._database.close()


def test_the_ids_of_two_that_begin_at_once(path):
    """Both make one up before either has the file: the second one is told."""
    first, second = SqliteInbox(path), SqliteInbox(path)
    assert first.id != second.id
    store = first.store(book)
    store.open()
    store.close()
    with pytest.raises(StoreError, match="is the inbox"):
        second.store(book).open()


def test_files_that_are_no_inbox(path, opened):
    path.write_text("no database, " * 100)
    with pytest.raises(StoreError, match="file is not a database"):
        opened(book)
    with pytest.raises(StoreError, match="file is not a database"):
        SqliteInbox(path).id  # noqa: B018
    with pytest.raises(StoreError, match="there is no directory"):
        SqliteInbox(path.parent / "none" / "x.db").store(book).open()
    lines = JsonLines(path.parent / "out.jsonl")
    lines.open()
    lines.close()
    with pytest.raises(StoreError, match=r"of another kind \(jsonl, not sqlite\)"):
        SqliteInbox(path.parent / "out.jsonl.inbox").store(book).open()


def test_handlers_that_are_none(path):
    async def later(results, tx):
        return None

    with pytest.raises(UsageError, match="later must be a plain function"):
        SqliteInbox(path).store(later)
    with pytest.raises(ConfigError, match="must be a function"):
        SqliteInbox(path).store("later")
    with pytest.raises(ConfigError, match="path of a store"):
        SqliteInbox("")


MOUNTS = r"""
22 1 254:0 / / rw - ext4 /dev/vda rw
23 22 0:20 / /run rw shared:5 - tmpfs tmpfs rw
24 22 0:41 / /home rw - nfs4 server:/home rw
25 24 0:42 / /home/my\040disk rw - ext4 /dev/vdb rw
26 22 0:43 / /mnt rw - ext4 /dev/vdc rw
27 22 0:44 / /mnt rw - fuse.sshfs host: rw
broken line
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/x", "ext4"), ("/run/x/y", "tmpfs"), ("/home/a", "nfs4"), ("/home/my disk/a", "ext4"),
     ("/homes", "ext4"), ("/mnt/x", "fuse.sshfs")],
)  # fmt: skip
def test_the_file_system_of_a_path(path, kind):
    assert disk.file_system(disk.Path(path), MOUNTS) == kind


@pytest.fixture
def mounted(tmp_path, monkeypatch):
    def mounted(kind):
        table = tmp_path / "mountinfo"
        table.write_text(f"22 1 0:1 / / rw - {kind} none rw\n")
        monkeypatch.setattr(disk, "_MOUNTS", table)

    return mounted


def test_a_database_on_the_network_is_refused_and_a_file_is_not(path, mounted, opened):
    mounted("nfs4")
    with pytest.raises(StoreError, match=r"network file system \(nfs4\).*disk of this machine"):
        opened(book)
    store = JsonLines(path.parent / "out.jsonl")
    store.open()
    store.close()


def test_a_disk_in_memory_is_warned_of(mounted, opened, caplog):
    mounted("tmpfs")
    opened(book)
    assert "orders.db is in memory (tmpfs)" in caplog.text


def test_nothing_is_known_of_file_systems(path, monkeypatch, opened):
    monkeypatch.setattr(disk, "_MOUNTS", path.with_name("none"))
    opened(book)


class TestTable:
    def test_rows(self, path):
        store = SqliteTable(path, id="t")
        assert isinstance(store, Store)
        assert repr(store) == f"SqliteTable({str(path)!r}, 'results')"
        assert (store.inbox, store.open()) == ("t", {})
        store.store(values({"width": 3}, "text", b"\xff", 2**70, 2.5, None, True, float("nan")))
        store.close()
        assert asked(path, "SELECT * FROM results LIMIT 1") == [
            ("run-1-1", "f", RUN, 1, '{"width": 3}')
        ]
        assert [value for (value,) in asked(path, "SELECT result FROM results ORDER BY seq")] == [
            '{"width": 3}', "text", b"\xff", str(2**70), 2.5, None, 1, "NaN",
        ]  # fmt: skip
        assert asked(path, "SELECT result ->> 'width' FROM results WHERE seq = 1") == [(3,)]

    def test_it_goes_on(self, path):
        for number in (1, 2):
            store = SqliteTable(path, 'odd "name"')
            store.open()
            store.store(batch([number]))
            store.close()
        assert asked(path, 'SELECT seq FROM "odd ""name"""') == [(1,), (2,)]

    def test_a_table_of_somebody_else(self, path):
        with closing(sqlite3.connect(path)) as own:
            own.execute("CREATE TABLE results (task_id, x)")
            own.commit()
        store = SqliteTable(path)
        with pytest.raises(StoreError, match="without the columns producer_id, result, seq, task:"):
            store.open()
        other = SqliteTable(path, "more")
        other.open()
        other.close()

    @pytest.mark.parametrize("name", ["", "zmqwork_taken", "SQLITE_x", "a\0b"])
    def test_names_that_are_none(self, path, name):
        with pytest.raises(ConfigError, match="cannot be called"):
            SqliteTable(path, name)
