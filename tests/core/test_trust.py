"""Whom a node believes: what it learns, who owns a node id, and who is suspended until when."""

from __future__ import annotations

import itertools

import pytest
from test_permissions import ROLES, SAID, VERBS

from zmqwork.core import trust as module
from zmqwork.core.link_events import Rostered
from zmqwork.core.messages import Hello, Info, Tasks, Welcome
from zmqwork.core.orders import Order
from zmqwork.core.permissions import GREETINGS, Access, verbs
from zmqwork.core.trust import Trust

NOW = 100.0


def roster(**members):
    """The keys of a roster, each called as its member; ``m_2`` is another key of m."""
    return Rostered(
        {
            name: Access(name.partition("_")[0], frozenset(roles.split()))
            for name, roles in members.items()
        },
        {"serial": len(members)},
    )


def trusting(role="worker", **members):
    made = Trust(role)
    made.learn(roster(**members))
    return made


# -- without keys -----------------------------------------------------------------------------


def test_without_keys_everybody_is_what_it_says():
    trust = Trust("worker")
    assert trust.knows("", NOW)
    assert trust.name("") == ""
    assert trust.claim("n", "") == trust.claim("n", "another") == ""
    assert trust.objection("", "producer", "n", Hello) == ""
    assert trust.candidates(("worker",), "") == []
    assert trust.status() == {}


def test_without_keys_every_observer_gives_orders_and_anybody_may_greet():
    trust = Trust("worker")
    assert Order in trust.heeds("", "observer")
    assert trust.heeds("", "worker") == GREETINGS, "it said the wrong thing, and is told so"
    assert trust.heeds("", "admin") == GREETINGS, "no node is one"
    assert trust.heeds("", "producer") == GREETINGS | verbs("producer", "worker")


def test_without_keys_nobody_is_suspended():
    trust = Trust("worker")
    assert not any(trust.blame("", NOW) for _ in range(100))
    assert trust.knows("", NOW)


# -- what a roster says -----------------------------------------------------------------------


def test_whose_keys_are_known():
    trust = trusting(desk="producer admin", eye="observer")
    assert trust.knows("desk", NOW)
    assert not trust.knows("x", NOW)
    assert not trust.knows("", NOW)
    assert (trust.name("desk"), trust.name("x")) == ("desk", "")
    assert trust.status() == {"keys": {"serial": 2}}


def test_what_is_heeded_of_whom():
    trust = trusting(desk="producer admin", eye="observer")
    assert trust.heeds("desk", "producer") == verbs("producer", "worker")
    assert trust.heeds("desk", "observer") == verbs("admin", "worker")
    assert trust.heeds("eye", "observer") == verbs("observer", "worker")
    assert Info in trust.heeds("eye", "observer")
    assert Order not in trust.heeds("eye", "observer")
    assert Tasks not in trust.heeds("desk", "observer")
    assert trust.heeds("eye", "producer") == frozenset()
    assert trust.heeds("x", "observer") == frozenset()
    assert trust.heeds("desk", "admin") == frozenset(), "no node is one"


def test_the_generation_counts_rosters_in_which_somebody_may_do_less():
    trust = trusting(desk="producer admin", node="worker")
    steps = [
        (roster(desk="producer admin", node="worker"), 0),
        (roster(desk="producer admin", node="worker sink", more="worker"), 0),
        (roster(desk="producer admin", node="worker", more="worker"), 1),
        (roster(desk="producer", node="worker", more="worker"), 2),
        (roster(desk="producer", node="worker"), 3),
        (roster(), 4),
        (roster(), 4),
    ]
    assert trust.generation == 0, "the first one takes nothing from anybody"
    for learned, generation in steps:
        trust.learn(learned)
        assert trust.generation == generation


def rosters(*states):
    """What a worker has learned, one roster after the other, when a key is in the last state."""
    trust = Trust("worker")
    for roles in states:
        trust.learn(roster(desk="producer", **({"key": roles} if roles else {})))
    return trust


def blamed():
    trust = rosters("producer worker sink observer admin")
    assert [trust.blame("key", NOW) for _ in range(module.OFFENCES_MAX)][-1]
    return trust


# What a key may be, as which it speaks; empty: it is not heard at all.
STATES = {
    "valid": (rosters, ["producer worker sink observer admin"], ROLES),
    **{f"a mere {role}": (rosters, [role], (role,)) for role in ROLES},
    "unknown": (rosters, [""], ()),
    "revoked": (rosters, ["producer worker sink observer admin", ""], ()),
    "added again": (rosters, ["producer", "", "producer"], ("producer",)),
    "with a role less": (rosters, ["producer observer", "observer"], ("observer",)),
    "suspended": (blamed, [], ()),
}


@pytest.mark.parametrize(("state", "role"), list(itertools.product(STATES, ROLES)))
def test_what_is_heard_from_a_key_in_each_state_in_each_role(state, role):
    """Roles x verbs x states of a key, cell by cell, by the table of `test_permissions`."""
    make, learned, roles = STATES[state]
    trust = make(*learned)
    # No node is an admin: a key that may be one speaks as an observer, and gives orders.
    said_as = {"observer": "admin" if "admin" in roles else "observer", "admin": "nobody"}
    speaks = role in roles or (role == "observer" and "admin" in roles)
    for name, verb in VERBS.items():
        heard = trust.knows("key", NOW) and verb in trust.heeds("key", role)
        may = speaks and (said_as.get(role, role), "worker", name) in SAID
        assert heard is may, f"{name} as {role} with a key that is {state}"
        assert not (trust.knows("", NOW) and verb in trust.heeds("", role)), "there is no key"


# -- whose a node id is -----------------------------------------------------------------------


def test_a_node_id_is_the_members_that_came_with_it_first():
    trust = trusting(one="worker", two="worker")
    assert trust.claim("n", "one") == ""
    assert trust.claim("n", "two") == "one"
    assert trust.claim("n", "two") == "one", "asking again changes nothing"
    assert trust.claim("n", "one") == ""
    assert trust.claim("m", "two") == ""


def test_another_key_of_the_same_member_has_its_ids():
    trust = trusting(one="worker", one_2="worker", two="worker")
    trust.claim("n", "one")
    assert trust.claim("n", "one_2") == ""
    trust.learn(roster(one_2="worker", two="worker"))
    assert trust.claim("n", "two") == "one"


def test_the_ids_of_a_member_that_is_gone_are_free():
    trust = trusting(one="worker", two="worker")
    trust.claim("n", "one")
    trust.learn(roster(two="worker"))
    assert trust.claim("n", "two") == ""
    trust.learn(roster(one="worker", two="worker"))
    assert trust.claim("n", "one") == "two"


def test_a_bounded_number_of_ids_is_remembered_the_newest(monkeypatch):
    monkeypatch.setattr(module, "OWNERS_MAX", 2)
    trust = trusting(one="worker", two="worker")
    for node_id in ("a", "b", "a", "c"):
        trust.claim(node_id, "one")
    assert trust.claim("b", "two") == "", "that one was used longest ago"
    assert trust.claim("c", "two") == "one"


def test_why_somebody_cannot_be_greeted():
    trust = trusting("worker", one="producer", two="producer", eye="observer")
    assert trust.objection("one", "producer", "n", Hello) == ""
    assert trust.objection("two", "producer", "n", Hello) == "two came with the node id of one"
    assert trust.objection("one", "sink", "n", Hello) == "one may not speak as sink to a worker"
    assert (
        trust.objection("eye", "producer", "m", Hello)
        == "eye may not speak as producer to a worker"
    )
    assert (
        trust.objection("x", "producer", "m", Hello)
        == "a node may not speak as producer to a worker"
    )
    assert (
        trust.objection("one", "producer", "n", Welcome)
        == "one may not speak as producer to a worker"
    )
    assert trust.objection("two", "producer", "m", Hello) == "", "who was refused owns nothing"


# -- suspension -------------------------------------------------------------------------------


def test_the_tenth_offence_suspends_for_a_minute():
    trust = trusting(one="worker", two="worker")
    assert [trust.blame("one", NOW + n) for n in range(9)] == [False] * 9
    assert trust.knows("one", 109.0)
    assert trust.blame("one", 110.0)
    assert not trust.knows("one", 110.0)
    assert not trust.knows("one", 169.9)
    assert trust.knows("one", 170.0)
    assert trust.knows("two", 110.0)


def test_after_a_suspension_it_is_counted_from_nothing():
    trust = trusting(one="worker")
    assert [trust.blame("one", NOW) for _ in range(20)] == [*[False] * 9, True] * 2


def test_each_key_is_blamed_for_itself_and_strangers_are_not():
    trust = trusting(one="worker", one_2="worker")
    for _ in range(9):
        trust.blame("one", NOW)
    assert not trust.blame("one_2", NOW)
    assert not any(trust.blame("x", NOW) for _ in range(100))
    assert trust.offences == {"one": 9, "one_2": 1}


def test_who_leaves_the_roster_leaves_its_offences_and_who_stays_keeps_them():
    trust = trusting(one="worker", two="worker")
    for _ in range(10):
        trust.blame("one", NOW)
        trust.blame("two", NOW)
    trust.learn(roster(two="worker"))
    assert not trust.knows("one", NOW)
    assert not trust.knows("two", NOW)
    assert (trust.offences, trust.suspended) == ({"two": 0}, {"two": 160.0})
    trust.learn(roster(one="worker", two="worker"))
    assert trust.knows("one", NOW)


# -- who may be there -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("roles", "member", "expected"),
    [
        ((), "", ["one", "one_2", "two", "desk"]),
        (("sink",), "", ["two"]),
        (("sink", "worker"), "", ["one", "one_2", "two"]),
        (("observer",), "", ["desk"]),
        ((), "one", ["one", "one_2"]),
        (("worker",), "desk", []),
        ((), "nobody", []),
    ],
)
def test_the_keys_that_may_be_behind_an_endpoint(roles, member, expected):
    trust = trusting(one="worker", one_2="worker", two="worker sink", desk="producer admin")
    assert trust.candidates(roles, member) == expected


def test_a_flood_of_ids_makes_nobody_elses_free(monkeypatch):
    monkeypatch.setattr(module, "OWNERS_MAX", 4)
    trust = trusting(one="producer", two="producer")
    trust.claim("victim", "one")
    for number in range(100):
        assert trust.claim(f"n{number}", "two") == ""
    assert trust.claim("victim", "two") == "one"
