"""Tasks that other processes have left behind in the same directory are finished by this one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from zmqwork.errors import JournalError, ZmqworkError
from zmqwork.nodes.recorder import Recorder

if TYPE_CHECKING:
    from zmqwork.journal.folder import Folder
    from zmqwork.journal.sqlite import SqliteJournal
    from zmqwork.nodes.producer import Producer as Node

_log = logging.getLogger("zmqwork")

# How often it looks for journals whose process has ended.
_LOOK_INTERVAL = 10.0
# How often it looks whether it is to end, while it finishes what is in one.
_STEP = 0.25


class _NothingLeftError(JournalError):
    """No journal waits to be adopted."""


class Adoption:
    """Runs a producer node for each journal whose process has ended, one after the other.

    Each goes on under its own id, so that workers know it again, until nothing in it is unsettled;
    then its file vanishes, unless there are dead letters in it.

    Args:
        folder: where the journals are.
        make_node: makes a node with this journal.
    """

    def __init__(self, folder: Folder, make_node: Callable[[Recorder], Node]) -> None:
        self._folder = folder
        self._make_node = make_node
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="zmqwork-adoption", daemon=True)

    def start(self) -> None:
        """Look from now on."""
        self._thread.start()

    def stop(self) -> None:
        """End; what is not finished stays in its journal."""
        self._ending.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def _work(self) -> None:
        while not self._ending.is_set():
            try:
                self._finish_next()
            except _NothingLeftError:
                self._ending.wait(_LOOK_INTERVAL)
            except (ZmqworkError, OSError) as error:
                _log.warning("a journal in %s could not be adopted: %s", self._folder.path, error)
                self._ending.wait(_LOOK_INTERVAL)

    def _finish_next(self) -> None:
        node = self._make_node(Recorder(self._take))
        try:
            _log.info("%r goes on with the tasks of a process that has ended", node)
            while not node.drain(_STEP):
                if self._ending.is_set():
                    break
                if node.has_left:
                    break
        finally:
            node.stop()
        if node.journal_failed:  # and so it will again
            self._ending.wait(_LOOK_INTERVAL)

    def _take(self) -> SqliteJournal:
        """One with tasks in it. Called in the thread that keeps it."""
        for journal in self._folder.orphans():
            unsettled, _ = journal.counts
            if unsettled:
                return journal
            journal.close()
        raise _NothingLeftError
