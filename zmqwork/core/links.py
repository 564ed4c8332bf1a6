"""The links that a node dials: opened, closed, and found by their number."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from random import Random

from zmqwork.config import Health
from zmqwork.core.effects import Dial, Effect, HangUp
from zmqwork.core.hearsay import SEALED_BURST, SEALED_PER_SECOND, Hearsay
from zmqwork.core.key_choice import KeyChoice
from zmqwork.core.numbering import Numbering
from zmqwork.core.peer import DIALING, OPEN, RESTING, Peer
from zmqwork.core.timers import Timers
from zmqwork.core.trust import Trust
from zmqwork.core.twins import EXCHANGE, Twins

# Back-off between dials of a peer that does not answer: as libzmq's RECONNECT_IVL..MAX.
_REDIAL_FIRST = 0.1
_REDIAL_MAX = 5.0
# One that was here, and is not known to be dead, may have been stopped or cut off. Where it goes on
# it keeps our results for `Health.lost_timeout` (4 s), so it must hear of us before that.
_RETURN_MAX = 2.0

# After so many sessions, one after the other, that did not last for a heartbeat and brought no
# result the next dial waits: a peer that greets and breaks off would keep this node busy with
# nothing else.
_BROKEN_MAX = 8

# A peer that no new dial can win over soon is asked again after this long.
REFUSED_DELAY = 5.0

# A record that has not proved itself by a WELCOME, or not since its process is known to be gone, is
# tried less and less: a node that starts again announces itself under another name.
_STALE_MAX = 60.0

# What was heard from others is withdrawn by nobody: after so many dials in vain, some minutes, it
# is dropped. If it comes to be true, it will be heard again.
_HOPELESS_DIALS = 14

# The timers of those that wait for their turn. No peer has these keys.
_TURN, _SEALED_TURN = ("turn", ""), ("turn", "sealed")

# One node that two sources name at once: the one named first gets so much time to answer.
_TWIN_DELAY = 0.5


@dataclass(slots=True)
class LinkCounters:
    """What went wrong on the links of one side, for `status`."""

    sessions: int = 0
    gaps: int = 0
    repeats: int = 0
    garbled: int = 0
    strays: int = 0
    refused: int = 0
    offences: int = 0


class Links:
    """At most one link per peer. A link's number is never used again.

    Attributes:
        by_link: the peer behind each open link. Bound: the dialer's PEERS_MAX.
        twins: all peers, whether they have a link or not.
    """

    __slots__ = (
        "_count",
        "_greeting_timeout",
        "_hearsay",
        "_keys",
        "_out",
        "_random",
        "_sealed",
        "_timers",
        "by_link",
        "twins",
    )  # fmt: skip

    def __init__(
        self,
        timers: Timers,
        out: list[Effect],
        random: Random,
        health: Health,
        trust: Trust,
        wanted: tuple[str, ...],
    ) -> None:
        self._timers = timers
        self._out = out
        self._random = random
        self._greeting_timeout = health.greeting_timeout
        self._keys = KeyChoice(trust, wanted)
        self._begin_hearsay()
        self._count = 0
        self.by_link: dict[int, Peer] = {}
        self.twins = Twins()

    def backoff(self, peer: Peer) -> float:
        """Seconds until the next dial: longer each time, and never in step with others."""
        longest = _STALE_MAX if Hearsay.covers(peer) else _REDIAL_MAX
        return self._after(peer.dials, _RETURN_MAX if peer.reached else longest)

    def _after(self, count: int, longest: float) -> float:
        ceiling = min(longest, _REDIAL_FIRST * 2.0 ** min(count, 16))
        return self._random.uniform(ceiling / 2, ceiling)

    def refused_backoff(self, peer: Peer) -> float:
        """The same for one that answers, and does not want us."""
        return max(REFUSED_DELAY, self.backoff(peer)) if Hearsay.covers(peer) else REFUSED_DELAY

    @staticmethod
    def is_hopeless(peer: Peer) -> bool:
        """Whether it was only ever heard of, and has not answered for minutes."""
        return peer.source == EXCHANGE and peer.dials >= _HOPELESS_DIALS

    def begin(self, peer: Peer, now: float) -> None:
        """Dial a peer that was just found; a little later if its node is being dialled already."""
        twins = self.twins.of(peer.node_id) if peer.node_id else ()
        if any(twin.link for twin in twins if twin is not peer):
            self._timers.set(("dial", peer.key), now + _TWIN_DELAY)
        else:
            self.dial(peer, now)

    def dial(self, peer: Peer, now: float) -> None:
        """Begin to connect to a peer at rest, if it need not wait for its turn."""
        assert peer.stage == RESTING
        # Set anew, perhaps, by what was due in this turn together with this dial.
        self._timers.cancel(("dial", peer.key))
        if self._puts_off(peer, now):
            return
        if Hearsay.covers(peer):
            sealed = Hearsay.is_sealed(peer)
            turn, bucket = (_SEALED_TURN, self._sealed) if sealed else (_TURN, self._hearsay)
            if not bucket.admits(peer, now):
                self._timers.set_default(turn, bucket.next_at)
                return
        self._open(peer, now)

    def due(self, now: float) -> list[Hashable]:
        """The timers that are due; peers whose turn has come are dialled."""
        due = self._timers.due(now)
        for turn, bucket in ((_TURN, self._hearsay), (_SEALED_TURN, self._sealed)):
            for peer in bucket.ready(now):
                if not self._puts_off(peer, now):
                    self._open(peer, now)
            if bucket:
                self._timers.set(turn, bucket.next_at)
        return due

    def _puts_off(self, peer: Peer, now: float) -> bool:
        """Whether it is of no use to dial it now: its node is in session, or has no key of ours.

        (It takes nobody's turn, or a peer that names strangers could keep all others waiting.)
        """
        delay = REFUSED_DELAY
        if self._keys.of(peer, now) is None:
            peer.dials += 1
            peer.refusal = "the roster has no key for it"
            delay = self.refused_backoff(peer)
        elif self.open_twin(peer, peer.node_id) is None:
            return False
        self._timers.set(("dial", peer.key), now + delay)
        return True

    def _open(self, peer: Peer, now: float) -> None:
        peer.dials += 1
        fingerprint = self._keys.of(peer, now)
        assert fingerprint is not None
        self._count += 1
        peer.link = peer.session = self._count
        peer.fingerprint = fingerprint
        peer.stage = DIALING
        peer.numbers = Numbering()
        self.by_link[peer.link] = peer
        self._out.append(Dial(peer.link, peer.endpoint, fingerprint))
        self._timers.set(("greet", peer.key), now + self._greeting_timeout)

    def has_another_key(self, peer: Peer, now: float) -> bool:
        """As `KeyChoice.has_another`."""
        if self._keys.has_another(peer, now):
            return True
        peer.refusal = "another key is there than the roster has for it, or none"
        return False

    def dial_again(self, peer: Peer, now: float) -> float:
        """Dial a peer whose session has ended: at once, unless its sessions never last.

        How many seconds that was put off: the peer is not to blame for them.
        """
        peer.broken += 1
        if peer.broken <= _BROKEN_MAX:
            self.dial(peer, now)
            return 0.0
        delay = self._after(peer.broken - _BROKEN_MAX, _RETURN_MAX)
        self._timers.set(("dial", peer.key), now + delay)
        return delay

    def hang_up(self, peer: Peer, *, farewell: bool = False) -> None:
        """Close the link, if there is one; it does not wait for its turn any more."""
        self._hearsay.leave(peer)
        self._sealed.leave(peer)  # (it may have got its key while it waited)
        if peer.link:
            del self.by_link[peer.link]
            self._out.append(HangUp(peer.link, farewell=farewell))
            peer.link = 0
        peer.stage = RESTING
        for what in ("greet", "ping"):
            self._timers.cancel((what, peer.key))

    def close(self) -> None:
        """Forget all links and peers, and dial nobody who waits."""
        self.by_link.clear()
        self.twins.clear()
        self._begin_hearsay()

    def _begin_hearsay(self) -> None:
        self._hearsay = Hearsay()
        self._sealed = Hearsay(SEALED_BURST, SEALED_PER_SECOND)

    def open_twin(self, peer: Peer, node_id: str) -> Peer | None:
        """The same node, already in session under another key."""
        for other in self.twins.of(node_id) if node_id else ():
            if other is not peer and other.link and other.stage == OPEN:
                return other
        return None
