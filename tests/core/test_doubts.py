from __future__ import annotations

import pytest

from zmqwork.core.doubts import Doubts
from zmqwork.core.effects import Notice, Probe
from zmqwork.core.lifecycle import ALIVE, LOST, SUSPECT
from zmqwork.core.link_events import PeerFound
from zmqwork.core.liveness import Liveness
from zmqwork.core.peer import Peer
from zmqwork.core.timers import Timers


class Told:
    """What the machine was told."""

    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        return lambda *_: self.calls.append(name)


@pytest.fixture
def peer():
    made = Peer(PeerFound("k", ("ipc://x",), "worker"), Liveness(2.0, 4.0, 100.0))
    made.state, made.role, made.reached = ALIVE, "worker", "ipc://x"
    return made


class WatchedDoubts(Doubts):
    """Without slots: the test keeps what it looks at."""


@pytest.fixture
def doubts():
    made = WatchedDoubts(Told(), Timers(), [])
    made.told, made.timers, made.out = made._sessions.calls, made._timers, made._out
    return made


def test_a_peer_is_suspected_once(doubts, peer):
    doubts.suspect(peer, "its link vanished", "unlinked", 100.0)
    doubts.suspect(peer, "silent", "silent", 101.0)
    assert peer.state == SUSPECT
    assert doubts.told == ["suspected"]
    assert [notice.text for notice in doubts.out] == ["worker k is suspect: its link vanished"]


def test_who_is_heard_again_is_judged_again(doubts, peer):
    doubts.suspect(peer, "silent", "silent", 102.0)
    peer.liveness.heard_at = 103.0
    doubts.heard(peer, 103.0)
    assert peer.state == ALIVE
    assert doubts.told == ["suspected", "revived"]
    assert doubts.timers.next() == 105.0


def test_who_is_given_up_is_not_looked_at_any_more(doubts, peer):
    doubts.suspect(peer, "its link vanished", "unlinked", 100.0)
    doubts.timers.set(("gone", "k"), 101.0)
    doubts.seen(peer, 100.0)
    doubts.give_up(peer, "its process is gone", 100.001)
    assert peer.state == LOST
    assert doubts.told == ["suspected", "lost"]
    assert doubts.timers.next() is None
    assert [notice.kind for notice in doubts.out if isinstance(notice, Notice)] == [
        "peer_suspect",
        "peer_gone",
    ]


def test_it_is_looked_at_more_and_more_seldom_and_then_no_more(doubts, peer):
    doubts.look(peer)
    assert doubts.out == [Probe("k", "ipc://x")]
    waits = []
    for _ in range(9):
        doubts.seen(peer, 100.0)
        at = doubts.timers.next()
        waits.append(at and at - 100.0)
        doubts.timers.cancel(("probe", "k"))
    assert waits[:7] == pytest.approx([0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4])
    assert waits[7:] == [None, None]
    doubts.look(peer)
    doubts.seen(peer, 100.0)
    assert doubts.timers.next() is not None
