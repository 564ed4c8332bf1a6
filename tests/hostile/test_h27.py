"""H27: verbs, versions and words that nobody knows."""

import msgpack
import pytest
from hostile_node import Speaker

from zmqwork.config import PROTOCOL_MAX
from zmqwork.wire import verbs as v

KNOWN = {value for name, value in vars(v).items() if name.isupper()}


@pytest.mark.parametrize("verb", [0, 9, 15, 28, 40, 52, 255, 2**32, 2**64 - 1, -1, -(2**63)])
def test_h27_an_unknown_verb_ends_the_session(speaker, verb):
    assert verb not in KNOWN
    someone = speaker()
    someone.expect(v.WELCOME)
    someone.say(verb, 1, 2, 3)
    code, text = someone.refusal()
    assert code == "order"
    assert str(verb) in text


@pytest.mark.parametrize("protocol", [(99, 99), (PROTOCOL_MAX + 1, 65_535)])
def test_h27_another_major_is_told_what_is_spoken_here(connect, node, protocol):
    someone = Speaker(connect().open(), node.realm, protocol=protocol)
    code, text = someone.refusal()
    assert code == "protocol"
    assert f"1 to {PROTOCOL_MAX}" in text
    assert f"{protocol[0]} to {protocol[1]}" in text


@pytest.mark.parametrize("protocol", [(0, 0), (2, 1), (1, 65_536), (-1, 1), (1,), (1, 1, 1)])
def test_h27_a_range_of_versions_that_is_none(connect, node, protocol):
    code, _ = Speaker(connect().open(), node.realm, protocol=protocol).refusal()
    assert code == "order"


def test_h27_what_a_newer_minor_version_adds_is_ignored(connect, node):
    peer = connect().open()
    hello = [v.HELLO, 1, 1, "ab" * 16, "producer", "n", node.realm, [1, 1], 0, 1.0, "", ["flies"]]
    peer.send(msgpack.packb([*hello, {"new": [1]}, b"bytes"]))
    assert peer.receive() == [b""]
    assert msgpack.unpackb(peer.receive()[0])[0] == v.WELCOME
    peer.send(msgpack.packb([v.TASKS, 2, [["echo", {"of": {"a newer": [1]}}, 1, [], [], None, 7]]]))
    peer.send(msgpack.packb([v.PING, 3, 9, 0.0, [], "more"]))
    verbs = []
    while v.PONG not in verbs:
        verbs.append(msgpack.unpackb(peer.receive()[0])[0])
    assert v.REFUSED not in verbs


@pytest.mark.parametrize("role", ["queen", "worker", "observer", "x" * 32])
def test_h27_a_role_that_is_not_served_harms_nobody(connect, node, role):
    someone = Speaker(connect().open(), node.realm, role=role)
    someone.hear(v.WELCOME, v.REFUSED)
