import os
import secrets
import shutil
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest
from pipeline_parts import HERE, PATIENCE, ROOT, Taker

from zmqwork import App, ventilate


@pytest.fixture
def runtime(monkeypatch):
    """A directory of the test's own, with a path short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="zw-", dir="/tmp"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(path))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(HERE)]))
    monkeypatch.delenv("ZMQWORK_PEERS", raising=False)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def app(runtime):
    return App(f"pipe-{secrets.token_hex(4)}")


@pytest.fixture
def opened():
    """What is to be closed at the end, the last one first."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def work(app, opened):
    """Start a worker of the app, here: after its tasks are defined."""

    def start(slots=2, pool="thread", **options):
        worker = app.worker(slots, pool, **options).start()
        opened.callback(worker.stop)
        return worker

    return start


@pytest.fixture
def collect(app, opened):
    """Start a sink of the app, here; what it took is in what comes back."""

    def start(taker=None, *, name="default", inbox=None, **options):
        taker = taker or Taker()
        function = taker.store if inbox is None else taker.store_once
        more = {} if inbox is None else {"inbox": inbox}
        taker.node = app.sink(function, name=name, **more).start(**options)
        opened.callback(taker.node.stop)
        opened.callback(taker.go.set)
        return taker

    return start


@pytest.fixture
def begin(app):
    """Ventilate in a thread of its own."""
    threads = []

    def start(*args, **options):
        made = Ventilating(app, *args, **options)
        threads.append(made)
        return made

    yield start
    for thread in threads:
        thread.join(5.0)
        assert not thread.is_alive()


class Ventilating(threading.Thread):
    """`ventilate`, which somebody waits for."""

    def __init__(self, *args, on_start=None, **options):
        super().__init__(daemon=True)
        self._call = args, options
        self.run_so_far = None
        self.begun = threading.Event()
        self.error = None
        self._done = None
        self.start()

    def run(self):
        args, options = self._call
        try:
            self._done = ventilate(*args, on_start=self._begin, **options)
        except BaseException as error:
            self.error = error
            self.begun.set()

    def _begin(self, run):
        self.run_so_far = run
        self.begun.set()

    def result(self):
        self.join(PATIENCE)
        assert not self.is_alive()
        if self.error is not None:
            raise self.error
        return self._done
