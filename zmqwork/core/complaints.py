"""What a worker tells its log of attempts that failed."""

from __future__ import annotations

from zmqwork.core.clients import Account
from zmqwork.core.effects import Effect, Notice
from zmqwork.core.messages import LOST, Failure

# Failures are told at most so often: a bad release fails by the thousand. Crashes always are.
_INTERVAL = 1.0


class Complaints:
    """Tells of crashes, and of failures: the first of a while, and a count."""

    __slots__ = ("_out", "_told_at", "_untold")

    def __init__(self, out: list[Effect]) -> None:
        self._out = out
        self._told_at = float("-inf")
        self._untold = 0

    def tell(self, account: Account, now: float) -> None:
        """Look at what this turn ended for the account."""
        failures = account.outcomes.failures
        if not failures:
            return
        self._untold += len(failures)
        crashes = [failure for failure in failures if failure.outcome == LOST]
        if not crashes and now < self._told_at + _INTERVAL:
            return
        self._told_at = now
        failure = (crashes or failures)[0]
        more = f" (and {self._untold - 1} more)" if self._untold > 1 else ""
        self._untold = 0
        client = account.client
        data = {
            "task_id": f"{client.node_id[:8]}-{failure.seq}",
            "attempt": failure.attempt,
            "outcome": failure.outcome,
            "node_id": client.node_id,
            "name": client.name,
        }
        text = f"task {data['task_id']}, attempt {failure.attempt}: {_why(failure)}{more}"
        self._out.append(Notice("attempt_" + failure.outcome, text, data))


def _why(failure: Failure) -> str:
    error = failure.error
    died = error.get("signal") or error.get("exit_code")
    if died is not None:
        return f"its process died ({died})"
    return f"{error.get('type')}: {error.get('text')}"
