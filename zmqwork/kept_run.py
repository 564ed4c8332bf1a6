"""A run of a ventilator whose items in flight are in a journal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from zmqwork.errors import UsageError
from zmqwork.nodes.recorder import Recorder

if TYPE_CHECKING:
    from zmqwork.discovery.sources import Discovery


class KeptRun:
    """The journal of one run, opened: a folder of its own, in a directory for several.

    Args:
        directory: where the folder is.
        run: the run's name.
        realm: the app's.
        allow_volatile: as `journal.folder.Folder` has it.

    Raises:
        ConfigError: the directory is no place for a journal.
        JournalError: it cannot be opened.
        UsageError: the name cannot be a folder's.

    Attributes:
        recorder: its thread.
        legacy: what an earlier start of the run has left.
    """

    def __init__(
        self, directory: str | os.PathLike[str], run: str, realm: str, allow_volatile: bool
    ) -> None:
        from zmqwork.journal.folder import Folder  # noqa: PLC0415 - loads SQLite

        if "/" in run or run.startswith("."):
            raise UsageError(f"run {run!r} has a journal, and its name must do for a folder")
        folder = Folder(Path(directory) / run, realm, allow_volatile=allow_volatile)
        self.recorder = Recorder(folder.take)
        self.legacy = self.recorder.open()


def open_kept(
    directory: str | os.PathLike[str],
    run: str,
    realm: str,
    allow_volatile: bool,
    discovery: Discovery,
) -> KeptRun:
    """As `KeptRun`; if that raises, the discovery that was made for the run is closed."""
    try:
        return KeptRun(directory, run, realm, allow_volatile)
    except BaseException:
        discovery.close()
        raise
