"""Each change makes the next roster, and drops what has ended."""

from __future__ import annotations

import pytest

from zmqwork.errors import KeysError
from zmqwork.security import changes
from zmqwork.security.pairs import new_pair
from zmqwork.security.roster import KEYS_PER_MEMBER_MAX, Key, Member, Roster, decode


def public() -> str:
    return new_pair().public


def roster(*members: Member, shared: bool = False) -> Roster:
    desk = Member("desk", ("admin",), (Key(public()),))
    return Roster("lab", 7, (desk, *members), shared)


def test_a_member_is_added_behind_the_others():
    before, key = roster(), public()
    after = changes.added(before, "node7", ["worker", "sink", "worker"], key, 0.0)
    assert after.serial == 8
    assert after.members == (*before.members, Member("node7", ("worker", "sink"), (Key(key),)))
    assert decode(after.encode()) == after


@pytest.mark.parametrize(
    ("name", "roles", "said"),
    [
        ("desk", ["worker"], "lab has a member desk already.*keys rotate desk"),
        ("old", ["worker"], "old was revoked, and its name is not given again"),
        ("a/b", ["worker"], "'a/b' is no name"),
        ("new", [], "at least one role"),
        ("new", ["wroker"], "'wroker' is no role"),
    ],
)
def test_who_cannot_be_added(name, roles, said):
    before = changes.revoked(roster(Member("old", ("sink",), (Key(public()),))), "old", 0.0)
    with pytest.raises(KeysError, match=said):
        changes.added(before, name, roles, public(), 0.0)


def test_there_is_a_limit_to_members(monkeypatch):
    monkeypatch.setattr(changes, "MEMBERS_MAX", 1)
    with pytest.raises(KeysError, match="at most 1 members"):
        changes.added(roster(), "new", ["worker"], public(), 0.0)


def test_one_that_is_revoked_stays_in_the_roster():
    before = roster(Member("node7", ("worker",), (Key(public()),)))
    after = changes.revoked(before, "node7", 0.0)
    assert after.serial == 8
    assert after.find("node7").revoked
    assert set(after.accesses(0.0)) == {before.members[0].keys[0].fingerprint}
    with pytest.raises(KeysError, match="node7 was revoked already"):
        changes.revoked(after, "node7", 0.0)
    with pytest.raises(KeysError, match="no member 'node8': it has desk"):
        changes.revoked(after, "node8", 0.0)


def test_roles_are_given_anew():
    before = roster(Member("node7", ("worker",), (Key(public()),)))
    assert changes.with_roles(before, "node7", ["sink"], 0.0).find("node7").roles == ("sink",)


def test_a_rotated_key_overlaps():
    one, two, three = public(), public(), public()
    first = changes.rotated(roster(Member("n", ("sink",), (Key(one),))), "n", two, 100.0, 1000.0)
    assert first.find("n").keys == (Key(one, 1100.0), Key(two))
    second = changes.rotated(first, "n", three, 500.0, 1050.0)
    assert second.find("n").keys == (Key(one, 1100.0), Key(two, 1550.0), Key(three))


def test_a_key_that_has_ended_is_dropped_at_the_next_change_of_any_member():
    one, two = public(), public()
    before = changes.rotated(roster(Member("n", ("sink",), (Key(one),))), "n", two, 100.0, 1000.0)
    assert len(changes.with_roles(before, "desk", ["admin"], 1099.0).find("n").keys) == 2
    assert changes.with_roles(before, "desk", ["admin"], 1100.0).find("n").keys == (Key(two),)


def test_without_an_overlap_the_old_key_is_dropped_at_once():
    one, two = public(), public()
    before = roster(Member("n", ("sink",), (Key(one),)))
    assert changes.rotated(before, "n", two, 0.0, 1000.0).find("n").keys == (Key(two),)


def test_a_member_whose_keys_have_all_ended_is_still_one():
    keys = (Key(public(), 5.0), Key(public(), 9.0))
    after = changes.with_roles(roster(Member("n", ("sink",), keys)), "desk", ["admin"], 1000.0)
    assert after.find("n").keys == keys[1:]
    assert "n" not in {access.name for access in after.accesses(1000.0).values()}


def test_there_is_a_limit_to_keys():
    keys = tuple(Key(public(), 9e9) for _ in range(KEYS_PER_MEMBER_MAX))
    before = roster(Member("n", ("sink",), keys))
    with pytest.raises(KeysError, match="n has 4 keys that are good yet"):
        changes.rotated(before, "n", public(), 100.0, 1000.0)
    assert len(changes.rotated(before, "n", public(), 0.0, 1000.0).find("n").keys) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda lab: changes.added(lab, "n", ["sink"], public(), 0.0),
        lambda lab: changes.revoked(lab, "desk", 0.0),
        lambda lab: changes.with_roles(lab, "desk", ["sink"], 0.0),
    ],
)
def test_a_cluster_with_one_key_has_nothing_to_add_or_revoke(change):
    with pytest.raises(KeysError, match="lab has one key, which everybody has: "):
        change(roster(shared=True))
