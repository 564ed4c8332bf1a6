"""What a worker tells its producers at the end of a turn: what has ended, and what has begun."""

from __future__ import annotations

from zmqwork.core.clients import Account
from zmqwork.core.complaints import Complaints
from zmqwork.core.deliverer import Deliverer
from zmqwork.core.effects import Effect
from zmqwork.core.feeder import Feeder
from zmqwork.core.lender import Lender
from zmqwork.core.listener import Listener
from zmqwork.core.messages import Started


class News:
    """Sends what the slots have piled up.

    Args:
        accounts: the worker's producers, by node id; the one that was served goes last.
        feeder, deliverer, lender, listener: its parts.
        out: where effects go.
    """

    __slots__ = ("_accounts", "_complaints", "_deliverer", "_feeder", "_lender", "_listener")

    def __init__(
        self,
        accounts: dict[str, Account],
        feeder: Feeder,
        deliverer: Deliverer,
        lender: Lender,
        listener: Listener,
        out: list[Effect],
    ) -> None:
        self._accounts = accounts
        self._feeder = feeder
        self._deliverer = deliverer
        self._lender = lender
        self._listener = listener
        self._complaints = Complaints(out)

    def send(self, now: float) -> None:
        """Say what this turn has ended, and what it has begun."""
        if self._deliverer.flush(now):
            self._lender.is_stale = True
        for account in self._feeder.turned:
            node_id = account.client.node_id
            if self._accounts.get(node_id) is not account:
                continue  # its producer was given up meanwhile
            self._complaints.tell(account, now)
            if account.extra:
                self._lender.take_back(account)
            if account.outcomes:
                for done in account.post(now):
                    self._listener.send(account.client, done)
                self._lender.is_stale = True
                # Whoever was served goes last, so that what does not divide goes round.
                self._accounts[node_id] = self._accounts.pop(node_id)
            started = [h for h in account.started if h.seq in account.held]
            account.started.clear()
            if started:
                seqs, attempts = [h.seq for h in started], [h.attempt for h in started]
                self._listener.send(account.client, Started(seqs, attempts))
        self._feeder.turned.clear()
