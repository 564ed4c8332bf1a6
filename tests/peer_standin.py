"""A driver for the harness of `benchmarks.peers` that does what the tests ask for, and not well."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

from benchmarks.peers.chores import CHORES
from benchmarks.peers.driver import OneByOne

MANNERS = "PEER_STANDIN"  # hangs, lies or is slow
CHILD = "PEER_STANDIN_CHILD"  # where it tells the id of a process that it leaves behind
SLOW_SECONDS = 0.02


class Client(OneByOne):
    def submit(self, task, argument):
        return task, argument

    def result(self, handle):
        task, argument = handle
        manners = os.environ[MANNERS]
        if manners == "slow":
            threading.Event().wait(SLOW_SECONDS)  # that is how slow it is
        return CHORES[task](argument) + (manners == "lies")

    def bulk(self, numbers):
        return self.each("noop", numbers)


@contextmanager
def connected(place, slots):
    if os.environ[MANNERS] == "hangs":
        # In a session of its own, with nothing in its environment that would tell whose it is.
        stays = [sys.executable, "-c", "import threading; threading.Event().wait()"]
        child = subprocess.Popen(stays, env={}, start_new_session=True)
        Path(os.environ[CHILD]).write_text(str(child.pid))
        threading.Event().wait()
    yield Client()
