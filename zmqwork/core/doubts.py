"""What is believed of peers that are silent, or whose link vanished, and who is told of it."""

from __future__ import annotations

from zmqwork.core.effects import Effect, Notice, Probe
from zmqwork.core.lifecycle import ALIVE, PEER, SUSPECT
from zmqwork.core.peer import Peer, Sessions
from zmqwork.core.timers import Timers

# A killed process closes its descriptors one by one, so the first look may come too early.
_PROBE_DELAYS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)


class Doubts:
    """The moves of a peer's state between alive, suspect and lost, and the proof that decides."""

    __slots__ = ("_out", "_sessions", "_timers")

    def __init__(self, sessions: Sessions, timers: Timers, out: list[Effect]) -> None:
        self._sessions = sessions
        self._timers = timers
        self._out = out

    def suspect(self, peer: Peer, why: str, cause: str, now: float) -> None:
        """Give it nothing new; `cause` is the event in `lifecycle.PEER`."""
        if peer.state != ALIVE:
            return
        peer.state = PEER[cause][ALIVE]
        self.notice("peer_suspect", f"{peer.role} {peer.label} is suspect: {why}", peer)
        self._sessions.suspected(peer, now)

    def heard(self, peer: Peer, now: float) -> None:
        """It was silent only."""
        peer.state = PEER["heard"][SUSPECT]
        self._timers.set_default(("judge", peer.key), peer.liveness.next_at(now))
        self._sessions.revived(peer, now)

    def give_up(self, peer: Peer, why: str, now: float) -> None:
        """It is lost, with everything that it held."""
        peer.state = PEER["given_up"][peer.state]
        for what in ("gone", "probe"):
            self._timers.cancel((what, peer.key))
        self.notice("peer_gone", f"{peer.role} {peer.label} is lost: {why}", peer)
        self._sessions.lost(peer, now)

    def look(self, peer: Peer) -> None:
        """Look whether its process still exists; `seen` gets the answer, and looks again."""
        peer.probes = 0
        self._out.append(Probe(peer.key, peer.reached))

    def seen(self, peer: Peer, now: float) -> None:
        """That process was not proved to be gone."""
        if peer.probes < len(_PROBE_DELAYS):
            self._timers.set(("probe", peer.key), now + _PROBE_DELAYS[peer.probes])
            peer.probes += 1

    def notice(self, kind: str, text: str, peer: Peer) -> None:
        """Let people know."""
        data = {"node_id": peer.node_id, "name": peer.name, "role": peer.role, "key": peer.key}
        self._out.append(Notice(kind, text, data))
