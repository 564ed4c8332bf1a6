"""What handlers say while they run, on its way to producers: progress, checkpoints, parts.

Progress and checkpoints are the newest of their kind, and go now and then; parts go at once, in
order, and are kept until they are acked or the outcome behind them is. In a new session everything
that is kept is said again, as outcomes are.
"""

from __future__ import annotations

from collections.abc import Sequence

from zmqwork.core.advance import Advance
from zmqwork.core.clients import Account, Held
from zmqwork.core.effects import Effect, Grant
from zmqwork.core.listener import Listener
from zmqwork.core.progress import PROGRESS_MAX, Advanced, Parts, PartsAck, Progress, Yielded
from zmqwork.core.slots import Slot
from zmqwork.core.timers import Timers

# Between two PROGRESS for one producer: what is said in between of an attempt takes the place of
# what was said before. A person does not see more, and a checkpoint loses no more.
_PROGRESS_INTERVAL = 0.2


class Advances:
    """Sends what running attempts say.

    Args:
        slots: the worker's.
        timers: ("advances", node id): when progress may go again.
        listener: the sessions with producers.
        out: where effects go.
    """

    __slots__ = ("_listener", "_out", "_slots", "_timers", "_turned")

    def __init__(
        self, slots: Sequence[Slot], timers: Timers, listener: Listener, out: list[Effect]
    ) -> None:
        self._slots = slots
        self._timers = timers
        self._listener = listener
        self._out = out
        # Accounts of which something was not sent. Bound: the accounts.
        self._turned: dict[Account, None] = {}

    def advanced(self, event: Advanced) -> None:
        """A handler says how far it is, or leaves a checkpoint."""
        advance = self._of(event.attempt)
        if advance is not None:
            advance.said |= event.said
            advance.is_fresh = True

    def yielded(self, event: Yielded) -> None:
        """A handler has yielded parts."""
        advance = self._of(event.attempt)
        if advance is not None:
            if not advance.parts:
                advance.first = advance.sent = event.first
            advance.parts += event.values

    def _of(self, held: Held) -> Advance | None:
        """What this attempt has said so far; None: nobody wants to hear it any more."""
        account = held.account
        if account.held.get(held.seq) is not held:
            return None
        self._turned[account] = None
        advance = account.advances.get(held.seq)
        if advance is None or advance.held is not held:
            advance = account.advances[held.seq] = Advance(held)
        return advance

    def resumed(self, account: Account) -> None:
        """A session has begun: everything is said again."""
        account.advanced_at = float("-inf")
        for advance in account.advances.values():
            advance.sent = advance.first
            advance.is_fresh = bool(advance.said)
            self._turned[account] = None

    def acked(self, account: Account, message: PartsAck) -> None:
        """The application has taken parts: forget them, and let the handler go on."""
        advance = account.advances.get(message.seq)
        if advance is None:
            return
        advance.forget(message.count)
        for slot in self._slots:
            if advance.held in slot.given:
                self._out.append(Grant(slot.index, advance.held, message.count))

    def send(self, now: float, *, hurry: bool = False) -> None:
        """Say what is new: parts before what their outcome says, or a checkpoint that counts them.

        `hurry`: progress, too, though some was sent just now.
        """
        turned, self._turned = self._turned, {}
        for account in turned:
            self._send_parts(account)
            due_at = account.advanced_at + _PROGRESS_INTERVAL
            fresh = [advance for advance in account.advances.values() if advance.is_fresh]
            ready = [advance for advance in fresh if hurry or now >= due_at or advance.has_ended]
            self._send_progress(account, ready, now)
            if len(ready) < len(fresh):
                self._turned[account] = None
                self._timers.set_default(("advances", account.client.node_id), due_at)

    def _send_parts(self, account: Account) -> None:
        for seq, advance in account.advances.items():
            while advance.unsent:
                values = advance.next_parts()
                self._listener.send(account.client, Parts(seq, advance.sent, values))
                advance.sent += len(values)

    def _send_progress(self, account: Account, fresh: list[Advance], now: float) -> None:
        for first in range(0, len(fresh), PROGRESS_MAX):
            some = fresh[first : first + PROGRESS_MAX]
            message = Progress(
                [advance.held.seq for advance in some],
                [advance.held.attempt for advance in some],
                [dict(advance.said) for advance in some],
            )
            if account.client.hears_progress:
                self._listener.send(account.client, message)
            account.advanced_at = now
        for advance in fresh:
            advance.is_fresh = False
