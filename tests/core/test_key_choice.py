"""Which key to expect behind an endpoint."""

from __future__ import annotations

import pytest

from zmqwork.core.key_choice import KeyChoice
from zmqwork.core.link_events import PeerFound, Rostered
from zmqwork.core.liveness import Liveness
from zmqwork.core.peer import Peer
from zmqwork.core.permissions import Access
from zmqwork.core.trust import Trust

NOW = 100.0


def peer(**fields):
    return Peer(PeerFound("k", ("tcp://h:1",), **fields), Liveness(2.0, 4.0, NOW))


@pytest.fixture
def trust():
    made = Trust("producer")
    roles = {"one": "worker", "two": "worker", "two_2": "worker", "out": "sink", "desk": "producer"}
    made.learn(Rostered({k: Access(k.partition("_")[0], frozenset([r])) for k, r in roles.items()}))
    return made


def tried(choice, peer):
    """The keys that are dialled one after the other, until all come again."""
    keys = [choice.of(peer, NOW)]
    while choice.has_another(peer, NOW):
        keys.append(choice.of(peer, NOW))
    return keys


def test_without_keys_none_is_expected():
    choice = KeyChoice(Trust("producer"))
    assert choice.of(peer(fingerprint="one"), NOW) == ""
    assert not choice.has_another(peer(), NOW)


def test_the_key_that_the_source_names(trust):
    assert tried(KeyChoice(trust), peer(fingerprint="one")) == ["one"]


def test_of_a_member_that_is_rotated_the_other_key_is_tried_next(trust):
    assert tried(KeyChoice(trust), peer(fingerprint="two_2")) == ["two_2", "two"]
    assert tried(KeyChoice(trust), peer(fingerprint="two", role="worker")) == ["two", "two_2"]


def test_a_key_that_no_roster_has(trust):
    assert tried(KeyChoice(trust), peer(fingerprint="x")) == [None]


def test_a_key_whose_member_may_not_be_what_is_said(trust):
    assert tried(KeyChoice(trust), peer(fingerprint="desk", role="worker")) == [None]


def test_the_keys_of_the_member_that_a_person_names(trust):
    assert tried(KeyChoice(trust), peer(member="two")) == ["two", "two_2"]
    assert tried(KeyChoice(trust), peer(member="nobody")) == [None]


@pytest.mark.parametrize(
    ("wanted", "role", "expected"),
    [
        (("worker", "sink"), "", ["one", "two", "two_2", "out"]),
        (("worker", "sink"), "sink", ["out"]),
        ((), "", ["one", "two", "two_2", "out", "desk"]),
        (("observer",), "", [None]),
    ],
)
def test_where_nobody_is_named_all_that_fit(trust, wanted, role, expected):
    assert tried(KeyChoice(trust, wanted), peer(role=role)) == expected


def test_all_come_again(trust):
    choice, asked = KeyChoice(trust), peer(member="two")
    assert tried(choice, asked) == tried(choice, asked) == ["two", "two_2"]


def test_a_suspended_key_is_passed_over(trust):
    for _ in range(10):
        trust.blame("two", NOW)
    choice = KeyChoice(trust)
    assert tried(choice, peer(member="two")) == ["two_2"]
    assert choice.of(peer(fingerprint="two"), 159.9) == "two_2"
    assert choice.of(peer(fingerprint="two"), 160.0) == "two"
