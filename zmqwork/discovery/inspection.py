"""The local directory as it lies there, for people who ask what is wrong. Nothing stays changed."""

from __future__ import annotations

import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from zmqwork.discovery.lockfile import is_free, open_to_watch, publish
from zmqwork.discovery.runtime import (
    SOCKET_PATH_BYTES_MAX,
    base_directory,
    choose,
    hashed,
    node_stem,
)
from zmqwork.discovery.runtime import socket_of as _socket_of

# As much as the record of a node with some endpoints.
_TRIAL_BYTES = 1_024
# More files than that are not counted one by one.
_FILES_MAX = 20_000


@dataclass(frozen=True, slots=True)
class Inspection:
    """What is in the directory of all realms.

    Attributes:
        path: where it is.
        why: how it was chosen.
        passed_over: whether that is not as ``XDG_RUNTIME_DIR`` says, although it is set.
        owner, mode: of the directory.
        socket_bytes, socket_bytes_max: the length of a socket's path, and the limit.
        living: nodes whose lock is held.
        stale: files that killed nodes have left; whoever looks for that realm removes them.
    """

    path: Path
    why: str
    passed_over: bool
    owner: int
    mode: int
    socket_bytes: int
    socket_bytes_max: int
    living: int
    stale: int


def inspect() -> Inspection:
    """Look at it.

    Raises:
        TransportError: as `runtime.base_directory`; the text says what to do.
        OSError: it cannot be read.
    """
    choice, base = choose(), base_directory()
    found = base.lstat()
    living = stale = files = 0
    for directory in base.iterdir():
        for path in directory.glob("*.*"):
            files += 1
            if files > _FILES_MAX:
                break
            if path.suffix == ".node":
                alive = _is_held(path)
                living += alive
                stale += not alive
            elif path.suffix == ".sock" and not path.with_suffix(".node").exists():
                stale += 1
    longest = _socket_of(base / hashed("any realm", 12), node_stem("any node"))
    return Inspection(
        path=base,
        why=choice.why,
        passed_over=bool(choice.passed_over),
        owner=found.st_uid,
        mode=stat.S_IMODE(found.st_mode),
        socket_bytes=len(os.fsencode(longest)),
        socket_bytes_max=SOCKET_PATH_BYTES_MAX,
        living=living,
        stale=stale,
    )


def try_writing() -> str:
    """Write a file as a record is written, and remove it; what went wrong, or nothing.

    Raises:
        TransportError: as `runtime.base_directory`.
    """
    base = base_directory()
    try:
        with tempfile.TemporaryDirectory(prefix="doctor-", dir=base) as directory:
            os.close(publish(Path(directory) / "trial.node", bytes(_TRIAL_BYTES)))
    except OSError as error:
        return str(error)
    return ""


def _is_held(path: Path) -> bool:
    fd = open_to_watch(path)
    if fd is None:
        return False
    try:
        return not is_free(fd)
    finally:
        os.close(fd)
