"""Who has a connection to our bound socket, by descriptor: to count, to judge, and to end one.

libzmq has no call to end one connection of a ROUTER. But its monitor tells the descriptor of each,
and whoever shuts a descriptor down ends the session behind it, with all that it has not completed.
"""

from __future__ import annotations

import logging
import socket as sockets
import sys
from collections.abc import Callable
from contextlib import suppress

import zmq

from zmqwork.transport import clock
from zmqwork.transport.crowding import Crowd
from zmqwork.transport.deaf import Deaf
from zmqwork.transport.descriptors import borrow, cookie_of, traffic_of
from zmqwork.transport.endless import Endless
from zmqwork.transport.errands import Errands
from zmqwork.transport.giving_back import give_back
from zmqwork.transport.monitor import Monitor
from zmqwork.transport.strangers import Strangers

_log = logging.getLogger("zmqwork")

_LISTENING = int(zmq.EVENT_LISTENING)
_UNBOUND = int(zmq.EVENT_CLOSED)
_REFUSED = int(zmq.EVENT_ACCEPT_FAILED)
_OPENED = int(zmq.EVENT_ACCEPTED)
_CLOSED = int(zmq.EVENT_DISCONNECTED)
_ALL = _LISTENING | _UNBOUND | _REFUSED | _OPENED | _CLOSED

# Of one turn: where no door can be shut, libzmq tells of failures faster than they can be read.
_NEWS_MAX = 1_000

# Between two looks a peer can send what the network carries, so suspects are looked at more often.
_LOOK_INTERVAL = 1.0
_SUSPECT_INTERVAL = 0.1

_WITHOUT_END = "sent frames without end"


class Visitors:
    """The tcp connections that others have opened to a bound socket. For the loop's own thread.

    Bound: the descriptors of this process.

    Args:
        context, socket: the bound socket; it must not be bound yet.
        endless: what the bound socket is to tell of messages.
        has_more: whether the bound socket has messages that were not read.
        errands: of the loop.
        on_hostile: told of who sends without end: the link, the fingerprint of its key, and what
            it does. Not of those who never sent a message.

    Attributes:
        fd: its descriptor; when it is readable, call `read`.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        socket: zmq.Socket[bytes],
        endless: Endless,
        *,
        has_more: Callable[[], bool],
        errands: Errands,
        on_hostile: Callable[[bytes, str, str], None] | None = None,
    ) -> None:
        self._monitor = Monitor(context, socket, _ALL)
        self._endless = endless
        self._has_more = has_more
        self._call_later = errands.call_later
        self._on_hostile = on_hostile
        self.crowd = Crowd(errands.call_later)
        self._cookies: dict[int, bytes] = {}
        self._speakers: dict[int, tuple[bytes, str]] = {}
        self._deaf = Deaf()
        self._strangers = Strangers()
        self._looks = False
        self._gives_back = False
        fd = self._monitor.ear.getsockopt(zmq.FD)
        assert isinstance(fd, int)
        self.fd = fd

    def __len__(self) -> int:
        return len(self._cookies)

    def read(self) -> None:
        """Take in what has happened; what is more than a turn should take, in the next one."""
        count = 0
        for event, value, endpoint in self._monitor.news(_NEWS_MAX):
            count += 1
            if event == _REFUSED:
                self.crowd.refused(value)
            elif event == _CLOSED:
                self._gone(value)
            elif event == _UNBOUND:
                self.crowd.closed(value)
            elif not endpoint.startswith(b"tcp:"):
                continue  # ipc: a process of this user, whose limits are ours
            elif event == _LISTENING:
                self.crowd.listens(value)
            else:
                self._came(value)
        if count == _NEWS_MAX:
            self._call_later(0.0, self.read)

    def heard(self, descriptor: int, link: bytes, fingerprint: str) -> None:
        """A message came over this connection."""
        self._endless.heard(descriptor)
        if descriptor not in self._cookies:
            self.read()  # that it has come may be told later than what it says
        if descriptor in self._cookies:
            self._speakers[descriptor] = link, fingerprint

    def end(self, descriptor: int) -> bool:
        """End a connection; False if it is gone. The other side may dial again."""
        cookie = self._cookies.get(descriptor)
        if cookie is None:
            return False
        with borrow(descriptor, cookie) as visitor, suppress(OSError):
            if visitor is not None:
                visitor.shutdown(sockets.SHUT_RDWR)
                return True
        return False

    def close(self) -> None:
        """Stop listening, before the bound socket is closed."""
        self._monitor.close()

    def _came(self, descriptor: int) -> None:
        cookie = cookie_of(descriptor)
        self._gone(descriptor)  # an older one, whose end was not told
        if cookie is None:
            if sys.platform.startswith("linux"):  # elsewhere there are none
                self._strangers.left(clock.now())
            return
        self._cookies[descriptor] = cookie
        self._endless.opened(descriptor)
        if not self._looks:
            self._looks = True
            self._call_later(_LOOK_INTERVAL, self._look)

    def _gone(self, descriptor: int) -> None:
        if descriptor in self._cookies and descriptor not in self._speakers:
            self._strangers.left(clock.now())
        self._forget(descriptor)

    def _forget(self, descriptor: int) -> None:
        self._cookies.pop(descriptor, None)
        self._speakers.pop(descriptor, None)
        self._endless.closed(descriptor)
        self._deaf.closed(descriptor)

    def _look(self) -> None:
        self.read()  # so that nobody is blamed for who had his number before
        traffic = {}
        for descriptor in list(self._cookies):
            found = traffic_of(descriptor)
            if found is None:
                self._gone(descriptor)
            else:
                traffic[descriptor] = found
        sent = {descriptor: it.taken for descriptor, it in traffic.items()}
        for descriptor in self._endless.look(sent, all_read=not self._has_more()):
            speaker = self._speakers.get(descriptor)
            self._punish(descriptor, _WITHOUT_END)
            if speaker is not None and self._on_hostile is not None:
                self._on_hostile(*speaker, _WITHOUT_END)
        heard = {descriptor: (it.taken_in, it.waiting) for descriptor, it in traffic.items()}
        for descriptor in self._deaf.look(heard, clock.now()):
            self._punish(descriptor, "does not take in what it asked for")
        self._looks = bool(self._cookies)
        if self._looks:
            soon = _SUSPECT_INTERVAL if self._endless.suspects else _LOOK_INTERVAL
            self._call_later(soon, self._look)

    def _punish(self, descriptor: int, why: str) -> None:
        if not self.end(descriptor):
            return
        self._forget(descriptor)
        _log.warning("a peer %s: its connection is ended", why)
        if not self._gives_back:
            self._gives_back = True
            self._call_later(_LOOK_INTERVAL, self._give_back)  # libzmq has freed it by then

    def _give_back(self) -> None:
        self._gives_back = False
        give_back()
