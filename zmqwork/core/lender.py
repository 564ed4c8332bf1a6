"""What a worker lends: how many attempts each producer may have here, and when it is told.

A producer counts an attempt until DONE, so one whose result is on its way to a sink would keep
from its slot what could run there. Its credit is therefore a part of the window, and an **extra**
for such results.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

from zmqwork.config import WorkerConfig
from zmqwork.core.clients import Account
from zmqwork.core.listener import Listener
from zmqwork.core.messages import Credit
from zmqwork.core.window import STEP, Window, adjust, share

# Attempts lent over all producers for results that are on their way: more wait with their
# producers until a sink has stored some.
EXTRA_MAX = 4096


class Lender:
    """Shares the window among the producers, and tells those for whom much changed.

    Attributes:
        is_stale: whether something has changed since the last `grant`.
    """

    __slots__ = ("_config", "_listener", "_window", "is_stale")

    def __init__(self, config: WorkerConfig, window: Window, listener: Listener) -> None:
        self._config = config
        self._window = window
        self._listener = listener
        self.is_stale = False

    def grant(self, accounts: Sequence[Account], full: Container[Account]) -> None:
        """Share slots and prefetch; those in `full` get no more for results on their way."""
        self.is_stale = False
        total = self._window.total()
        exact = self._is_exact(total)
        parts = [account.limit - account.extra for account in accounts]
        told: dict[int, int] = {}
        if parts != [total]:  # (the usual turn: one producer, which knows)
            shares = share(total, [(a.backlog > 0, len(a.held)) for a in accounts])
            told = dict(adjust(total, parts, shares, exact=exact))
        left = EXTRA_MAX
        # First those that `adjust` has put into an order: what was lowered before what was raised.
        for index in [*told, *(i for i in range(len(accounts)) if i not in told)]:
            account = accounts[index]
            part = told.get(index, parts[index])
            extra = min(left, _extra(account, part, exact=exact))
            if account in full:
                extra = min(extra, account.extra)
            # (What others were lent in this turn is gone, however little it is that is too much.)
            due = index in told or account.extra > left
            if due or _is_worth(account, part, extra, exact=exact):
                account.extra = extra
                self._tell(account, part + extra)
            left -= account.extra

    def take_back(self, account: Account) -> None:
        """Its results were stored: tell that before their DONE is said.

        The other way round it would send one more task for each, which no slot waits for.
        """
        total = self._window.total()
        exact = self._is_exact(total)
        part = account.limit - account.extra
        if part > total:
            self.is_stale = True  # it must not be told again without being lowered
        extra = min(account.extra, _extra(account, part, exact=exact))
        if _is_worth(account, part, extra, exact=exact):
            account.extra = extra
            self._tell(account, part + extra)

    def stop(self, account: Account) -> None:
        """It gets nothing more, and knows that."""
        account.limit = account.extra = 0

    def withhold(self, account: Account) -> None:
        """It gets nothing more until the next `grant`, and is told."""
        account.extra = 0
        self._tell(account, 0)

    def forget(self, account: Account) -> None:
        """What was told before is not known in its new session."""
        account.limit, account.extra = -1, 0
        self.is_stale = True

    def _is_exact(self, total: int) -> bool:
        return total <= self._config.slots  # long tasks: each slot counts

    def _tell(self, account: Account, limit: int) -> None:
        account.limit = limit
        credit = Credit(limit, self._config.credit_bytes, account.extra)
        self._listener.send(account.client, credit)


def _extra(account: Account, part: int, *, exact: bool) -> int:
    """What an account may have for results on their way.

    One half of a window with prefetch is meant for outcomes on their way, whatever that is.
    """
    return max(0, account.finished - (0 if exact else part // 2))


def _is_worth(account: Account, part: int, extra: int, *, exact: bool) -> bool:
    """Whether this change of its extra is to be told."""
    return abs(extra - account.extra) >= (1.0 if exact else max(1.0, STEP * part))
