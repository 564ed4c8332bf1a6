"""Who may connect to the sockets of a user's own thread: a thread answers while user code runs."""

from __future__ import annotations

import logging
import selectors
import threading
from collections.abc import Callable, Sequence

import zmq

from zmqwork.core.link_events import Rostered
from zmqwork.errors import TransportError
from zmqwork.security.audit import Audit
from zmqwork.security.gate import Gate
from zmqwork.security.keyring import Watched
from zmqwork.security.pairs import Pair
from zmqwork.transport import clock, selftest
from zmqwork.transport.guard import POLL_INTERVAL, Guard
from zmqwork.transport.wakeup import Wakeup

_log = logging.getLogger("zmqwork")


class Porter:
    """The keys of one `pushpull.Sockets`, at work.

    Its thread owns the gatekeeper, and looks at the files. All else is the user's thread's, which
    ends the connections of keys that are let in no more: `take_stale` says when.

    Args:
        context: of the sockets; none may be bound yet.
        keys: the keyring.
        roles: those whose keys are let in.
        audit: where it notes; it is closed with this.

    Raises:
        TransportError: the system gives no more threads.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        keys: Watched,
        roles: frozenset[str],
        audit: Audit,
    ) -> None:
        self._audit = audit
        self._gate = Gate(keys, roles, clock.now, audit.note)
        self._guard = Guard(context, keys, self._gate)
        self._stale = threading.Event()
        self._closing = False
        self._wakeup = Wakeup()
        self._thread = threading.Thread(target=self._work, name="zmqwork-porter", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            self._guard.close()
            self._wakeup.close()
            raise TransportError(f"there is no thread to answer who may connect: {error}") from None

    @property
    def pair(self) -> Pair:
        """The own key, of today."""
        return self._guard.pair

    def check(self, endpoints: Sequence[str], kind: int) -> None:
        """The self-test of a socket that is bound to these.

        Args:
            endpoints: where.
            kind: of the sockets that talk to it.

        Raises:
            KeysError: somebody got in who must not.
        """
        selftest.check(endpoints, self.pair, lambda: None, self._gate.expect_stranger, kind)

    def take_stale(self) -> bool:
        """Whether connections have to end; asked once, it is so no more."""
        if not self._stale.is_set():
            return False
        self._stale.clear()
        self._gate.forget_guests()
        return True

    def close(self) -> None:
        """Let nobody in any more, and end. Call it before the context is terminated."""
        self._closing = True
        if threading.current_thread() is self._thread:  # which has collected what was forgotten
            self._guard.close()
        else:
            self._wakeup.set()
            self._thread.join()
            self._wakeup.close()
        self._audit.close()

    # -- its thread ---------------------------------------------------------------------------

    def _work(self) -> None:
        poll_at = 0.0
        with selectors.DefaultSelector() as selector:
            selector.register(self._guard.keeper.fd, selectors.EVENT_READ)
            selector.register(self._wakeup.fd, selectors.EVENT_READ)
            while not self._closing:
                more, now = False, clock.now()
                try:
                    more = self._guard.keeper.receive([])
                    if now >= poll_at:
                        poll_at = now + POLL_INTERVAL
                        self._guard.poll(self._rostered, self._rekeyed)
                except Exception:  # noqa: BLE001 - whoever answers must not be the one who ends
                    _log.exception("who may connect is not known, and nobody is let in")
                selector.select(0.0 if more else max(0.0, poll_at - clock.now()))
        self._guard.close()

    def _rostered(self, rostered: Rostered) -> None:
        del rostered
        if self._gate.is_overstayed():
            self._stale.set()

    def _rekeyed(self, pair: Pair) -> None:
        del pair
        self._stale.set()


# What `Sockets` makes its porter with.
Hire = Callable[[zmq.Context[zmq.Socket[bytes]]], Porter]


def hiring(keys: Watched, roles: frozenset[str], audit: Audit) -> Hire:
    """How to make a porter of such sockets."""
    return lambda context: Porter(context, keys, roles, audit)
