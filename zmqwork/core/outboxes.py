"""All outboxes of a worker: one for each inbox, and for each sink without one."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from zmqwork.core.bundle import Bundle
from zmqwork.core.clients import Account
from zmqwork.core.messages import HELD_DONE
from zmqwork.core.outbox import Outbox

# The key of an inbox's outbox begins with this; that of another one is its node's id.
_INBOX = "inbox "


def key_of(node_id: str, inbox: str) -> str:
    """Under which the outbox of an inbox is known, or that of a node without one."""
    return _INBOX + inbox if inbox else node_id


class Outboxes:
    """Outboxes by key. Bound: each has a session, or at least one result.

    Attributes:
        touched: those with something to do in this turn.
        changed: whether accounts have other results on their way than at the last look, and that
            is told to them by nothing else.
    """

    __slots__ = ("_by_key", "_number", "changed", "touched")

    def __init__(self) -> None:
        self._by_key: dict[str, Outbox] = {}
        # No outbox begins with a number below this: a sink may yet ack what another one has sent.
        self._number = 0
        self.touched: dict[Outbox, None] = {}
        self.changed = False

    def __iter__(self) -> Iterator[Outbox]:
        return iter(list(self._by_key.values()))

    def get(self, key: str) -> Outbox | None:
        """The outbox with this key, if there is one."""
        return self._by_key.get(key)

    def of(self, key: str) -> Outbox:
        """The outbox with this key, known or new; it has something to do."""
        outbox = self._by_key.get(key)
        if outbox is None:
            label = key if key.startswith(_INBOX) else f"sink #{key[:4]}"
            outbox = self._by_key[key] = Outbox(key, label, self._number)
        self.touched[outbox] = None
        return outbox

    def forget(self, outbox: Outbox) -> None:
        """Nothing is in it, and no sink takes from it."""
        self._number = max(self._number, outbox.number)
        self.touched.pop(outbox, None)
        del self._by_key[outbox.key]

    @property
    def count(self) -> int:
        """Results that are not acked."""
        return sum(outbox.count for outbox in self._by_key.values())

    @property
    def weight(self) -> int:
        """What they take in memory, about, in bytes."""
        return sum(outbox.weight for outbox in self._by_key.values())

    def absorb(self, outbox: Outbox) -> None:
        """Count what this turn has brought to it."""
        self.changed = outbox.absorb() or self.changed

    def take(
        self, account: Account, seqs: Collection[int], *, unsent: bool = False
    ) -> list[tuple[Outbox, Bundle]]:
        """Take out the results of these tasks, wherever they are; `unsent`: as `Outbox.take`."""
        taken = []
        for outbox in self:
            self.absorb(outbox)
            bundles = outbox.take(account, seqs, unsent=unsent)
            if bundles:
                self.touched[outbox] = None
                taken += [(outbox, bundle) for bundle in bundles]
        return taken

    def disown(self, account: Account) -> None:
        """Nobody is told of this account's results any more; they are delivered all the same."""
        for outbox in self:
            self.absorb(outbox)
            outbox.disown(account)

    def begin_epoch(self, account: Account) -> None:
        """Another process of this account's producer has come: these are its attempts 0."""
        for outbox in self:
            self.absorb(outbox)
            for bundle in outbox:
                if bundle.account is account:
                    bundle.attempts = [0] * len(bundle)

    def inventory(self, account: Account) -> list[list[int]]:
        """The results of this account: [seq, attempt, HELD_DONE] each."""
        held = []
        for outbox in self:
            self.absorb(outbox)
            for bundle in outbox:
                if bundle.account is account:
                    pairs = zip(bundle.seqs, bundle.attempts, strict=True)
                    held += [[seq, attempt, HELD_DONE] for seq, attempt in pairs]
        return held

    def status(self) -> list[dict[str, Any]]:
        """Each of them, as plain values."""
        return [
            {
                "name": outbox.label,
                "node_id": outbox.peer.node_id if outbox.peer is not None else "",
                "inbox": outbox.key.removeprefix(_INBOX) if outbox.key.startswith(_INBOX) else "",
                "connected": outbox.peer is not None,
                "results": outbox.count,
                "bytes": outbox.size_bytes,
            }
            for outbox in self
        ]
