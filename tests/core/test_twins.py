from __future__ import annotations

from zmqwork.core.link_events import PeerFound
from zmqwork.core.liveness import Liveness
from zmqwork.core.peer import Peer
from zmqwork.core.twins import EXCHANGE, Twins


def peer(key, node_id="", source="mdns"):
    return Peer(PeerFound(key, ("tcp://10.0.0.1:1",), "worker", source, node_id), Liveness(2, 4, 0))


def test_one_node_under_two_keys():
    twins, one, other = Twins(), peer("mdns:a", "a" * 32), peer("local:a", "a" * 32)
    twins.add(one)
    twins.add(other)
    assert list(twins.of("a" * 32)) == [one, other]
    twins.remove(one)
    assert list(twins.of("a" * 32)) == [other]
    assert "a" * 32 in twins
    twins.remove(other)
    assert "a" * 32 not in twins
    assert list(twins.of("a" * 32)) == []


def test_who_says_who_it_is_is_found_under_that():
    twins, one = Twins(), peer("static:a")
    twins.add(one)
    twins.rename(one, "b" * 32)
    twins.rename(one, "b" * 32)
    assert (one.node_id, list(twins.of("b" * 32)), "" in twins) == ("b" * 32, [one], False)


def test_those_that_only_others_have_named_are_counted():
    twins, heard = Twins(), peer("exchange:a", "a" * 32, EXCHANGE)
    twins.add(heard)
    twins.add(peer("mdns:b", "b" * 32))
    assert twins.heard == 1
    twins.remove(heard)
    assert twins.heard == 0
    twins.add(heard)
    twins.clear()
    assert (twins.heard, "a" * 32 in twins, "b" * 32 in twins) == (0, False, False)
