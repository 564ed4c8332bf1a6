from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from zmqwork import __version__
from zmqwork.cli import COMMANDS, exits, main
from zmqwork.errors import (
    ConfigError,
    InsecureBind,
    JournalError,
    NoWorker,
    ProtocolError,
    TaskFailed,
    TransportError,
    UsageError,
)

ROOT = Path(__file__).parents[2]


def zmqwork(*words, **options):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "zmqwork", *words],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        **options,
    )


def test_help_names_every_command_and_exit_code(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for command in COMMANDS:
        assert f"  {command} " in text
    for code in (0, 1, 2, 3, 4, 70, 74, 78, 130, 143):
        assert f"  {code} " in text


def test_without_a_command_help_is_an_error(capsys):
    assert main([]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "commands:" in printed.err


def test_the_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"zmqwork {__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_teaches(command, capsys):
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert f"examples:\n  zmqwork {command}" in text
    assert "exit codes:" in text
    assert max(map(len, text.splitlines())) <= 100


def test_an_unknown_command_names_the_nearest(capsys):
    assert main(["wroker"]) == 2
    assert "unknown command 'wroker': did you mean worker?" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_option_names_the_nearest(command, capsys):
    with pytest.raises(SystemExit) as caught:
        main([command, "x:app", "task", "--outptu", "json"])
    assert caught.value.code == 2
    assert "unknown option --outptu: did you mean --output?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), 78),
        (InsecureBind("x"), 78),
        (TransportError("x"), 78),
        (UsageError("x"), 2),
        (NoWorker("t", "x"), 3),
        (TaskFailed("t", "ValueError", "x"), 1),
        (ProtocolError("x"), 1),
        (JournalError("x"), 74),
    ],
)
def test_each_error_has_its_exit_code(error, code, monkeypatch, capsys):
    from zmqwork.cli import ps

    def fail(args):
        raise error

    monkeypatch.setattr(ps, "run", fail)
    assert main(["ps"]) == exits.exit_code(error) == code
    assert capsys.readouterr().err == f"zmqwork ps: {error}\n"


def test_ctrl_c_is_130(monkeypatch):
    from zmqwork.cli import ps

    def fail(args):
        raise KeyboardInterrupt

    monkeypatch.setattr(ps, "run", fail)
    assert main(["ps"]) == 130


def test_a_reader_that_has_seen_enough_is_no_traceback():
    process = subprocess.Popen(
        [sys.executable, "-m", "zmqwork", "--help"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    # The interpreter takes longer to start than this; if not, there is nothing to see.
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() in (0, 141)


def test_it_runs_as_a_module():
    done = zmqwork("--version")
    assert (done.returncode, done.stdout) == (0, f"zmqwork {__version__}\n")


def test_nothing_optional_is_needed(tmp_path):
    for name in ("rich", "numpy", "textual"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    for words in (["--help"], *([command, "--help"] for command in COMMANDS)):
        done = subprocess.run(
            [sys.executable, "-m", "zmqwork", *words],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
        assert done.returncode == 0, done.stderr
