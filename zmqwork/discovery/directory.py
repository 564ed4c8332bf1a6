"""The local directory: how nodes of one user on one machine find each other, at once.

A node that is there has a file, named after its node id, in the realm's directory; the file
holds its record and is locked as long as the node lives (`lockfile`). Beside it lies the node's
ipc socket, which has the same name. Whoever reads the directory removes what is stale.

For each node that was seen, a descriptor of its file stays open. It answers "does it live?"
with one call, and still answers when another reader has removed the file meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import weakref
from dataclasses import dataclass
from pathlib import Path

from zmqwork.discovery.lockfile import is_free, open_to_watch, publish, remove_if_same
from zmqwork.discovery.record import RECORD_BYTES_MAX, Record, decode_record
from zmqwork.discovery.runtime import make_private, node_stem, runtime_directory, socket_of
from zmqwork.discovery.stamp import Stamp

__all__ = ["LocalDirectory", "runtime_directory"]

# Nodes watched through an open descriptor; more are found as well, at three calls per scan.
WATCHED_MAX = 4_096
# Nodes known to be gone, kept for `alive`; the oldest are forgotten.
GONE_MAX = 4_096
# Locks kept from earlier announcements of one node: a reader may still watch such a file.
ANNOUNCED_MAX = 16

_RECORD_SUFFIX = ".node"
_TEMPORARY_SUFFIX = ".tmp"


@dataclass(slots=True)
class _Watched:
    fd: int
    inode: int
    record: Record | None


class LocalDirectory:
    """One realm's directory, as one node sees it. For one thread, but for `alive`'s readers.

    Args:
        realm: the app's name.

    Raises:
        TransportError: as `runtime_directory`.
    """

    def __init__(self, realm: str) -> None:
        self.path = runtime_directory(realm)
        self._realm = realm
        self._node_id = ""
        self._locks: list[int] = []
        self._watched: dict[str, _Watched] = {}
        self._gone: dict[str, None] = {}
        self._temporaries: set[str] = set()
        self._stamp = Stamp(self.path)
        _directories.add(self)

    def socket_path(self, node_id: str) -> Path:
        """Where that node binds its ipc socket; at most 100 bytes."""
        return socket_of(self.path, node_stem(node_id))

    def announce(self, record: Record) -> None:
        """Make this node visible, or change what is seen of it. Bind first, then announce.

        Raises:
            TransportError: the directory cannot be written.
        """
        self.make_again()
        self._locks.append(publish(self._file(node_stem(record.node_id)), record.encode()))
        self._node_id = record.node_id
        if len(self._locks) > ANNOUNCED_MAX:
            os.close(self._locks.pop(0))

    def make_again(self) -> None:
        """Make the directory if somebody has removed it: where it was, whatever is set by now.

        Raises:
            TransportError: as `runtime_directory`.
        """
        make_private(self.path.parent)
        make_private(self.path)

    def withdraw(self) -> None:
        """Become invisible to those who look from now on; the lock still says "alive"."""
        if self._node_id:
            self._file(node_stem(self._node_id)).unlink(missing_ok=True)
        self._node_id = ""

    def close(self) -> None:
        """Withdraw and drop the lock: proof to all peers that this node is gone."""
        self.withdraw()
        self._release()

    def announced(self) -> bool:
        """True if this node's file is in its place; a cleaner of old files may have taken it."""
        if not self._node_id:
            return False
        try:
            found = self._file(node_stem(self._node_id)).lstat()
        except OSError:
            return False
        return found.st_ino == os.fstat(self._locks[-1]).st_ino

    def changed(self) -> bool:
        """False if a `scan` now would see the same names as the last one did.

        It costs one call. A node that died without a word changes no name: scan now and then.
        """
        return self._stamp.changed()

    def scan(self) -> list[Record]:
        """The nodes that live, this one among them, in the order of their files' names.

        What is stale is removed on the way.

        Raises:
            OSError: the directory cannot be read (descriptors used up, rights taken away).
        """
        self._stamp.note()
        inodes = self._list()
        suffix = len(_RECORD_SUFFIX)
        stems = sorted(name[:-suffix] for name in inodes if name.endswith(_RECORD_SUFFIX))
        records = [self._look(stem, inodes[stem + _RECORD_SUFFIX]) for stem in stems]
        self._forget_missing(set(stems))
        self._remove_temporaries({n for n in inodes if n.endswith(_TEMPORARY_SUFFIX)})
        return [record for record in records if record is not None]

    def alive(self, node_id: str) -> bool | None:
        """Whether that node's process holds its lock; None if nothing is known of it.

        False is proof: the process is gone, or has closed the node.
        """
        stem = node_stem(node_id)
        watched = self._watched.get(stem)
        if watched is not None:
            return not is_free(watched.fd)
        if stem in self._gone:
            return False
        try:
            fd = open_to_watch(self._file(stem))
        except OSError:
            return None
        if fd is None:
            return None
        try:
            return not is_free(fd)
        finally:
            os.close(fd)

    def _list(self) -> dict[str, int]:
        inodes: dict[str, int] = {}
        with contextlib.suppress(FileNotFoundError), os.scandir(self.path) as listing:
            for entry in listing:
                # Another reader may remove it between the listing and this look at it.
                with contextlib.suppress(FileNotFoundError):
                    inodes[entry.name] = entry.stat(follow_symlinks=False).st_ino
        return inodes

    def _file(self, stem: str) -> Path:
        return self.path / (stem + _RECORD_SUFFIX)

    def _look(self, stem: str, inode: int) -> Record | None:
        watched = self._watched.get(stem)
        # While we hold the old file open, its number is not given to a new one.
        if watched is None or watched.inode != inode:
            watched = self._watch(stem)
        if watched is None:
            return None
        if is_free(watched.fd):
            self._remove(stem, watched)
            return None
        if stem not in self._watched:
            os.close(watched.fd)
        return watched.record

    def _watch(self, stem: str) -> _Watched | None:
        fd = open_to_watch(self._file(stem))
        if fd is None:
            return None
        try:
            record = decode_record(os.read(fd, RECORD_BYTES_MAX))
        except OSError:
            record = None
        # A name is a few digits of a hash, so it is the record that must say whose it is.
        if record and (record.realm != self._realm or node_stem(record.node_id) != stem):
            record = None
        before = self._watched.pop(stem, None)
        if before is not None:
            os.close(before.fd)
        watched = _Watched(fd, os.fstat(fd).st_ino, record)
        if len(self._watched) < WATCHED_MAX:
            self._watched[stem] = watched
        return watched

    def _remove(self, stem: str, watched: _Watched) -> None:
        # The socket first: the record is what leads a later reader to a socket left behind.
        socket_of(self.path, stem).unlink(missing_ok=True)
        remove_if_same(self._file(stem), watched.fd)
        self._bury(stem, watched)

    def _bury(self, stem: str, watched: _Watched) -> None:
        self._watched.pop(stem, None)
        os.close(watched.fd)
        self._gone[stem] = None
        if len(self._gone) > GONE_MAX:
            del self._gone[next(iter(self._gone))]

    def _forget_missing(self, stems: set[str]) -> None:
        for stem in [stem for stem in self._watched if stem not in stems]:
            # Withdrawn, but alive: its lock is watched until it is free.
            if is_free(self._watched[stem].fd):
                self._bury(stem, self._watched[stem])

    def _remove_temporaries(self, names: set[str]) -> None:
        # A temporary file lives for microseconds; one that was there at the last scan as well
        # belongs to a process that died between its two steps, unless it is locked.
        for name in names & self._temporaries:
            path = self.path / name
            fd = open_to_watch(path)
            if fd is None:
                continue
            if is_free(fd):
                remove_if_same(path, fd)
            os.close(fd)
        self._temporaries = names

    def _release(self) -> None:
        for fd in self._locks + [watched.fd for watched in self._watched.values()]:
            os.close(fd)
        self._locks, self._watched, self._node_id = [], {}, ""


_directories: weakref.WeakSet[LocalDirectory] = weakref.WeakSet()


def _let_go_in_child() -> None:
    # A forked child shares the lock: with it, a child that outlives its parent would make the
    # dead parent look alive.
    for directory in list(_directories):
        directory._release()


os.register_at_fork(after_in_child=_let_go_in_child)
