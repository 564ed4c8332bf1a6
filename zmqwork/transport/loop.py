"""The one thread of a node that owns its sockets: wait, handle, tick, perform.

The loop decides nothing. It sleeps until the machine's deadline or until something happens, takes
in what has piled up, lets the machine handle it as one turn, and performs the effects. What is not
about sockets (futures, slots, notices) is performed by the node that owns the loop.
"""

from __future__ import annotations

import logging
import selectors
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import zmq

from zmqwork.core.effects import Dial, Effect, Forget, HangUp, Probe, Rebind, Send, Suspend
from zmqwork.core.events import Event
from zmqwork.core.lag import earliest
from zmqwork.core.link_events import Garbled, Probed
from zmqwork.security.pairs import Pair
from zmqwork.transport import clock
from zmqwork.transport.dealer import Dealer
from zmqwork.transport.dialled import Dialled
from zmqwork.transport.errands import Errands
from zmqwork.transport.guard import POLL_INTERVAL, Guard
from zmqwork.transport.probe import Probes
from zmqwork.transport.router import Router
from zmqwork.transport.wakeup import Wakeup
from zmqwork.transport.zap import Gatekeeper

_MAX_SOCKETS = 8192

# After so many turns on posted events alone the descriptors are looked at again.
_TURNS_UNREAD_MAX = 4

# An address that somebody took while it was bound anew.
_BIND_INTERVAL = 1.0

_log = logging.getLogger("zmqwork")


class Machine(Protocol):
    """What a loop drives (`zmqwork.core`)."""

    def handle(self, event: Any, now: float) -> list[Effect]:
        """Take an event."""

    def tick(self, now: float) -> list[Effect]:
        """Draw the consequences of this turn."""

    def deadline(self) -> float | None:
        """When to tick without an event."""


class Feed(Protocol):
    """Where a node's own thread-safe input comes from, besides `post`."""

    def __bool__(self) -> bool:
        """Whether something waits."""

    def take(self) -> list[Event]:
        """Everything that waits."""


class Loop:
    """One thread's worth of sockets around one machine.

    Args:
        machine: what decides.
        perform: what to do with the effects that are not about sockets.
        gone: whether discovery can prove that the process of a peer is gone, by the peer's key.
        feed: further input.
        after_turn: called at the end of each turn; True asks for another turn at once.

    Attributes:
        failed: whether the thread ended by an exception.
        watch, unwatch, watch_writable, call_later: as `errands` has them.
    """

    def __init__(
        self,
        machine: Machine,
        perform: Mapping[type[Any], Callable[[Any], None]],
        *,
        gone: Callable[[str], bool],
        feed: Feed | None = None,
        after_turn: Callable[[], bool] | None = None,
        make_guard: Callable[[zmq.Context[zmq.Socket[bytes]]], Guard] | None = None,
    ) -> None:
        self._machine = machine
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._context.set(zmq.MAX_SOCKETS, _MAX_SOCKETS)
        self._selector = selectors.DefaultSelector()
        self._wakeup = Wakeup()
        self._selector.register(self._wakeup.fd, selectors.EVENT_READ, self._woken_up)
        # Before anything is bound: nobody gets in unseen.
        self._guard = guard = None if make_guard is None else make_guard(self._context)
        self._router = Router(self._context, None if guard is None else guard.pair)
        self._selector.register(self._router.fd, selectors.EVENT_READ, self._router_ready)
        self._probes = Probes(self._selector)
        self._gone = gone
        self._feed = feed
        self._after_turn = after_turn
        # Bound: what one turn reads, and what nodes post.
        self._inbox: deque[Event] = deque(() if guard is None else (guard.rostered(),))
        # Sockets to read in this turn, and those to look at again before sleeping: their
        # descriptors signal edges only, and a send may swallow one.
        self._unread: dict[int, Dealer | Router | Gatekeeper] = {}
        self._dialled = Dialled(
            self._context,
            self._selector,
            guard,
            post=self._inbox.append,
            unread=lambda dealer: self._unread.update({dealer.fd: dealer}),
            read=lambda dealer: self._unread.pop(dealer.fd, None),
        )
        self._seen: list[Event] = []
        self._events: deque[Event] = deque()  # of this turn
        self._undone: list[Effect] = []
        self._again = False
        self._turns_unread = 0
        self._errands = errands = Errands(self._selector)
        self.watch, self.unwatch = errands.watch, errands.unwatch
        self.watch_writable, self.call_later = errands.watch_writable, errands.call_later
        if guard is not None:
            self._selector.register(guard.keeper.fd, selectors.EVENT_READ, self._keeper_asked)
            self._watch_keys(guard)
        visitors = self._router.watch(self._context, errands, self._hostile)
        self._selector.register(visitors.fd, selectors.EVENT_READ, visitors.read)
        self._asleep = False
        self._woken = False
        self._stopping = False
        self._closed = False
        self._thread: threading.Thread | None = None
        self.failed = False
        self._perform: dict[type[Any], Callable[[Any], None]] = {
            Dial: self._dialled.dial,
            HangUp: self._dialled.hang_up,
            Send: self._send,
            Forget: lambda effect: self._router.forget(effect.link),
            Suspend: self._suspend,
            Rebind: lambda _: self._rebind(),
            Probe: self._probe,
            **perform,
        }

    # -- any thread ---------------------------------------------------------------------------

    def post(self, event: Event) -> None:
        """Give the machine an event. From any thread, and from a signal handler."""
        self._inbox.append(event)
        self.wake()

    def wake(self) -> None:
        """Let the loop look at its input, if it sleeps."""
        if self._asleep:
            self._asleep = False
            self._wakeup.set()

    def clock(self) -> float:
        """The instant that the machine would be told now."""
        return clock.now()

    def bind(self, endpoints: Sequence[str]) -> list[str]:
        """Bind before `start`; the real endpoints.

        Raises:
            TransportError: an address is taken, or is not of this machine.
            KeysError: there are keys, and somebody without one gets in all the same.
        """
        bound = [self._router.bind(endpoint) for endpoint in endpoints]
        if self._guard is not None:
            self._guard.check(bound)
        return bound

    def start(self, name: str, prepare: Callable[[], None], finish: Callable[[], None]) -> None:
        """Run in a thread of its own; `prepare` and `finish` run in it, first and last."""

        def run() -> None:
            try:
                prepare()
                while not self._stopping:
                    self._turn()
            except BaseException:  # noqa: BLE001  # whatever it is, it is logged, and ends the node
                # A bug of ours, and nobody above to tell: the node ends as if it had been killed.
                self.failed = True
                _log.critical("the I/O thread of %s failed: this node is gone", name, exc_info=True)
            finally:
                try:
                    finish()
                finally:
                    self.close()

        self._thread = threading.Thread(target=run, name=name, daemon=True)
        self._thread.start()

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the thread has ended; False if the time was over first."""
        if self._thread is not None:
            self._thread.join(timeout)
            return not self._thread.is_alive()
        return True

    @property
    def on_loop_thread(self) -> bool:
        """Whether the caller is the loop's own thread."""
        return threading.current_thread() is self._thread

    # -- the loop's own thread ----------------------------------------------------------------

    def stop(self) -> None:
        """End after this turn."""
        self._stopping = True

    def bind_again(self, endpoint: str) -> None:
        """As `router.Router` has it. Raises `TransportError`."""
        self._router.bind_again(endpoint)
        self._router_ready()  # the call may have taken an edge of the descriptor

    def untaken(self) -> list[Event]:
        """What a turn that failed has not given to the machine."""
        return list(self._events)

    def undone(self) -> list[Effect]:
        """What the machine has decided, behind the effect that failed."""
        return self._undone

    def close(self) -> None:
        """Close everything; does nothing the second time. Not while the thread runs."""
        if self._closed:
            return
        self._closed = True
        self._probes.close()
        self._dialled.close()
        self._router.close()
        if self._guard is not None:
            self._guard.close()
        self._selector.close()
        self._context.term()  # bounded by the farewell's linger
        # The wake-up's descriptor stays open until nobody can call `post` any more: a number
        # that is used again would be written to.

    def __del__(self) -> None:
        self._wakeup.close()

    def _turn(self) -> None:
        if self._inbox and self._turns_unread < _TURNS_UNREAD_MAX:
            self._turns_unread += 1  # what is here already need not wait for a look at the sockets
        else:
            self._turns_unread = 0
            self._wait()
        now = self.clock()
        self._errands.run_due(now)
        self._read()
        inbox = self._inbox
        posted = len(inbox)
        # After the others are read, and before them: what was said or posted may be about it.
        events = self._events = deque(self._feed.take() if self._feed else ())
        events += self._seen
        self._seen = []
        events += [inbox.popleft() for _ in range(posted)]
        handle = self._machine.handle
        while events:
            effects = handle(events.popleft(), now)
            if effects:
                self._do(effects)
        effects = self._machine.tick(now)
        if effects:
            self._do(effects)
        if self._after_turn is not None and self._after_turn():
            self._again = True
        self._read()

    def _wait(self) -> None:
        if self._woken:
            # Not at once: reading lets go of the interpreter, and whoever woke us would have it
            # in the middle of our turn.
            self._woken = False
            self._wakeup.clear()
        self._asleep = True
        ready = self._selector.select(self._timeout())
        self._asleep = False
        for key, _ in ready:
            key.data()

    def _read(self) -> None:
        """Read what is marked; what has more to give, or was sent on, stays marked."""
        unread, self._unread = self._unread, {}
        for fd, socket in unread.items():
            if socket.receive(self._seen):
                self._unread[fd] = socket

    def _timeout(self) -> float | None:
        """Seconds to sleep: none if something waits already."""
        if self._again or self._inbox or self._unread or self._seen or self._feed:
            self._again = False
            return 0.0
        deadline = earliest(self._machine.deadline(), self._errands.deadline())
        if deadline is None:
            return None
        # A hair later than the deadline, rather than twice: once too early, once to act.
        return max(0.0, deadline - self.clock()) + 0.0001

    def _do(self, effects: list[Effect]) -> None:
        perform = self._perform
        undone = iter(effects)
        try:
            for effect in undone:
                perform[type(effect)](effect)
        except BaseException:
            self._undone += undone
            raise

    def _woken_up(self) -> None:
        self._woken = True

    # -- keys ---------------------------------------------------------------------------------

    def _keeper_asked(self) -> None:
        assert self._guard is not None
        self._unread[self._guard.keeper.fd] = self._guard.keeper

    def _watch_keys(self, guard: Guard) -> None:
        guard.poll(self._inbox.append, self._rebind)
        self.call_later(POLL_INTERVAL, lambda: self._watch_keys(guard))

    def _suspend(self, effect: Suspend) -> None:
        assert self._guard is not None
        self._guard.suspend(effect.fingerprint, effect.seconds)

    def _rebind(self, pair: Pair | None = None) -> None:
        self._bound_anew(self._router.rebind(pair))

    def _bound_anew(self, why: str) -> None:
        """Try until somebody else lets go of an address that was ours; `why` it is not bound."""
        if why:
            _log.error("this node cannot be reached there, and tries again: %s", why)
            self.call_later(_BIND_INTERVAL, lambda: self._bound_anew(self._router.bind_unbound()))
        self._router_ready()

    # -- sockets ------------------------------------------------------------------------------

    def _hostile(self, link: bytes, fingerprint: str, why: str) -> None:
        self._inbox.append(Garbled(link, why, fingerprint))

    def _router_ready(self) -> None:
        self._unread[self._router.fd] = self._router

    def _send(self, effect: Send) -> None:
        if isinstance(effect.link, bytes):
            down = self._router.send(effect.link, effect.number, effect.message)
            self._unread[self._router.fd] = self._router
            if down is not None:
                self._inbox.append(down)
        else:
            self._dialled.send(effect)

    def _probe(self, effect: Probe) -> None:
        key = effect.key
        if self._gone(key):
            self._inbox.append(Probed(key, gone=True))
            return
        self._probes.start(key, effect.endpoint, lambda gone: self.post(Probed(key, gone)))
