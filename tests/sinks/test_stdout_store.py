"""Results as lines for whoever reads."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from store_batches import batch, values

from zmqwork.errors import ConfigError, StoreError
from zmqwork.nodes.store import Store
from zmqwork.sinks import Stdout

# Ends with 141 as the command does when a reader has gone, else with 74, and says what it met.
PROGRAM = """
import sys
sys.path.insert(0, {here!r})
from store_batches import batch
from zmqwork.errors import StoreError
from zmqwork.sinks import Stdout
store = Stdout()
store.open()
try:
    for at in range(1, 10_000):
        store.store(batch([at], lambda _: "x" * 1000))
except StoreError as error:
    print(type(error).__name__, error, file=sys.stderr, flush=True)
    sys.stdout = None
    raise SystemExit(141 if store.reader_left else 74)
"""


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, '{"task_id": "run-1-1", "task": "f", "result": "a\\n"}\n{"task_id": "run-1-2", "task": "f", "result": {"x": 1}}\n'),
        ({"bare": True}, '"a\\n"\n{"x": 1}\n'),
        ({"format": "text"}, 'a\n{"x": 1}\n'),
        ({"format": "csv", "columns": ["task_id", "result"]}, 'task_id,result\nrun-1-1,"a\n"\nrun-1-2,"{""x"": 1}"\n'),
    ],
)  # fmt: skip
def test_formats(capfd, options, text):
    store = Stdout(**options)
    assert isinstance(store, Store)
    assert (store.inbox, store.open()) == ("", {})
    store.store(values("a\n", {"x": 1}))
    store.close()
    assert capfd.readouterr().out == text


def test_csv_has_one_header(capfd):
    store = Stdout("csv")
    assert repr(store) == "Stdout('csv')"
    store.open()
    store.store(batch([1]))
    store.store(batch([2]))
    assert capfd.readouterr().out == "task_id,task,result\nrun-1-1,f,1\nrun-1-2,f,2\n"


def test_bytes_stay_what_they_are(capfdbinary):
    store = Stdout("text")
    store.store(values(b"\xff\x00", "é"))
    assert capfdbinary.readouterr().out == b"\xff\x00\n" + "é\n".encode()


def test_a_format_that_is_none():
    with pytest.raises(ConfigError, match="one of jsonl, csv, text, not 'xml'"):
        Stdout("xml")


def started(private_environment, **options):
    here = str(Path(__file__).parent)
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(here=here)],
        env=private_environment, stderr=subprocess.PIPE, **options,
    )  # fmt: skip


def test_a_reader_that_has_seen_enough(private_environment):
    with started(private_environment, stdout=subprocess.PIPE) as program:
        assert program.stdout.readline().startswith(b'{"task_id": "run-1-1"')
        program.stdout.close()
        _, said = program.communicate(timeout=60)
    assert program.returncode == 141
    assert said == b"StoreError whoever read the output has closed it\n"


def test_a_full_disk(private_environment):
    with Path("/dev/full").open("wb") as full, started(private_environment, stdout=full) as program:
        _, said = program.communicate(timeout=60)
    assert program.returncode == 74
    assert said == b"StoreError the output cannot be written: No space left on device\n"


@pytest.mark.parametrize("output", [None, io.StringIO()])
def test_no_output_for_bytes(monkeypatch, output):
    """Standard output is closed, or a notebook's."""
    monkeypatch.setattr("sys.stdout", output)
    with pytest.raises(StoreError, match="standard output is closed, or takes no bytes"):
        Stdout().store(values("a"))
