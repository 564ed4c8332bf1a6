"""Accounts of producers that are gone, and may come back with the same tasks: they have journals.

What runs for such a producer goes on, and its outcomes are kept for its next process; what had not
begun is dropped, because the journal has it. The next process greets under the same node id and
with a greater epoch; attempts of all epochs before are its attempts 0.
"""

from __future__ import annotations

from collections.abc import Callable

from zmqwork.core.clients import Account
from zmqwork.core.timers import Timers

# For so long the outcomes are kept, in seconds; and of so many producers, the newest.
KEPT_TIMEOUT = 600.0
ORPHANS_MAX = 64


class Orphans:
    """The accounts that wait for their producers.

    Args:
        timers: ("orphan", node id) of the worker.
        drop: ends an account for good.
    """

    __slots__ = ("_accounts", "_drop", "_timers")

    def __init__(self, timers: Timers, drop: Callable[[Account, float], None]) -> None:
        self._timers = timers
        self._drop = drop
        self._accounts: dict[str, Account] = {}

    def __contains__(self, account: Account) -> bool:
        return account.client.node_id in self._accounts

    def keep(self, account: Account, now: float) -> None:
        """Its producer is gone; it has something that will be asked for."""
        node_id = account.client.node_id
        self._accounts[node_id] = account
        self._timers.set(("orphan", node_id), now + KEPT_TIMEOUT)
        if len(self._accounts) > ORPHANS_MAX:
            self.due(next(iter(self._accounts)), now)

    def reclaim(self, node_id: str) -> None:
        """Its producer is back, if it was gone."""
        if self._accounts.pop(node_id, None) is not None:
            self._timers.cancel(("orphan", node_id))

    def due(self, node_id: str, now: float) -> None:
        """It is waited for no longer."""
        account = self._accounts[node_id]
        self.reclaim(node_id)
        self._drop(account, now)

    def drop_all(self, now: float) -> None:
        """The worker leaves: what runs for them is not waited for."""
        for node_id in list(self._accounts):
            self.due(node_id, now)
