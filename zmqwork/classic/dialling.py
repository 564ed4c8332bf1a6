"""One socket that is connected to all who are found."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

_log = logging.getLogger("zmqwork")

# A cleaner of old files may take a record away whose owner lives, and puts it back within seconds.
FORGET_DELAY = 10.0
# Whoever refuses our key today may have another roster soon.
RETRY_DELAY = 1.0


class Contact(NamedTuple):
    """Whom to connect to.

    Attributes:
        endpoint: where.
        keys: public keys, one of which is there; none: the link is plain.
    """

    endpoint: str
    keys: tuple[str, ...] = ()


class Connecting(Protocol):
    """Some calls of an `Endpoint`."""

    def connect(self, endpoint: str, server: str = "") -> None: ...  # noqa: D102

    def disconnect(self, endpoint: str) -> None: ...  # noqa: D102

    def failed(self) -> set[str]: ...  # noqa: D102


class _Link:
    """A connection, or what is to be one."""

    __slots__ = ("_turn", "forget_at", "is_told", "keys", "retry_at")

    def __init__(self, keys: tuple[str, ...]) -> None:
        self.keys = keys
        self._turn = 0
        self.forget_at: float | None = None
        self.retry_at: float | None = None
        self.is_told = False

    @property
    def key(self) -> str:
        """The key that is dialled; empty: the link is plain."""
        return self.keys[self._turn] if self.keys else ""

    def may_be(self, keys: tuple[str, ...]) -> bool:
        """Whether one of these is dialled; if so, the others are tried after it."""
        if self.key not in keys:
            return not (self.keys or keys)
        self._turn, self.keys = keys.index(self.key), keys
        return True

    def turn(self) -> None:
        """Let the next key be tried."""
        self._turn = (self._turn + 1) % max(1, len(self.keys))


class Dialled:
    """The connections of one socket, kept as they are found.

    Whoever is found no more is disconnected some time later, and then only while nothing is left
    to read, because that would be lost. Whose key is trusted no more is disconnected at once.

    Args:
        socket: it.
        trusts: whether a public key may still be at the other end.
    """

    def __init__(self, socket: Connecting, trusts: Callable[[str], bool]) -> None:
        self._socket = socket
        self._trusts = trusts
        self._wanted: tuple[Contact, ...] = ()
        # By endpoint. Bound: what is found, and what was found in the last seconds.
        self._links: dict[str, _Link] = {}

    def __len__(self) -> int:
        return len(self._links)

    def update(self, contacts: tuple[Contact, ...], now: float) -> None:
        """Connect to those that are new, and try again where it failed. Raises `TransportError`."""
        self._cut()
        if contacts != self._wanted:
            self._wanted = contacts
            for contact in contacts:
                self._want(contact)
            for endpoint in self._gone(contacts):
                link = self._links[endpoint]
                link.forget_at = link.forget_at or now + FORGET_DELAY
        self._try_again(now)

    def tidy(self, now: float) -> None:
        """Disconnect from those that are gone for long. Call it when nothing is left to read."""
        for endpoint, link in list(self._links.items()):
            if link.forget_at is not None and now >= link.forget_at:
                self._drop(endpoint)

    def _want(self, contact: Contact) -> None:
        link = self._links.get(contact.endpoint)
        if link is not None and link.may_be(contact.keys):
            link.forget_at = None
            return
        if link is not None:  # another one is there now
            self._drop(contact.endpoint)
        link = self._links[contact.endpoint] = _Link(contact.keys)
        self._socket.connect(contact.endpoint, link.key)

    def _cut(self) -> None:
        for endpoint, link in list(self._links.items()):
            if link.key and not self._trusts(link.key):
                self._drop(endpoint)
                self._wanted = ()  # whoever is there now is looked at again

    def _try_again(self, now: float) -> None:
        failed = self._socket.failed()
        for endpoint, link in self._links.items():
            if endpoint not in failed:
                link.retry_at = None
            elif link.retry_at is None:
                link.retry_at = now + RETRY_DELAY
                if not link.is_told:
                    link.is_told = True
                    _log.warning(
                        "%s has another key than the roster says, or refuses ours: trying again",
                        endpoint,
                    )
            elif now >= link.retry_at:
                link.retry_at = None
                link.turn()
                self._socket.disconnect(endpoint)
                self._socket.connect(endpoint, link.key)

    def _drop(self, endpoint: str) -> None:
        del self._links[endpoint]
        self._socket.disconnect(endpoint)

    def _gone(self, contacts: Iterable[Contact]) -> list[str]:
        wanted = {contact.endpoint for contact in contacts}
        return [endpoint for endpoint in self._links if endpoint not in wanted]
