"""The audit log: what is noted is written, in one chain, whoever writes; and nobody waits for it."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from zmqwork.errors import KeysError
from zmqwork.security import audit as module
from zmqwork.security import chain, rotation
from zmqwork.security.audit import Audit
from zmqwork.security.buckets import Buckets
from zmqwork.security.kinds import AUTH_ACCEPT, AUTH_DENY, KEY_REVOKE, KINDS, SUPPRESSED
from zmqwork.security.rotation import Log

HERE = Path(__file__).parent
ORIGIN = {"id": "ab" * 16, "name": "gpu-1", "role": "worker", "pid": 7}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "zmqwork" / "audit.jsonl"


class Clock:
    """Stands still until it is told."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def noting(path, clock=lambda: 1000.0, **options):
    return Audit(ORIGIN, clock=clock, log=Log(path, **options))


def records(path):
    with rotation.opened(path) as files:
        return [
            record
            for _, file, size in files
            for line in rotation.lines_of(file, size)
            if (record := chain.read(line)) is not None
        ]


def verdict(path, **options):
    with rotation.opened(path) as files:
        return chain.verify(
            [(name.name, rotation.lines_of(file, size)) for name, file, size in files], **options
        )


def test_a_record(path):
    with noting(path, lambda: 77.12345) as audit:
        audit.note(
            AUTH_DENY, fingerprint="0011223344556677", peer="10.0.0.7", reason="revoked", tries=3
        )
    (record,) = records(path)
    assert record.pop("at")[-6:] == "+00:00"
    assert record == {
        "boot": 77.123,
        "node": ORIGIN,
        "kind": "auth.deny",
        "fingerprint": "0011223344556677",
        "peer": "10.0.0.7",
        "reason": "revoked",
        "tries": 3,
        "seq": 1,
        "prev": chain.GENESIS,
    }


def test_the_files_are_this_users_alone(path):
    with noting(path) as audit:
        audit.note(AUTH_ACCEPT)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}


def test_no_note_no_thread_and_no_file(path):
    before = threading.active_count()
    with noting(path):
        assert threading.active_count() == before
    assert not path.parent.exists()


def test_several_lives_are_one_chain(path):
    for _ in range(3):
        with noting(path) as audit:
            audit.note(AUTH_ACCEPT)
            audit.note(KEY_REVOKE, member="node7")
    assert verdict(path).fault is None
    assert [record["seq"] for record in records(path)] == [1, 2, 3, 4, 5, 6]


def test_what_peers_choose_is_cut_and_cannot_break_a_line(path):
    with noting(path) as audit:
        audit.note(AUTH_DENY, reason="x\n\x1b[2J\u202e\ud800" + "y" * 10_000, endpoints=["a"] * 99)
    text = path.read_text("ascii")
    assert text.count("\n") == 1
    assert text[:-1].isprintable()
    (record,) = records(path)
    assert len(record["reason"]) == module.CHARACTERS_MAX + 1
    assert len(record["endpoints"]) < 99


def test_what_is_noted_is_never_a_kind_that_is_not_documented(path):
    with noting(path) as audit, pytest.raises(AssertionError):
        audit.note("auth.denied")
    assert SUPPRESSED in KINDS


# -- what is suppressed ---------------------------------------------------------------------------


def test_one_peer_and_kind_is_noted_twenty_times_a_second(path, clock):
    with noting(path, clock) as audit:
        for _ in range(50):
            audit.note(AUTH_DENY, peer="10.0.0.7", fingerprint="f" * 16)
        audit.note(AUTH_DENY, peer="10.0.0.8")
        audit.note(AUTH_ACCEPT, peer="10.0.0.7")
        clock.now += 1.0
        for _ in range(50):
            audit.note(AUTH_DENY, peer="10.0.0.7")
    found = records(path)
    assert sum(r.get("peer") == "10.0.0.7" and r["kind"] == AUTH_DENY for r in found) == 40
    assert sum(r.get("peer") == "10.0.0.8" for r in found) == 1
    told = [r for r in found if r["kind"] == SUPPRESSED]
    assert sum(r["count"] for r in told) == 60
    assert sum(r["kinds"]["auth.deny"] for r in told) == 60
    assert sum(r["why"]["rate"] for r in told) == 60


def test_many_peers_together_are_noted_two_hundred_times_a_second(path, clock):
    with noting(path, clock) as audit:
        for number in range(2_000):
            audit.note(AUTH_DENY, peer=f"10.0.{number // 256}.{number % 256}")
    found = records(path)
    assert sum(r["kind"] == AUTH_DENY for r in found) == 200
    assert sum(r["count"] for r in found if r["kind"] == SUPPRESSED) == 1_800


def test_buckets_forget_who_was_not_seen_for_longest():
    buckets = Buckets(rate=1.0, size=2.0, keys_max=2)
    assert [buckets.take("a", 0.0) for _ in range(3)] == [True, True, False]
    assert buckets.take("b", 0.0)
    assert not buckets.take("a", 0.5)
    assert buckets.take("a", 1.5)
    assert buckets.take("c", 1.5)  # b is forgotten
    assert not buckets.take("a", 1.5)
    assert [buckets.take("b", 1.5) for _ in range(3)] == [True, True, False]


class Stuck(Log):
    """A disk that takes nothing until it is told to."""

    def __init__(self, path):
        super().__init__(path)
        self.reached, self.go = threading.Event(), threading.Event()

    def append(self, records):
        self.reached.set()
        assert self.go.wait(60.0)
        super().append(records)


def test_nobody_waits_for_a_disk_that_is_stuck(path, caplog):
    ticks = iter(range(10**9))
    log = Stuck(path)
    audit = Audit(ORIGIN, clock=lambda: float(next(ticks)), log=log)
    audit.note(AUTH_ACCEPT)
    assert log.reached.wait(60.0)
    for _ in range(module.QUEUE_MAX + 300):
        audit.note(AUTH_DENY)
    assert audit.describe()["suppressed"] == 300
    audit.close(timeout=0.0)  # nor at the end
    assert "has not got all that was noted: its disk, or a process that has its" in caplog.text
    caplog.clear()
    log.go.set()
    audit.close(60.0)
    assert caplog.text == ""
    found = records(path)
    assert len(found) == 1 + module.QUEUE_MAX + 1
    assert (found[-1]["count"], found[-1]["why"]) == (300, {"queue": 300})


class Full(Log):
    """A disk that is full, and then is not."""

    is_full = True

    def append(self, records):
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().append(records)


def test_what_the_disk_does_not_take_is_counted_and_told_of_once(path, caplog):
    log = Full(path)
    audit = Audit(ORIGIN, clock=lambda: 1.0, log=log)
    for _ in range(5):
        audit._write([{"kind": AUTH_DENY}], module.Counter())
    assert audit.describe() == {
        "written": 0, "suppressed": 5, "trouble": os.strerror(errno.ENOSPC),
    }  # fmt: skip
    log.is_full = False
    audit.note(AUTH_ACCEPT)
    audit.close(60.0)
    assert [record["kind"] for record in records(path)] == [AUTH_ACCEPT, SUPPRESSED]
    assert records(path)[-1]["why"] == {"disk": 5}
    assert audit.describe() == {"written": 2, "suppressed": 5, "trouble": ""}
    said = [r.getMessage() for r in caplog.records]
    assert len(said) == 2
    assert "cannot be written" in said[0]
    assert "can be written again" in said[1]


@pytest.mark.parametrize("spoil", ["others", "file", "link", "fifo"])
def test_a_place_that_is_not_safe_is_left_alone(path, spoil, caplog, tmp_path):
    path.parent.mkdir(mode=0o700)
    if spoil == "others":
        path.parent.chmod(0o755)
    elif spoil == "file":
        path.touch(0o644)
    elif spoil == "link":
        path.symlink_to(tmp_path / "elsewhere")
    else:
        os.mkfifo(path, 0o600)
    audit = noting(path)
    audit.note(AUTH_ACCEPT)
    audit.close(60.0)
    assert audit.describe()["written"] == 0
    assert len(caplog.records) == 1
    assert not (tmp_path / "elsewhere").exists()


def test_a_user_without_a_home_has_no_log_and_no_trouble(monkeypatch, caplog):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(module, "default_path", no_home)
    audit = Audit(ORIGIN, clock=lambda: 1.0)
    audit.note(AUTH_ACCEPT)
    audit.close(60.0)
    assert "home directory" in audit.describe()["trouble"]


def test_the_place(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert rotation.default_path() == tmp_path / "zmqwork" / "audit.jsonl"
    monkeypatch.setenv("XDG_STATE_HOME", "not/absolute")
    monkeypatch.setenv("HOME", "/home/anna")
    assert rotation.default_path() == Path("/home/anna/.local/state/zmqwork/audit.jsonl")


# -- rotation -------------------------------------------------------------------------------------


def test_full_files_are_rotated_and_the_chain_spans_them(path):
    log = Log(path, bytes_max=1_000, kept=3)
    for number in range(60):
        log.append([{"kind": AUTH_DENY, "number": number}])
    assert [file.name for file in rotation.names(path)] == [
        "audit.jsonl.3", "audit.jsonl.2", "audit.jsonl.1", "audit.jsonl",
    ]  # fmt: skip
    assert all(file.stat().st_size <= 1_000 for file in rotation.names(path))
    found = verdict(path, is_all=False)
    assert found.fault is None
    assert found.end.seq == 60
    assert found.first + found.records == 61
    assert "records 1 to" in verdict(path, is_all=True).fault.text


def test_a_rotated_file_that_is_removed_is_missed(path):
    log = Log(path, bytes_max=1_000, kept=8)
    for number in range(30):
        log.append([{"kind": AUTH_DENY, "number": number}])
    assert verdict(path).fault is None
    path.with_name("audit.jsonl.2").unlink()
    assert "missing" in verdict(path).fault.text


def test_a_torn_end_is_carried_over_a_rotation(path):
    log = Log(path, bytes_max=1_000)
    while not path.exists() or path.stat().st_size < 800:
        log.append([{"kind": AUTH_DENY}])
    with path.open("ab") as file:
        file.write(b'{"kind":"auth.accept","at":"20')
    log.append([{"kind": AUTH_ACCEPT, "much": "x" * 300}])
    assert len(rotation.names(path)) == 2
    found = verdict(path)
    assert (found.fault, found.torn) == (None, 1)


def test_the_chain_goes_on_when_the_current_file_is_gone(path):
    log = Log(path, bytes_max=1_000)
    while len(rotation.names(path)) < 2:
        log.append([{"kind": AUTH_DENY}])
    path.rename(path.with_name("audit.jsonl.0"))  # as between two steps of a rotation
    path.with_name("audit.jsonl.0").replace(path.with_name("audit.jsonl.1"))
    Log(path).append([{"kind": AUTH_ACCEPT}])
    with rotation.opened(path) as files:
        assert [name.name for name, _, _ in files] == ["audit.jsonl.1", "audit.jsonl"]
    assert verdict(path, is_all=False).fault is None


@pytest.mark.parametrize("size", [1, 70_000, 200_000])
def test_what_somebody_else_has_left_there_is_vouched_for(path, size):
    log = Log(path)
    log.append([{"kind": AUTH_DENY}])
    with path.open("ab") as file:
        file.write(b"\0" * size)
    Log(path).append([{"kind": AUTH_ACCEPT}])
    found = verdict(path)
    assert (found.fault, found.torn, found.records) == (None, 1, 2)


def test_a_write_that_the_disk_cuts_is_taken_back(path, monkeypatch):
    log = Log(path)
    log.append([{"kind": AUTH_DENY}])
    before = path.read_bytes()
    write = os.write
    monkeypatch.setattr(rotation.os, "write", lambda fd, data: write(fd, data[:50]))
    with pytest.raises(OSError, match="No space left"):
        log.append([{"kind": AUTH_ACCEPT}])
    monkeypatch.undo()
    assert path.read_bytes() == before
    log.append([{"kind": AUTH_ACCEPT}])
    assert (verdict(path).fault, verdict(path).torn) == (None, 0)


def test_those_who_take_turns_write_one_chain(path):
    both = [Log(path, bytes_max=2_000), Log(path, bytes_max=2_000)]
    for number in range(40):
        both[number % 2].append([{"kind": AUTH_DENY, "number": number}] * (1 + number % 3))
    assert len(rotation.names(path)) > 2
    assert verdict(path).fault is None
    assert verdict(path).end.seq == sum(1 + number % 3 for number in range(40))


def test_errors_of_the_place_are_told(path):
    path.parent.mkdir(mode=0o700)
    path.parent.chmod(0o755)
    with pytest.raises(KeysError, match="chmod 700"):
        Log(path).append([{"kind": AUTH_DENY}])


# -- processes ------------------------------------------------------------------------------------


@pytest.fixture
def writer(path, private_environment):
    """Start processes that note; they are ended."""
    started = []

    def start(amount, *words, where=path):
        command = [sys.executable, str(HERE / "audit_writer.py"), str(where), str(amount), *words]
        process = subprocess.Popen(
            command, env=private_environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def ended(process):
    said, complaint = process.communicate("go\n", timeout=60)
    assert process.returncode == 0, complaint
    return json.loads(said.splitlines()[-1])


def test_two_processes_write_one_chain(path, writer):
    both = [writer(2_000, "300000"), writer(2_000, "300000")]
    for process in both:
        assert process.stdout.readline() == "ready\n"
    assert [ended(process)["written"] for process in both] == [2_000, 2_000]
    found = verdict(path)
    assert (found.fault, found.torn, found.records) == (None, 0, 4_000)
    assert len(rotation.names(path)) > 2
    by_writer = {}
    for record in records(path):
        by_writer.setdefault(record["node"]["pid"], []).append(record["number"])
    assert sorted(by_writer) == sorted(process.pid for process in both)
    assert all(numbers == list(range(2_000)) for numbers in by_writer.values())


def test_kill_leaves_a_chain_with_at_most_one_torn_line_each(path, writer):
    kills = 4
    for _ in range(kills):
        process = writer(1_000_000)
        process.stdin.write("go\n")
        process.stdin.flush()
        size = path.stat().st_size if path.exists() else 0
        while not path.exists() or path.stat().st_size < size + 50_000:
            assert process.poll() is None, process.stderr.read()
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert verdict(path).fault is None
    assert ended(writer(10))["written"] == 10
    found = verdict(path)
    assert found.fault is None
    assert found.torn <= kills
    assert found.records > kills * 50
    assert [record["number"] for record in records(path)[-10:]] == list(range(10))


@pytest.fixture
def tiny(tmp_path):
    """A disk of 64 KiB."""
    place = tmp_path / "tiny"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "none", str(place)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root can make a small disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_loses_records_counts_them_and_harms_nobody(tiny, writer):
    path = tiny / "zmqwork" / "audit.jsonl"
    told = ended(writer(2_000, where=path))
    assert told["written"] + told["suppressed"] >= 2_000
    assert told["suppressed"] > 500
    # A last batch may be so short that it fits: then the log itself says what the disk has cost.
    records = map(json.loads, path.read_text("utf-8").splitlines())
    counted = sum(r["why"].get("disk", 0) for r in records if r["kind"] == SUPPRESSED)
    assert "No space left" in told["trouble"] or counted > 500
    assert verdict(path).fault is None
    assert verdict(path).torn == 0
    kept = verdict(path).records
    assert kept == told["written"]
    # Room is made, and it goes on, in the same chain.
    subprocess.run(["mount", "-o", "remount,size=1m", str(tiny)], check=True)
    assert ended(writer(5, where=path))["written"] == 5
    assert (verdict(path).fault, verdict(path).records) == (None, kept + 5)


def test_the_document_lists_all_kinds():
    text = (HERE.parent.parent / "docs" / "audit.md").read_text()
    listed = re.findall(
        r"^\| `([a-z.]+_?[a-z]*)` \| ", text[text.index("| kind |") :], re.MULTILINE
    )
    assert sorted(listed) == sorted(KINDS)
