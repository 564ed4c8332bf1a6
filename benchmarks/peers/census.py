"""Which processes belong to a run: those that carry its mark, with all that they started."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

# In the environment of a run; its value is the mark, which no other run has.
MARK_VARIABLE = "ZMQWORK_PEERS_RUN"
GRACE = 3.0


def marked(process: Path, mark: str) -> bool:
    return f"{MARK_VARIABLE}={mark}".encode() in (process / "environ").read_bytes().split(b"\0")


def fields(process: Path) -> list[str]:
    """Of /proc/PID/stat, from the state on: the name before it may hold anything but ends so."""
    return (process / "stat").read_text().rpartition(")")[2].split()


def parent(process: Path) -> int:
    return int(fields(process)[1])


def in_session(leader: int) -> set[int]:
    """The ids of all processes of a session, also of those that hide the mark and are orphans."""
    found = set()
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with suppress(OSError):  # it has ended
                state, _, _, session, *_ = fields(process)
                if int(session) == leader and state != "Z":
                    found.add(int(process.name))
    return found


def members(mark: str) -> set[int]:
    """The ids of all processes with the mark, and of their descendants (which may hide it)."""
    parents, found = {}, set()
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            parents[int(process.name)] = parent(process)
            if marked(process, mark):
                found.add(int(process.name))
        except OSError:  # it has ended, or is another user's
            continue
    while more := {child for child, of in parents.items() if of in found} - found:
        found |= more
    return found


def memory(mark: str) -> int:
    """The bytes that all of them take together; what they share counts once."""
    total = 0
    for pid in members(mark):
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


def sweep(mark: str) -> int:
    """End whatever is left of a run; how many processes there were."""
    return end(lambda: members(mark))


def end(find: Callable[[], set[int]]) -> int:
    """End all that are found, by their ids, gently at first; how many there were."""
    left = find()
    count = len(left)
    for sign in (signal.SIGTERM, signal.SIGKILL):
        for pid in left:
            try:
                os.kill(pid, sign)
            except ProcessLookupError:
                continue
        ends_at = time.monotonic() + GRACE
        while left and time.monotonic() < ends_at:
            time.sleep(0.05)
            left = {pid for pid in left if alive(pid)} | {pid for pid in find() if alive(pid)}
    return count


def alive(pid: int) -> bool:
    """Is it there, and not only waiting to be asked how it ended?"""
    try:
        return fields(Path(f"/proc/{pid}"))[0] != "Z"
    except OSError:
        return False
