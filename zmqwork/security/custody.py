"""Whoever changes a keys directory has it for itself meanwhile: commands, and nodes that are told.

The lock goes with the process, however that ends. A change that has begun is finished before Ctrl-C
ends its process. What a process that was killed has left is swept away by the next one: drafts of
files, which never took the place of the real ones.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zmqwork.disk import reason
from zmqwork.errors import KeysError
from zmqwork.lock import Lock, LockHeld
from zmqwork.security.contents import FILES, ROSTER_FILE
from zmqwork.security.undisturbed import undisturbed

# A change takes milliseconds. Whoever waits longer than this waits for something that is stuck.
PATIENCE = 10.0
_RETRY_INTERVAL = 0.02

_DRAFT = re.compile(rf"\.(?:{'|'.join(map(re.escape, FILES))})\.[0-9a-f]{{8}}")


@contextmanager
def custody(place: Path, patience: float = PATIENCE) -> Iterator[None]:
    """Within it, nobody else changes the directory.

    Raises:
        KeysError: somebody else had it for longer than `patience` seconds, or nobody can write in
            it.
    """
    lock = _lock(place, time.monotonic() + patience)
    try:
        with undisturbed():
            for draft in drafts(place):
                draft.unlink(missing_ok=True)
            yield
    finally:
        lock.release()


def drafts(place: Path) -> list[Path]:
    """What was left by processes that were killed, or is being written just now."""
    try:
        return sorted(path for path in place.iterdir() if _DRAFT.fullmatch(path.name))
    except OSError as error:
        raise KeysError(f"cannot look into {place}: {reason(error)}") from error


def _lock(place: Path, give_up_at: float) -> Lock:
    while True:
        try:
            return Lock(place / ROSTER_FILE, 0o600)
        except LockHeld as error:
            if time.monotonic() >= give_up_at:
                who = f"process {error.pid}" if error.pid else "somebody else"
                raise KeysError(f"{who} is changing {place}: try again") from None
        except OSError as error:
            raise KeysError(f"cannot write in {place}: {reason(error)}") from error
        time.sleep(_RETRY_INTERVAL)
