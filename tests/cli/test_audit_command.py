"""``zmqwork audit``: what was noted is shown, and what was tampered with is found."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys

import pytest

from zmqwork.cli import main
from zmqwork.security import chain
from zmqwork.security.following import Follower
from zmqwork.security.kinds import KINDS
from zmqwork.security.rotation import Log

HOSTILE = "evil\x1b[2J\n2026-01-01 auth.accept\u202e\x9b31m"


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "zmqwork" / "audit.jsonl"


def record(number, kind="auth.deny", **more):
    return {
        "at": f"2026-10-04T12:00:{number:02d}.000+00:00",
        "boot": 100.0 + number,
        "node": {"id": "ab" * 16, "name": "gpu-1", "role": "worker", "pid": 7},
        "kind": kind,
        "peer": f"10.0.0.{number}",
        **more,
    }


@pytest.fixture
def log(path):
    """A log of three records, and what appends more."""
    path.parent.parent.mkdir(exist_ok=True)
    made = Log(path)
    made.append([record(1), record(2, "auth.accept", member="node7"), record(3)])
    return made


def objects(text):
    return [json.loads(line) for line in text.splitlines()]


def test_the_last_records_are_shown(log, capsys):
    assert main(["audit", "tail", "-n", "2"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["AT", "KIND", "NODE", "MEMBER", "KEY", "PEER", "WHAT"]
    assert [row.split()[0][17:19] for row in rows] == ["02", "03"]
    assert "worker gpu-1" in rows[0]
    assert "node7" in rows[0]


def test_as_json_records_are_what_they_are(log, capsys):
    assert main(["audit", "tail", "-o", "json"]) == 0
    found = objects(capsys.readouterr().out)
    assert [one["seq"] for one in found] == [1, 2, 3]
    assert found[1]["member"] == "node7"


def test_one_kind(log, capsys):
    assert main(["audit", "tail", "--kind", "auth.accept", "-o", "json"]) == 0
    assert [one["seq"] for one in objects(capsys.readouterr().out)] == [2]


def test_kinds_are_words_that_there_are(log, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["audit", "tail", "--kind", "auth.denny"])
    assert caught.value.code == 2
    assert "did you mean auth.deny?" in capsys.readouterr().err


def test_what_a_peer_has_chosen_steers_no_terminal(log, capsys):
    log.append([
        record(4, peer=HOSTILE, reason=HOSTILE, member=HOSTILE, fingerprint=HOSTILE, why=[HOSTILE])
        | {"node": {"name": HOSTILE, "role": HOSTILE}, "at": HOSTILE}
    ])  # fmt: skip
    assert main(["audit", "tail", "-n", "1"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("\n") == 2
    assert printed.replace("\n", "").isprintable()
    assert printed.count("evil\\x1b[2J\\n2026-01-01 auth.accept\\u202e\\x9b31m") == 8


def test_nothing_was_noted_yet(path, capsys):
    assert main(["audit", "tail"]) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert f"nothing was noted yet in {path}" in printed.err
    assert main(["audit", "verify", "-o", "json"]) == 1
    (told,) = objects(capsys.readouterr().out)
    assert (told["whole"], told["records"], told["hash"]) == (False, 0, None)
    assert not path.parent.exists()


def test_a_whole_log_is_verified_and_its_hash_is_told(log, path, capsys):
    assert main(["audit", "verify"]) == 0
    last = chain.digest(path.read_bytes().splitlines()[-1])
    assert capsys.readouterr().out == (
        "3 records in 1 file, 1 to 3: none was changed since, none is missing between\n"
        f"the hash of record 3, to be kept elsewhere:\n  {last}\n"
    )
    assert main(["audit", "verify", "-o", "json"]) == 0
    (told,) = objects(capsys.readouterr().out)
    assert (told["whole"], told["hash"], told["last"]) == (True, last, 3)


def test_what_was_edited_is_named(log, path, capsys):
    path.write_bytes(path.read_bytes().replace(b"node7", b"node8"))
    assert main(["audit", "verify"]) == 1
    printed = capsys.readouterr()
    assert f"{path}, line 2: it is not what it was" in printed.err
    assert printed.out == ""
    assert main(["audit", "verify", "-o", "json"]) == 1
    (told,) = objects(capsys.readouterr().out)
    assert (told["whole"], told["fault"]["line"]) == (False, 2)
    assert main(["audit", "verify", "-o", "quiet"]) == 1
    assert capsys.readouterr() == ("", "")


def test_a_cut_end_is_seen_by_a_hash_that_was_kept(log, path, capsys):
    main(["audit", "verify", "-o", "json"])
    kept = objects(capsys.readouterr().out)[0]["hash"]
    log.append([record(4)])
    assert main(["audit", "verify", "--from", kept]) == 0
    assert "record 3 has the hash that was asked for; 1 record since" in capsys.readouterr().out
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    assert main(["audit", "verify"]) == 0
    capsys.readouterr()
    assert main(["audit", "verify", "--from", kept.upper()]) == 1
    assert "no record of this chain has that hash" in capsys.readouterr().err


def test_a_torn_line_is_no_tampering(log, path, capsys):
    with path.open("ab") as file:
        file.write(b'{"at":"20')
    assert main(["audit", "verify"]) == 0
    assert "1 line torn by a crash or a full disk" in capsys.readouterr().out
    assert main(["audit", "tail", "-o", "json"]) == 0
    assert len(objects(capsys.readouterr().out)) == 3


def test_a_copy_elsewhere(log, path, tmp_path, capsys):
    copy = tmp_path / "copy" / "audit.jsonl"
    copy.parent.mkdir()
    copy.write_bytes(path.read_bytes())
    assert main(["audit", "verify", "--file", str(copy), "-o", "quiet"]) == 0
    assert main(["audit", "tail", "--file", str(copy), "-o", "quiet"]) == 0
    assert list(copy.parent.iterdir()) == [copy]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tial"], "unknown ACTION 'tial': did you mean tail?"),
        (["tail", "--from", "0" * 64], "--from is for verify"),
        (["verify", "-f"], "--follow is for tail"),
        (["verify", "--kind", "auth.deny"], "--kind is for tail"),
    ],
)
def test_options_that_do_not_fit(words, said, path, capsys):
    assert main(["audit", *words]) == 2
    assert said in capsys.readouterr().err


def test_a_hash_is_a_hash(path, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["audit", "verify", "--from", "beef"])
    assert caught.value.code == 2
    assert "no hash of 64" in capsys.readouterr().err


def test_a_log_that_cannot_be_read(tmp_path, capsys):
    assert main(["audit", "verify", "--file", str(tmp_path)]) == 74
    assert "Is a directory" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["audit.jsonl", "audit.jsonl.1"])
@pytest.mark.parametrize("action", ["tail", "verify"])
def test_a_pipe_is_not_waited_for(log, path, capsys, name, action):
    pipe = path.with_name(name)
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe, 0o600)
    assert main(["audit", action]) == 74
    assert f"cannot read {pipe}: it is no file" in capsys.readouterr().err


def test_a_user_without_a_home(monkeypatch, capsys):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr("zmqwork.cli.audit.default_path", no_home)
    assert main(["audit", "tail"]) == 2
    assert "where is the log?" in capsys.readouterr().err


def test_the_help_says_what_verify_cannot_see(capsys):
    with pytest.raises(SystemExit):
        main(["audit", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "it cannot see that their end was cut off" in text
    assert all(kind in text for kind in KINDS)


# -- following ------------------------------------------------------------------------------------


def test_each_line_is_given_once_also_over_rotations(path):
    log, follower = Log(path, bytes_max=2_000), Follower(path)
    assert list(follower.lines()) == []
    seen = []
    for number in range(60):
        log.append([record(number % 60)] * (1 + number % 4))
        if number % 7 == 0:
            seen += follower.lines()
    seen += follower.lines()
    assert list(follower.lines()) == []
    seqs = [chain.read(line.rstrip())["seq"] for line in seen]
    assert seqs == list(range(1, 1 + sum(1 + number % 4 for number in range(60))))


@pytest.fixture
def following(log, path, tmp_path):
    """``zmqwork audit tail -f``, which is ended."""
    started = []

    def start(*words):
        process = subprocess.Popen(
            [sys.executable, "-m", "zmqwork", "audit", "tail", "-f", *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def line_of(process):
    """The next line; a bound, not an assertion about time."""
    assert select.select([process.stdout], [], [], 60.0)[0]
    return process.stdout.readline().decode()


def test_following_goes_on_until_ctrl_c(log, following):
    process = following("-n", "1", "-o", "json")
    assert json.loads(line_of(process))["seq"] == 3
    log.append([record(4), record(5)])
    assert json.loads(line_of(process))["seq"] == 4
    assert json.loads(line_of(process))["seq"] == 5
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60) == (b"", b"")
    assert process.returncode == 130


def test_following_for_people_shows_lines(log, following):
    process = following("-n", "1")
    assert line_of(process).split()[:3] == ["AT", "KIND", "NODE"]
    assert "10.0.0.3" in line_of(process)
    log.append([record(4, reason=HOSTILE)])
    shown = line_of(process)
    assert "10.0.0.4" in shown
    assert shown[:-1].isprintable()


def test_a_reader_that_has_seen_enough(log, following):
    process = following("-n", "1", "-o", "json")
    line_of(process)
    process.stdout.close()
    log.append([record(4)])
    assert process.wait(timeout=60) == 141
    assert process.stderr.read() == b""
