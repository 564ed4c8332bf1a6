"""`Progress`: how far a running task is, as its handler says."""

from __future__ import annotations

from typing import NamedTuple


class Progress(NamedTuple):
    """What `Context.progress` was called with last, as `TaskFuture.progress` has it.

    Attributes:
        fraction: how much is done, from 0 to 1; None: that was never said.
        note: what it does, for people; empty: nothing was said.
    """

    fraction: float | None = None
    note: str = ""
