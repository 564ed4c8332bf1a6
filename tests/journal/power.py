"""Losing power: what a disk may have of a file at any moment, written from what SQLite did to it.

A `Recorder` is a VFS of SQLite that notes each write, truncation and sync; the files themselves are
the operating system's. A `Disk` goes through these notes: what was synced is there, and of each
512-byte sector that was written since then either the old or the new content is.
"""

from __future__ import annotations

import os
from pathlib import Path

import apsw

SECTOR = 512


class Recorder(apsw.VFS):
    """A VFS with a name, and the notes of what was done to its files."""

    def __init__(self, name):
        self.name = name
        self.notes = []
        super().__init__(name, "")

    def xOpen(self, name, flags):  # noqa: N802
        path = os.fspath(name.filename() if isinstance(name, apsw.URIFilename) else name)
        return RecordedFile(self.notes, path, name, flags)

    def xDelete(self, name, sync):  # noqa: N802
        self.notes.append(("delete", Path(name).name))
        super().xDelete(name, sync)


class RecordedFile(apsw.VFSFile):
    def __init__(self, notes, path, name, flags):
        self.notes, self.path = notes, Path(path).name
        super().__init__("", name, flags)

    def xWrite(self, data, offset):  # noqa: N802
        self.notes.append(("write", self.path, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, size):  # noqa: N802
        self.notes.append(("truncate", self.path, size))
        super().xTruncate(size)

    def xSync(self, flags):  # noqa: N802
        self.notes.append(("sync", self.path))


class Disk:
    """What is on a disk for certain, and what may be."""

    def __init__(self, folder):
        self.synced = {path.name: bytearray(path.read_bytes()) for path in folder.iterdir()}
        self.pending = {}

    def take(self, note):
        kind, *about = note
        if kind in ("write", "truncate"):
            self.pending.setdefault(about[0], []).append(note)
        elif kind == "sync":
            content = self.synced.setdefault(about[0], bytearray())
            for done in self.pending.pop(about[0], []):
                apply(content, done)
        else:
            assert kind == "confirmed", f"whether {note} outlives the power is not known"

    def lose_power(self, folder, chance):
        """Write what may be left into a folder."""
        for name in sorted({*self.synced, *self.pending}):
            content = bytearray(self.synced.get(name, b""))
            for done in self.pending.get(name, []):
                for part in sectors(done):
                    if chance.random() < 0.5:
                        apply(content, part)
            if content or name in self.synced:
                (folder / name).write_bytes(content)


def apply(content, note):
    if note[0] == "truncate":
        del content[note[2] :]
        return
    offset, data = note[2:]
    content.extend(bytes(max(0, offset - len(content))))
    content[offset : offset + len(data)] = data


def sectors(note):
    if note[0] == "truncate":
        yield note
        return
    kind, name, offset, data = note
    begin = 0
    while begin < len(data):
        end = min(len(data), ((offset + begin) // SECTOR + 1) * SECTOR - offset)
        yield kind, name, offset + begin, data[begin:end]
        begin = end
