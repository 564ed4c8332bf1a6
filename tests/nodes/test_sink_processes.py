"""Sinks as programs: killed, drained by signals, and left to the end of their program."""

import signal
import sqlite3
import subprocess
import sys
import threading

import pytest
from node_processes import HERE, PATIENCE, until
from plain_peer import PlainPeer

from zmqwork.wire import verbs as v

PRODUCER = "f" * 32


class SinkProcess:
    def __init__(self, realm, which, path, *options):
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", HERE / "sink_program.py", which, realm, path, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines = []
        self.errors = []
        self.readers = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in ((self.process.stdout, self.lines), (self.process.stderr, self.errors))
        ]
        for reader in self.readers:
            reader.start()

    def _read(self, file, lines):
        for line in file:
            lines.append(line.rstrip("\n"))

    @property
    def endpoint(self):
        return until(lambda: self.lines, "the sink says where it is")[0]

    def says(self, text):
        return until(lambda: text in self.lines, f"the sink says {text!r}")

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)

    def wait(self):
        code = self.process.wait(PATIENCE)
        for reader in self.readers:
            reader.join(PATIENCE)
        return code

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
        for file in (self.process.stdin, self.process.stdout, self.process.stderr):
            file.close()


@pytest.fixture
def start(realm):
    started = []

    def begin(which, path, *options):
        started.append(SinkProcess(realm, which, path, *options))
        return started[-1]

    yield begin
    for sink in started:
        sink.end()


@pytest.fixture
def connect(realm):
    made = []

    def dial(sink, role="worker"):
        node_id = PRODUCER if role == "producer" else f"{len(made):032x}"
        made.append(PlainPeer(sink.endpoint, realm, role, node_id))
        return made[-1]

    yield dial
    for peer in made:
        peer.close()


def test_killed_before_the_ack_the_results_come_to_the_next_one(start, connect, tmp_path):
    path = tmp_path / "out"
    first = start("hang", path)
    worker = connect(first)
    worker.results(1, [1, 2])
    first.says("stored")
    first.kill()
    assert v.RESULTS_ACK not in worker.seen
    again = connect(start("append", path))
    again.results(1, [1, 2])
    assert again.ack() == 1
    assert path.read_text().split() == ["1", "2"] * 2, "at least once: it has no memory"


def test_killed_before_the_ack_an_inbox_remembers(start, connect, tmp_path):
    path = tmp_path / "box.db"
    first = start("inbox-hangs", path)
    worker = connect(first)
    worker.results(1, [1, 2])
    first.says("stored")
    first.kill()
    second = start("inbox", path)
    again = connect(second)
    again.results(1, [1, 2])
    assert again.ack() == 1
    again.results(2, [3])
    assert again.ack() == 2
    second.process.send_signal(signal.SIGTERM)
    again.expect(v.BYE)
    assert second.wait() == 0
    assert second.lines[1:] == ["stored", "stored 1"], "once, for the third"
    with sqlite3.connect(path) as db:
        assert list(db.execute("SELECT value FROM effects")) == [(1,), (2,), (3,)]
    db.close()


def test_a_signal_drains(start, connect, tmp_path):
    path = tmp_path / "out"
    sink = start("block", path)
    worker = connect(sink)
    worker.results(1, [1])
    worker.settle()
    sink.says("got 1")
    worker.results(2, [2, 3])
    worker.settle()
    sink.process.send_signal(signal.SIGTERM)
    worker.expect(v.DRAINING)
    for _ in range(2):
        sink.process.stdin.write("\n")
    sink.process.stdin.flush()
    while worker.ack() < 2:
        pass
    worker.expect(v.BYE)
    assert sink.wait() == 0
    assert "zmqwork sink: draining: what is here is stored (again: stop now)" in sink.errors
    assert path.read_text().split() == ["1", "2", "3"]
    assert sink.lines[-1] == "stored 3"


def test_a_second_signal_leaves_the_rest_to_the_workers(start, connect, tmp_path):
    sink = start("block", tmp_path / "out")
    worker = connect(sink)
    worker.results(1, [1])
    sink.says("got 1")
    sink.process.send_signal(signal.SIGTERM)
    worker.expect(v.DRAINING)
    sink.process.send_signal(signal.SIGINT)
    worker.expect(v.BYE)
    assert sink.wait() == 130
    assert sink.lines[-1] == "stored 0"


def test_once_ends_the_program(start, connect, tmp_path):
    sink = start("append", tmp_path / "out", "once=yes")
    worker, producer = connect(sink), connect(sink, "producer")
    producer.expect(v.WELCOME)
    worker.results(1, range(1, 11))
    assert worker.ack() == 1
    producer.send(v.END, 10, 10)
    producer.expect(v.ENDED)
    for peer in (worker, producer):
        peer.expect(v.BYE)
    assert sink.wait() == 0
    assert sink.lines[-1] == "stored 10"


def test_a_handler_that_fails_ends_the_program(start, connect, tmp_path):
    sink = start("fail", tmp_path / "out")
    worker = connect(sink)
    worker.results(1, [1, 2])
    assert worker.ack() == 1
    worker.results(2, [3, 4])
    worker.expect(v.BYE)
    assert sink.wait() == 70
    text = "\n".join(sink.errors)
    assert "ValueError: no more" in text
    assert "2 results are stored, 2 stay with their workers" in text
