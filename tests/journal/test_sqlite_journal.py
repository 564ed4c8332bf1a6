from __future__ import annotations

import contextlib
import itertools
import json
import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import pytest
from contract import EVIDENCE, STEPS, Contract, JournalMachine, Place, filed, fill, seen

from zmqwork.core.records import Batch, Letter, Trial
from zmqwork.errors import JournalBroken, JournalError, JournalFull, JournalInUse
from zmqwork.journal import machine
from zmqwork.journal.reserve import Reserve
from zmqwork.journal.sqlite import Sizes, SqliteJournal

KIB = 1024


class Failing:
    """A connection whose disk can fail, by a real error of SQLite's."""

    def __init__(self, path):
        self.real = sqlite3.connect(path, isolation_level=None, timeout=0.0)
        self.is_broken = False

    def execute(self, statement, values=()):
        if self.is_broken and statement.startswith(("INSERT", "COMMIT", "BEGIN")):
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise error
        return self.real.execute(statement, values)

    def close(self):
        self.real.close()


class OnDisk(Place):
    def __init__(self, folder, **sizes):
        self.path = Path(folder) / "journal.db"
        self.sizes = {"reserve_bytes": 512 * KIB} | sizes
        self.connections = []

    def connect(self, path):
        self.connections.append(Failing(path))
        return self.connections[-1]

    def open(self):
        sizes = Sizes(bytes_max=self.bytes_max, **self.sizes)
        how = {"connect": self.connect, "clock": lambda: self.now, "sizes": sizes}
        return SqliteJournal(self.path, producer_id="ab" * 16, **how)

    def kill(self, journal):
        """What the disk has is all that is left, and the lock is free."""
        copy = self.path.with_name("copy")
        copy.mkdir()
        for file in self.path.parent.glob("journal.db*"):
            if not file.name.endswith(".lock"):
                shutil.copy(file, copy)
        journal.close()
        for file in self.path.parent.glob("journal.db*"):
            file.unlink()
        for file in copy.iterdir():
            file.rename(self.path.parent / file.name)
        copy.rmdir()

    def fail(self, journal):
        self.connections[-1].is_broken = True

    def exists(self):
        return self.path.exists()


class TestSqliteJournal(Contract):
    @pytest.fixture
    def place(self, tmp_path):
        return OnDisk(tmp_path)


class TestSmallSqliteJournal(Contract):
    """One that is compacted after nearly every write."""

    @pytest.fixture
    def place(self, tmp_path):
        return OnDisk(tmp_path, garbage_bytes=0, checkpoint_bytes=1)


class SqliteMachine(JournalMachine):
    garbage_bytes = 300

    def make_place(self):
        # In memory, where syncing costs nothing: only the order of things is tested here.
        memory = Path("/dev/shm")
        self.folder = tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)
        return OnDisk(self.folder.name, garbage_bytes=self.garbage_bytes, reserve_bytes=0)

    def compact(self, journal):
        journal.compact()

    def teardown(self):
        super().teardown()
        if hasattr(self, "folder"):
            self.folder.cleanup()


TestSqliteMachine = SqliteMachine.TestCase
TestSqliteMachine.settings = STEPS


@pytest.fixture
def place(tmp_path):
    return OnDisk(tmp_path)


@pytest.fixture
def written(place):
    """A journal with three rows, closed."""
    journal = place.open()
    journal.load()
    for seq in (1, 2, 3):
        journal.write([Batch(filed=[filed(seq, size=2000)])])
    journal.close()
    return place.path


def execute(path, statement, *values):
    with contextlib.closing(sqlite3.connect(path, timeout=0.0)) as connection, connection:
        return connection.execute(statement, values).fetchall()


def test_a_row_that_is_damaged_is_named_and_nothing_is_dropped(place, written):
    ((body,),) = execute(written, "SELECT body FROM log WHERE number = 2")
    flipped = bytes([*body[:50], body[50] ^ 1, *body[51:]])
    execute(written, "UPDATE log SET body = ? WHERE number = 2", flipped)
    before = written.read_bytes()
    with pytest.raises(JournalError, match=r"row 2 \(its checksum.*verify.*export.*--drop-damaged"):
        place.open()
    assert written.read_bytes() == before
    journal = SqliteJournal(written, drop_damaged=True, sizes=Sizes(reserve_bytes=0))
    assert journal.damaged == [2]
    assert [task.seq for task in journal.load().tasks] == [1, 3]
    journal.close()


def test_a_row_that_is_no_record(place, written):
    body = b"\xc1"
    execute(written, "UPDATE log SET body = ?, crc = ? WHERE number = 3", body, zlib.crc32(body))
    with pytest.raises(JournalError, match=r"row 3 \(a record is not msgpack"):
        place.open()


def test_pages_that_are_damaged(place, written):
    data = bytearray(written.read_bytes())
    data[4096:] = bytes(len(data) - 4096)
    written.write_bytes(data)
    with pytest.raises(JournalError, match=r"is damaged.*verify.*export"):
        place.open()


def test_a_newer_schema_is_refused_with_both_versions(place, written):
    execute(written, "UPDATE meta SET value = '2' WHERE key = 'schema'")
    before = written.read_bytes()
    with pytest.raises(JournalError, match="has schema 2, and this zmqwork knows 1"):
        place.open()
    assert written.read_bytes() == before


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM meta WHERE key = 'epoch'", "notes are none .'epoch'"),
        ("UPDATE meta SET value = '5' WHERE key = 'settled'", "notes are none"),
        ("UPDATE meta SET value = '{' WHERE key = 'settled'", "no JSON"),
        ("DROP TABLE meta", "no such table"),
        ("PRAGMA application_id = 7", "no journal of zmqwork"),
    ],
)
def test_notes_that_are_none(place, written, statement, said):
    execute(written, statement)
    with pytest.raises(JournalError, match=said):
        place.open()


@pytest.mark.parametrize("content", [b"", b"text\n" * 2000])
def test_a_file_that_is_no_journal(place, content):
    place.path.write_bytes(content)
    with pytest.raises(JournalError, match="no journal"):
        place.open()
    assert place.path.read_bytes() == content
    assert [path.name for path in place.path.parent.iterdir()] == ["journal.db"]


def test_the_database_of_another_program_stays_as_it_is(place):
    execute(place.path, "CREATE TABLE theirs (x)")
    before = place.path.read_bytes()
    with pytest.raises(JournalError, match="no journal of zmqwork: give another file"):
        place.open()
    assert place.path.read_bytes() == before


def test_no_file_and_none_is_to_be_made(place):
    with pytest.raises(JournalError, match="there is no journal"):
        SqliteJournal(place.path)
    assert not list(place.path.parent.iterdir())


def test_a_directory_that_is_missing(tmp_path):
    with pytest.raises(JournalError, match="cannot be locked: No such file"):
        SqliteJournal(tmp_path / "no" / "x.db", producer_id="x")


def test_it_is_in_use(place):
    journal = place.open()
    with pytest.raises(JournalInUse) as caught:
        place.open()
    assert caught.value.pid == os.getpid()
    assert str(caught.value) == (
        f"{place.path} is in use by process {os.getpid()}: a journal belongs to one producer at a time"
    )
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.pid) == (str(caught.value), os.getpid())
    journal.close()
    place.open().close()


def test_another_program_has_the_database_open(place, written):
    with contextlib.closing(sqlite3.connect(written, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match="open in another program"):
            place.open()


def test_what_another_process_left_is_written_once_more(place):
    """It may be in the system's memory alone, if that process could not sync it."""
    journal = place.open()
    journal.load()
    journal.write([Batch(filed=[filed(1)])])
    place.kill(journal)
    assert place.path.with_name("journal.db-wal").stat().st_size > 1000
    journal = place.open()
    journal.load()
    alone = shutil.copy(place.path, place.path.with_name("alone.db"))
    with contextlib.closing(SqliteJournal(alone, sizes=Sizes(reserve_bytes=0))) as copy:
        assert [task.seq for task in copy.load().tasks] == [1]
    journal.close()


def test_nobody_reads_along(place):
    journal = place.open()
    journal.load()
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        execute(place.path, "SELECT * FROM log")
    journal.close()


def test_files_are_for_this_user_alone(place):
    journal = place.open()
    journal.load()
    journal.write([Batch(filed=[filed(1)])])
    modes = {path.name: path.stat().st_mode & 0o777 for path in place.path.parent.iterdir()}
    assert modes == dict.fromkeys(
        ["journal.db", "journal.db-wal", "journal.db.lock", "journal.reserve"], 0o600
    )
    journal.close()


def test_what_is_settled_is_removed(tmp_path):
    """Three thousand tasks, never more than ten at once, and some that stay."""
    place = OnDisk(tmp_path, garbage_bytes=50_000, checkpoint_bytes=100_000)
    journal = place.open()
    journal.load()
    stays = [1, 1500, 3000]
    for seq in range(1, 3001, 10):
        seqs = [*range(seq, seq + 10)]
        place.now += 1.0
        journal.write([Batch(filed=[filed(*seqs, size=200)])])
        done = [seq for seq in seqs if seq not in stays]
        journal.write([Batch(settled={"succeeded": done})])
    assert journal.garbage_bytes < 110_000
    assert place.path.stat().st_size < 500_000
    assert place.path.with_name("journal.db-wal").stat().st_size < 1_500_000
    journal.compact()
    assert journal.garbage_bytes < 10
    journal.close()
    again = place.open()
    legacy = again.load()
    assert [task.seq for task in legacy.tasks] == stays
    assert [task.age for task in legacy.tasks] == [299.0, 150.0, 0.0]
    assert legacy.settled == {"succeeded": 2_997}
    assert legacy.newest == 3_000
    again.close()


def test_a_compaction_that_is_of_no_use_is_not_done_again(tmp_path):
    """Tasks that come one by one take more than their share, and stay."""
    place = OnDisk(tmp_path, garbage_bytes=0)
    journal = place.open()
    journal.load()
    compactions = []
    journal.compact = lambda: compactions.append(SqliteJournal.compact(journal))
    for seq in range(1, 200):
        journal.write([Batch(filed=[filed(seq)], trials=[Trial(seq, 1, evidence=[EVIDENCE])])])
    assert not compactions
    for seq in range(1, 190):
        journal.write([Batch(settled={"dead": [seq]})])
    assert 1 <= len(compactions) <= 12
    journal.close()


def test_an_empty_log_at_the_end(place):
    journal = place.open()
    journal.load()
    journal.write([Batch(filed=[filed(1)]), Batch(settled={"succeeded": [1]})])
    journal.close()
    assert execute(place.path, "SELECT count(*) FROM log") == [(0,)]
    journal = place.open()
    assert journal.load().settled == {"succeeded": 1}
    journal.close()


def test_a_large_file_can_be_made_small(place):
    journal = place.open()
    journal.load()
    journal.write([Batch(filed=[filed(1, size=3_000_000)])])
    journal.write([Batch(settled={"dead": [1]})])
    journal.compact()
    journal.shrink()
    assert place.path.stat().st_size < 50_000
    journal.close()


def test_an_error_after_a_write_is_told_at_the_next(tmp_path):
    place = OnDisk(tmp_path, checkpoint_bytes=1)
    journal = place.open()
    journal.load()
    real = place.connections[-1].execute

    def execute(statement, values=()):
        if "checkpoint" in statement:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise error
        return real(statement, values)

    place.connections[-1].execute = execute
    journal.write([Batch(filed=[filed(1)])])  # it is durable
    with pytest.raises(JournalBroken, match="disk I/O error"):
        journal.write([Batch(filed=[filed(2)])])
    place.kill(journal)
    journal = place.open()
    assert [task.seq for task in journal.load().tasks] == [1]
    journal.close()


class TestReserve:
    def test_it_takes_room_gives_it_and_takes_it_again(self, tmp_path):
        reserve = Reserve(tmp_path / "reserve", 2_500_000)
        reserve.fill()
        there = (tmp_path / "reserve").stat()
        assert there.st_size == 2_500_000
        assert there.st_blocks * 512 >= 2_500_000
        assert [reserve.give() for _ in range(4)] == [True, True, True, False]
        assert (tmp_path / "reserve").stat().st_blocks == 0
        reserve.fill()
        assert (tmp_path / "reserve").stat().st_blocks * 512 >= 2_500_000
        reserve.remove()
        reserve.remove()
        assert not (tmp_path / "reserve").exists()
        assert not reserve.give()

    def test_none(self, tmp_path):
        reserve = Reserve(tmp_path / "reserve", 0)
        reserve.fill()
        assert not (tmp_path / "reserve").exists()

    def test_there_is_no_room_for_it(self, tmp_path):
        """Larger than files may be."""
        path = tmp_path / "reserve"
        path.write_bytes(b"x" * 10)
        Reserve(path, 2**62).fill()
        assert path.stat().st_size == 10


def test_killed_twenty_times(private_environment, tmp_path):
    """All that was said to be written is there, each time, and nothing that was never written."""
    ended = subprocess.run(
        [sys.executable, "killed_journal.py", tmp_path / "journals", "20"],
        cwd=Path(__file__).parent, env=private_environment, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    lives = [json.loads(line) for line in ended.stdout.splitlines()]
    assert len(lives) == 20
    for life in lives:
        # The one that was being written is there, or it is not; and those that stay are.
        assert life["said"] <= life["newest"] <= life["said"] + 1
        assert life["tasks"] == [n for n in range(1, life["newest"]) if n % 3 == 2] + [
            life["newest"]
        ]


FORKED = """
import contextlib, os, sqlite3, sys
from pathlib import Path
from zmqwork.core.ledger import TaskSpec
from zmqwork.core.records import Batch, Filed
from zmqwork.errors import JournalBroken, JournalInUse
from zmqwork.journal.sqlite import Sizes, SqliteJournal
from zmqwork.options import TaskOptions

def batch(seq):
    return Batch(filed=[Filed(TaskSpec("f", "", TaskOptions()), [seq], [b"x"])])

path = Path("j.db").resolve()
journal = SqliteJournal(path, producer_id="ab" * 16, sizes=Sizes(reserve_bytes=0))
journal.load()
journal.write([batch(1)])
pid = os.fork()
if not pid:
    try:
        journal.write([batch(7)])
    except JournalBroken as error:
        print(error, flush=True)
    journal.close(remove_if_empty=True)
    sys.exit(0)  # with all that Python does at its end
os.waitpid(pid, 0)
try:
    SqliteJournal(path)
except JournalInUse as error:
    print(error.pid == os.getpid(), flush=True)
journal.write([batch(2)])
if not os.fork():  # another child, which outlives us
    print("killed", flush=True)
    sys.stdin.read()
    os._exit(0)
os.kill(os.getpid(), 9)
"""


def test_a_forked_child_leaves_it_alone(private_environment, tmp_path):
    """Whatever the child does, and even if it outlives its parent."""
    with subprocess.Popen(
        [sys.executable, "-c", FORKED], cwd=tmp_path, env=private_environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as program:  # fmt: skip
        said = [program.stdout.readline().strip() for _ in range(3)]
        program.wait(60)
        journal = SqliteJournal(tmp_path / "j.db", sizes=Sizes(reserve_bytes=0))
        assert [task.seq for task in journal.load().tasks] == [1, 2]
        journal.close()
    assert sorted(said) == [
        f"{tmp_path}/j.db was opened before this process was forked: open another",
        "True",
        "killed",
    ]


def test_a_compaction_of_many_rows_keeps_all_orders(tmp_path):
    place = OnDisk(tmp_path, garbage_bytes=2**40)
    journal = place.open()
    journal.load()
    for seq in range(1, 101, 2):
        journal.write([Batch(filed=[filed(seq, seq + 1, size=100_000)])])
        if seq > 10:
            journal.write([Batch(trials=[Trial(seq - 10, 1)]), Batch(trials=[Trial(seq - 10, 2)])])
            journal.write([Batch(letters=[Letter(seq - 9, "dead", {"n": seq})])])
    journal.write([Batch(trials=[Trial(2, 1), Trial(20, 9)])])
    journal.write([Batch(letters=[Letter(6, "dead", {}), Letter(2, "failed", {})])])
    journal.write([Batch(settled={"succeeded": [*range(41, 100)]})])
    journal.close()
    before = place.open()
    expected = seen(before.load())
    size = before.garbage_bytes
    before.compact()
    assert before.garbage_bytes < size / 100
    before.close()
    assert len(execute(place.path, "SELECT number FROM log")) >= 3
    after = place.open()
    assert seen(after.load()) == expected
    after.close()
    assert [letter[1] for letter in expected[1]][-2:] == [6, 2]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [(["abc\n"], "abc"), (["", "def\n"], "def"), (["uninitialized\n"], ""), ([None, "x"], "x")],
)
def test_which_machine_this_is(texts, expected, tmp_path, monkeypatch):
    places = [tmp_path / str(at) for at in range(len(texts))]
    for place, text in zip(places, texts, strict=True):
        if text is not None:
            place.write_text(text)
    monkeypatch.setattr(machine, "_PLACES", places)
    assert machine.machine_id() == expected


def test_what_was_replaced_is_garbage(place):
    journal = place.open()
    journal.load()
    journal.write([Batch(filed=[filed(1, 2)])])
    sizes = []
    for count in range(20):
        journal.write([Batch(trials=[Trial(1, count, evidence=[EVIDENCE])])])
        journal.write([Batch(letters=[Letter(1, "dead", {"text": "x" * 50})])])
        sizes.append(journal.garbage_bytes)
    assert all(later - earlier > 100 for earlier, later in itertools.pairwise(sizes))
    journal.write([Batch(removed=[1])])
    assert journal._live.size_bytes == journal._live._tasks[2]
    journal.close()


def test_the_reserve_is_above_what_the_journal_may_take(place):
    place.bytes_max = 128 * KIB
    journal = place.open()
    journal.load()
    seqs = fill(journal)
    outcome = Batch(letters=[Letter(seqs[0], "dead", {"text": "x" * 60_000})])
    with pytest.raises(JournalFull):
        journal.write([outcome])
    journal.write([outcome], reserve=True)
    with pytest.raises(JournalFull):
        journal.write([Batch(filed=[filed(99, size=16_000)])])
    journal.close()
    journal = place.open()
    assert [task.seq for task in journal.load().letters] == seqs[:1]
    journal.close()
