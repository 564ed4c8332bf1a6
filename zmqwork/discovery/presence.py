"""How a node stays visible and reachable in the local directory, whoever cleans up there.

A logout, systemd-tmpfiles or a cleaner of ``/tmp`` removes files that are in use: the record, the
ipc socket, or the whole directory. What is gone is made again; what cannot be made is said.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from dataclasses import replace

from zmqwork.discovery.directory import LocalDirectory
from zmqwork.discovery.record import Record

_log = logging.getLogger("zmqwork")

_KEEP = (
    "a logout, systemd-tmpfiles or a cleaner of /tmp does that: exclude it there, or keep it with "
    "`loginctl enable-linger`"
)


class Presence:
    """A node's record and ipc socket in its realm's directory. For the loop's thread.

    Args:
        directory: where the record is announced already.
        record: what others see of this node.
        bind_again: binds an ipc endpoint whose file was removed, or raises `TransportError`;
            None if nothing of this node is bound here.
    """

    def __init__(
        self,
        directory: LocalDirectory,
        record: Record,
        bind_again: Callable[[str], None] | None = None,
    ) -> None:
        self.record = record
        self._directory = directory
        self._shown = record
        self._path = directory.socket_path(record.node_id)
        self._bind_again = bind_again if self._endpoint in record.endpoints else None
        self._trouble = ""

    @property
    def _endpoint(self) -> str:
        return f"ipc://{self._path}"

    def keep(self) -> str:
        """Make again what was removed; what is wrong, or nothing. Never raises.

        A warning is logged when the socket had to be bound again, and an error when something
        cannot be made: once, until that changes. A record that leads to no socket is taken away.
        """
        try:
            bound = self._bind_if_gone()
            self._show(self.record)
        except OSError as error:
            self._despair(str(error))
            return self._trouble
        if bound or self._trouble:
            _log.warning(
                "%s was removed; this node has bound it again, and can be found by new peers (%s)",
                self._path,
                _KEEP,
            )
        self._trouble = ""
        return ""

    def _bind_if_gone(self) -> bool:
        if self._bind_again is None or self._path.is_socket():
            return False
        self._directory.make_again()
        self._bind_again(self._endpoint)
        return True

    def _show(self, record: Record) -> None:
        if not record.endpoints:
            self._directory.withdraw()
        elif record != self._shown or not self._directory.announced():
            self._directory.announce(record)
        self._shown = record

    def _despair(self, why: str) -> None:
        if why != self._trouble:
            _log.error(
                "new peers on this machine cannot find this node: its files in %s were removed and "
                "cannot be made again: %s. Sessions go on. Make that directory usable, and the "
                "node comes back within seconds; or restart it with another XDG_RUNTIME_DIR (%s)",
                self._path.parent,
                why,
                _KEEP,
            )
        self._trouble = why
        # The directory may be gone, or read-only: then there is no record, or no way to remove it.
        with contextlib.suppress(OSError):
            if self._bind_again is not None and not self._path.is_socket():
                others = [e for e in self.record.endpoints if e != self._endpoint]
                self._show(replace(self.record, endpoints=tuple(others)))
