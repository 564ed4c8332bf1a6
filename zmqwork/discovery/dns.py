"""DNS as a source of peers: names that are looked up again and again, each in its own thread.

A headless service of Kubernetes, or a name with an address for each machine, changes as machines
come and go; a node that only dialled the name would stay with the first answer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from zmqwork.core.link_events import PeerForgotten, PeerFound
from zmqwork.discovery.lookup import Name, look_up
from zmqwork.discovery.record import Record
from zmqwork.errors import ConfigError

# Each has a thread, because a resolver may take half a minute to say that it does not know.
NAMES_MAX = 16
_AGAIN_INTERVAL = 5.0
_JOIN_TIMEOUT = 0.2

_KEY = "dns:"


class Dns:
    """Looks names up; announces nothing: names are given by others.

    An address that is not in the answer any more is forgotten, which ends no session that beats;
    a resolver that fails changes nothing.

    Args:
        names: what to look up.
        resolve: how.
        interval: seconds between two look-ups of a name.

    Raises:
        ConfigError: there are more than `NAMES_MAX` names.
    """

    name = "dns"

    def __init__(
        self,
        names: Sequence[Name],
        resolve: Callable[[Name], tuple[str, ...]] = look_up,
        interval: float = _AGAIN_INTERVAL,
    ) -> None:
        if len(names) > NAMES_MAX:
            raise ConfigError(f"{len(names)} DNS names are more than the {NAMES_MAX} allowed")
        self._names = tuple(names)
        self._resolve = resolve
        self._interval = interval
        # Written by the threads, one key each; bound: names, and ADDRESSES_MAX endpoints of each.
        self._answers: dict[Name, tuple[str, ...]] = {}
        self._troubles: dict[Name, str] = {}
        self._changed = False
        self._told: dict[str, str] = {}  # key -> endpoint; bound: as the answers
        self._closing = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def found(self) -> int:
        """How many endpoints the last answers have."""
        return len(self._told)

    def announce(self, record: Record) -> None:
        """Nothing: a node does not name itself in DNS."""

    def withdraw(self) -> None:
        """Nothing, as above."""

    def poll(self, now: float) -> list[PeerFound | PeerForgotten]:
        """What has changed since the last call. Never waits, never raises."""
        del now
        if not self._threads and not self._closing.is_set():
            self._start()
        if not self._changed:
            return []
        self._changed = False  # before the answers are read: what comes meanwhile is seen next time
        answers = [self._answers.get(name, ()) for name in self._names]
        current = {_KEY + endpoint: endpoint for answer in answers for endpoint in answer}
        before, self._told = self._told, current
        gone = [PeerForgotten(key) for key in before if key not in current]
        new = [
            PeerFound(key, (endpoint,), "", "dns")
            for key, endpoint in current.items()
            if key not in before
        ]
        return [*gone, *new]

    def take_misplaced(self) -> list[str]:
        """Nobody: who asks for a name wants its addresses, wherever they are."""
        return []

    def describe(self) -> dict[str, Any]:
        """The source with its state, for people."""
        troubles = dict(self._troubles)
        states = {text for name in self._names if (text := troubles.get(name))}
        if not states and len(self._answers) < len(self._names):
            states = {"asking"}
        return {
            "source": self.name,
            "state": "; ".join(sorted(states)) or "ok",
            "where": ", ".join(name.text for name in self._names),
            "found": self.found,
        }

    def close(self) -> None:
        """End the threads; one that waits for its resolver ends when that has answered."""
        self._closing.set()
        for thread in self._threads:
            thread.join(_JOIN_TIMEOUT)

    def _start(self) -> None:
        for name in self._names:
            thread = threading.Thread(
                target=self._ask_forever, args=(name,), name="zmqwork-dns", daemon=True
            )
            thread.start()
            self._threads.append(thread)

    def _ask_forever(self, name: Name) -> None:
        while not self._closing.is_set():
            try:
                answer = self._resolve(name)
            except Exception as error:  # noqa: BLE001 - a resolver's own; it is asked again
                self._troubles[name] = f"failed: {error}"
            else:
                self._troubles.pop(name, None)
                if self._answers.get(name) != answer:
                    self._answers[name] = answer
                    self._changed = True
            self._closing.wait(self._interval)
