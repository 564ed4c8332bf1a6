"""Worker processes on this machine, started and ended by the commands that need some."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from types import TracebackType
from typing import IO, Any, Self

from zmqwork.discovery.directory import LocalDirectory
from zmqwork.errors import NoWorker, TransportError
from zmqwork.producer import Producer

# A worker imports, binds and announces in half a second; a loaded machine gets its time.
START_TIMEOUT = 30.0
_STOP_TIMEOUT = 5.0
_BANNER_BYTES_MAX = 1024 * 1024


class LocalWorker:
    """One ``zmqwork worker`` process. It ends with this process, however that ends.

    Args:
        target: MODULE:APP.
        realm: the realm it joins, instead of the app's own.
        name: its label.
        options: further words of the command.
    """

    def __init__(self, target: str, realm: str, name: str, *options: str) -> None:
        self.name = name
        self.told: dict[str, Any] = {}
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `stop`
        command = [sys.executable, "-m", "zmqwork", "worker", target, "--realm", realm]
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            [*command, "-n", name, "-o", "json", "--until-eof", *options],
            # The worker leaves when this pipe closes, which the kernel does even after SIGKILL.
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            # Ctrl-C is for the command, which ends its workers in its own time.
            process_group=0,
        )

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._process.pid

    @property
    def node_id(self) -> str:
        """Its node id, once it has started."""
        return str(self.told.get("node_id", ""))

    def wait_started(self, timeout: float = START_TIMEOUT) -> None:
        """Wait until it says that it serves.

        Raises:
            TransportError: it ended, or said nothing in time; with what it wrote.
        """
        assert self._process.stdout is not None
        give_up_at = time.monotonic() + timeout
        descriptor, line = self._process.stdout.fileno(), b""
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while not line.endswith(b"\n") and len(line) < _BANNER_BYTES_MAX:
                left = give_up_at - time.monotonic()
                if left <= 0 or not selector.select(left):
                    raise TransportError(self._trouble(f"said nothing for {timeout:g} s"))
                data = os.read(descriptor, 65_536)
                if not data:
                    raise TransportError(self._trouble("ended at its start"))
                line += data
        self.told = json.loads(line.partition(b"\n")[0])

    def kill(self) -> None:
        """End it with SIGKILL, as the kernel does when memory runs out."""
        self._process.kill()
        self._process.wait()

    def ask_to_leave(self) -> None:
        """Let it leave, without waiting for that."""
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with contextlib.suppress(BrokenPipeError):
                stream.close()
        self._process.terminate()

    def stop(self) -> None:
        """End it: by asking first."""
        self.ask_to_leave()
        try:
            self._process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()
        self._errors.close()

    def _trouble(self, what: str) -> str:
        self._errors.seek(0)
        text = self._errors.read(100_000).decode("utf-8", "replace").strip()
        return f"the worker {self.name} {what}" + (f":\n{text}" if text else "")


class LocalWorkers:
    """The workers of one command, in a realm that nobody else uses.

    As a context manager it stops them all, and leaves no trace of the realm.
    """

    def __init__(self, target: str, realm: str, *options: str) -> None:
        self.realm = realm
        self._target = target
        self._options = options
        # Bounded by --workers: a restarted one takes the place of its predecessor.
        self.running: dict[str, LocalWorker] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self.running.values():
            worker.ask_to_leave()
        for worker in self.running.values():
            worker.stop()
        directory = LocalDirectory(self.realm)
        # Reading removes what killed workers have left.
        directory.scan()
        directory.close()
        with contextlib.suppress(OSError):
            directory.path.rmdir()

    def start(self, name: str) -> LocalWorker:
        """Start a worker; the one of that name, if there was one, is stopped first."""
        before = self.running.pop(name, None)
        if before is not None:
            before.stop()
        worker = self.running[name] = LocalWorker(self._target, self.realm, name, *self._options)
        return worker

    def start_all(self, count: int) -> list[LocalWorker]:
        """Start `count` workers and wait until all serve.

        Raises:
            TransportError: one of them does not.
        """
        workers = [self.start(f"worker-{number}") for number in range(1, count + 1)]
        for worker in workers:
            worker.wait_started()
        return workers


def own_realm(what: str) -> str:
    """The name of a realm for one run of a command."""
    return f"{what}-{os.getpid()}-{os.urandom(4).hex()}"


def wait_until_known(producer: Producer, count: int) -> None:
    """Wait until a producer is connected to so many workers.

    Raises:
        NoWorker: it is not, in time; with what it saw.
    """
    give_up_at = time.monotonic() + START_TIMEOUT
    while producer.workers_known() < count:
        if time.monotonic() > give_up_at:
            raise NoWorker("(none yet)", producer.explain())
        time.sleep(0.01)
