"""Which realms have living nodes on this machine: for those who look without a name."""

from __future__ import annotations

import os
from pathlib import Path

from zmqwork.discovery.lockfile import is_free, open_to_watch
from zmqwork.discovery.record import RECORD_BYTES_MAX, decode_record
from zmqwork.discovery.runtime import base_directory


def realms_here() -> list[str]:
    """The names of the realms in which a node of this user lives, sorted.

    Classic pipelines are left out: their ends are found in the same way, and answer nobody.

    Raises:
        TransportError: as `runtime_directory`.
    """
    realms = {_realm_of(directory) for directory in base_directory().iterdir()}
    return sorted(realm for realm in realms if realm is not None)


def _realm_of(directory: Path) -> str | None:
    for path in directory.glob("*.node"):
        fd = open_to_watch(path)
        if fd is None:
            continue
        try:
            record = None if is_free(fd) else decode_record(os.read(fd, RECORD_BYTES_MAX))
        except OSError:
            record = None
        finally:
            os.close(fd)
        # (No app has a name that cannot be printed: such a realm has no nodes to be asked.)
        if record is not None and record.realm.isprintable():
            return record.realm
    return None
