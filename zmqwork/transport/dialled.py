"""The links that a loop has dialled: opened, greeted by key, and closed as the machine says."""

from __future__ import annotations

import selectors
from collections.abc import Callable

import zmq

from zmqwork.core.effects import Dial, HangUp, Send
from zmqwork.core.events import Event
from zmqwork.core.link_events import LinkDenied, LinkDown
from zmqwork.transport.curve import DENIED, GREETED
from zmqwork.transport.dealer import Dealer
from zmqwork.transport.guard import Guard


class Dialled:
    """The DEALERs of one loop, by link. Bound: those that the machine dials.

    Args:
        context, selector: the loop's.
        guard: its keys, if it has some.
        post: gives the machine an event in the next turn.
        unread: marks a socket that has, perhaps, something to read.
        read: marks one that is not to be read any more.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        selector: selectors.BaseSelector,
        guard: Guard | None,
        *,
        post: Callable[[Event], None],
        unread: Callable[[Dealer], object],
        read: Callable[[Dealer], object],
    ) -> None:
        self._context = context
        self._selector = selector
        self._guard = guard
        self._post = post
        self._unread = unread
        self._read = read
        self._dealers: dict[int, Dealer] = {}

    def dial(self, effect: Dial) -> None:
        """Open a link; to a key of the roster, where there are keys, or not at all."""
        keys = None
        if self._guard is not None:
            keys = self._guard.keys_for(effect.fingerprint)
            if keys is None:
                self._post(LinkDown(effect.link))
                return
        try:
            dealer = Dealer(self._context, effect.link, effect.endpoint, keys)
        except zmq.ZMQError:
            self._post(LinkDown(effect.link))
            return
        self._dealers[effect.link] = dealer
        self._selector.register(dealer.fd, selectors.EVENT_READ, lambda: self._unread(dealer))
        self._unread(dealer)
        if dealer.handshake is not None:
            fd = dealer.handshake.fd
            self._selector.register(fd, selectors.EVENT_READ, lambda: self._look_at(dealer))
            self._look_at(dealer)

    def hang_up(self, effect: HangUp) -> None:
        """Close a link."""
        dealer = self._dealers.pop(effect.link, None)
        if dealer is not None:
            self._selector.unregister(dealer.fd)
            self._read(dealer)
            self._end_handshake(dealer)
            dealer.close(farewell=effect.farewell)

    def send(self, effect: Send) -> None:
        """Send over a link; the machine is told if nobody is there any more."""
        assert isinstance(effect.link, int)
        dealer = self._dealers.get(effect.link)
        if dealer is None:
            return
        if dealer.send(effect.number, effect.message):
            self._unread(dealer)
        else:
            self._post(LinkDown(effect.link))

    def close(self) -> None:
        """Close them all."""
        for dealer in self._dealers.values():
            dealer.close()
        self._dealers.clear()

    def _look_at(self, dealer: Dealer) -> None:
        """Whether its handshake is over."""
        if dealer.handshake is None or not (result := dealer.handshake.result()):
            return
        self._end_handshake(dealer)
        if result != GREETED:
            self._post(LinkDenied(dealer.link, by_peer=result == DENIED))

    def _end_handshake(self, dealer: Dealer) -> None:
        if dealer.handshake is not None:
            self._selector.unregister(dealer.handshake.fd)
            dealer.end_handshake()
