"""What each source of peers can do, beside the local directory."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

from zmqwork.errors import ConfigError

if TYPE_CHECKING:
    from zmqwork.core.link_events import PeerForgotten, PeerFound
    from zmqwork.discovery.record import Record

# The names that users write, in the order in which they are shown.
SOURCES = ("mdns", "local", "static", "dns")
# What a node uses that was told nothing: all that opens nothing to a network.
DEFAULT_SOURCES = ("local", "static", "dns")


class Source(Protocol):
    """Where a node announces itself and finds others. Used on its loop's thread.

    Attributes:
        name: one of `SOURCES`.
        found: how many nodes it suggests now.
    """

    name: str

    @property
    def found(self) -> int: ...  # noqa: D102 - above

    def announce(self, record: Record) -> None:
        """Make this node visible; again when its endpoints change."""

    def withdraw(self) -> None:
        """Be found by nobody from now on."""

    def poll(self, now: float) -> list[PeerFound | PeerForgotten]:
        """What has changed since the last call. Never waits, never raises."""

    def take_misplaced(self) -> list[str]:
        """In words, who was announced since the last call where nobody may be; not dialled."""

    def describe(self) -> dict[str, Any]:
        """``source``, ``state``, ``where`` and ``found``, for people."""

    def close(self) -> None:
        """Withdraw and end."""


def parse_sources(given: str | Iterable[str]) -> tuple[str, ...]:
    """Names of sources, between commas or as a list, each once.

    Raises:
        ConfigError: there is none, or one is unknown; the nearest is named.
    """
    texts = [given] if isinstance(given, str) else list(given)
    if not all(isinstance(text, str) for text in texts):
        raise ConfigError(f"discovery is made of names, not of {texts!r}")
    names = [word.strip() for text in texts for word in text.split(",") if word.strip()]
    if not names:
        raise ConfigError(f"name at least one of {', '.join(SOURCES)}")
    for name in names:
        if name not in SOURCES:
            near = difflib.get_close_matches(name, SOURCES, n=1)
            hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(SOURCES)}"
            raise ConfigError(f"unknown source {name!r}: {hint}")
    return tuple(dict.fromkeys(names))
