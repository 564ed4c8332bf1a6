"""Everything that is wrong with the files is said at once: H34 and H35."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from zmqwork.security import cluster, contents, membership
from zmqwork.security.checkup import remarks
from zmqwork.security.keyring import load
from zmqwork.security.pairs import new_pair


def faults(place):
    return [remark.text for remark in remarks(place) if remark.is_fault]


def notes(place):
    return [remark.text for remark in remarks(place) if not remark.is_fault]


def test_nothing_is_wrong(lab):
    assert remarks(lab) == []


def test_no_keys(tmp_path):
    assert faults(tmp_path / "none") == [f"{tmp_path / 'none'} has no keys"]


def spoil(place, name, old, new):
    path = place / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("roster.toml", "serial = 1", "serial = 0", "serial must be"),
        ("roster.toml", '"admin"', '"root"', "'root' is no role"),
        ("roster.toml", "[[member]]", "[[member", "it is no TOML"),
        ("roster.toml", "# Which", "#" * 10_000_000, "is longer than"),
        ("roster.toml", ', "admin"', "", "its checksum does not fit"),
        ("node.toml", 'secret = "', 'secret = "x', "a key has 40 characters"),
        ("node.toml", "secret", "[secret", "it is no TOML"),
        ("discovery.key", "", "00", "the discovery key has not 32 bytes"),
    ],
)
def test_a_spoiled_file_is_named(lab, name, old, new, said):
    spoil(lab, name, old, new)
    (fault,) = faults(lab)
    assert said in fault
    assert str(lab / name) in fault


def test_a_roster_in_which_this_node_is_not(lab):
    other = replace(load(lab).roster.members[0], name="other")
    contents.write_roster(lab, replace(load(lab).roster, members=(other,)))
    (fault,) = faults(lab)
    assert fault.startswith("desk, which is this node, is not in")


def test_a_roster_that_nobody_can_change(lab):
    desk = replace(load(lab).roster.members[0], roles=("worker",))
    contents.write_roster(lab, replace(load(lab).roster, members=(desk,)))
    (fault,) = faults(lab)
    assert fault.startswith("no member of lab is admin")


def test_a_duplicate_key(lab):
    text = (lab / "roster.toml").read_text()
    member = text[text.index("[[member]]") :]
    with (lab / "roster.toml").open("a") as file:
        file.write(member.replace('"desk"', '"twin"'))
    (fault,) = faults(lab)
    assert "member twin: desk has this key already" in fault


def test_all_of_it_is_said(lab):
    secret = load(lab).pair.secret
    lab.chmod(0o750)
    (lab / "node.toml").chmod(0o640)
    (lab / "roster.toml").unlink()
    (lab / "discovery.key").unlink()
    (lab / "discovery.key").symlink_to(lab / "node.toml")
    found = faults(lab)
    assert [text.split(":")[0] for text in found] == [
        f"others may enter {lab}",
        f"others can read {lab / 'node.toml'}",
        f"cannot read {lab / 'roster.toml'}",
        f"cannot read {lab / 'discovery.key'}",
    ]
    assert secret not in "".join(found)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_files_of_another_user(lab):
    os.chown(lab / "roster.toml", 12345, 12345)
    (fault,) = faults(lab)
    assert f"{lab / 'roster.toml'} belongs to user 12345" in fault


def test_a_key_that_is_not_in_the_roster(lab):
    contents.write_node(lab / "node.toml", "desk", new_pair())
    (fault,) = faults(lab)
    assert "the key of this node, desk, is not in roster 1 of lab (any more)" in fault


def test_a_node_that_was_revoked(lab, tmp_path):
    cluster.add(lab, "node7", ["worker"], tmp_path / "node7.zwk")
    place = tmp_path / "node7"
    membership.join(place, tmp_path / "node7.zwk")
    cluster.revoke(lab, "node7")
    contents.write_roster(place, load(lab).roster)
    (fault,) = faults(place)
    assert "node7, which is this node, was revoked, as roster 3 of lab says" in fault
    assert faults(lab) == []


def test_a_key_that_ends(lab, tmp_path, clock):
    cluster.add(lab, "node7", ["worker"], tmp_path / "node7.zwk")
    place = tmp_path / "node7"
    membership.join(place, tmp_path / "node7.zwk")
    cluster.rotate(lab, "node7", 60.0, tmp_path / "new.zwk")
    contents.write_roster(place, load(lab).roster)
    (note,) = remarks(place)
    assert (note.is_fault, note.at) == (False, clock[0] + 60.0)
    assert note.text == "the key of this node, node7, ends at"
    clock[0] += 60.0
    assert faults(place) == ["the key of this node, node7, has ended at"]
    membership.join(place, tmp_path / "new.zwk")
    assert remarks(place) == []


def test_a_member_whose_keys_have_ended(lab, tmp_path, clock):
    cluster.add(lab, "node7", ["worker"], tmp_path / "node7.zwk")
    roster = load(lab).roster
    desk, node7 = roster.members
    ended = replace(node7, keys=(replace(node7.keys[0], until=clock[0]),))
    contents.write_roster(lab, replace(roster, members=(desk, ended)))
    assert (faults(lab), notes(lab)) == ([], ["all keys of node7 have ended"])


def test_a_key_that_waits(lab, tmp_path):
    cluster.add(lab, "node7", ["worker"], tmp_path / "node7.zwk")
    cluster.rotate_own(lab, 60.0, at_once=False)
    assert "next.toml has a new key, which waits" in notes(lab)
    contents.write_node(lab / "next.toml", "desk", new_pair())
    assert "next.toml has a key that is not in the roster, and is not used" in notes(lab)
    (lab / "next.toml").write_text("x")
    (fault,) = faults(lab)
    assert fault.startswith(f"{lab / 'next.toml'}: it is no TOML")


def test_what_was_left_is_told(lab):
    left = lab / ".roster.toml.0123abcd"
    left.touch()
    (lab / ".roster.toml.other").touch()
    assert notes(lab) == [f"{left} was left by a command that was killed"]
