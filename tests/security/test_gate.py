"""Who is let in, and what is told of it."""

from __future__ import annotations

import pytest

from zmqwork.core.permissions import admitted
from zmqwork.errors import KeysError
from zmqwork.security import cluster, contents, membership
from zmqwork.security.gate import Gate, check_role, tell_nobody
from zmqwork.security.keyring import Watched, load
from zmqwork.security.pairs import fingerprint, new_pair

ADDRESS = "10.0.0.7"


class Door:
    """A gate whose clock stands still, and which notes whom it tells of what."""

    def __init__(self, place, role):
        self.place = place
        self.now = 500.0
        self.told = []
        self.keys = Watched(place)
        self.gate = Gate(self.keys, admitted(role), lambda: self.now, self.tell)

    def tell(self, kind, **said):
        assert said["peer"] == ADDRESS
        self.told.append((kind, said["fingerprint"], said["member"], said["reason"]))

    def admit(self, name):
        """The member's newest key, or a public key, knocks; who is let in, and what is told."""
        member = load(self.place).roster.find(name)
        public = member.keys[-1].public if member else name
        self.told.clear()
        admitted = self.gate.admit(public, ADDRESS)
        assert admitted in ("", fingerprint(public))
        return bool(admitted), [(kind, who, why) for kind, _, who, why in self.told]


@pytest.fixture
def place(lab, tmp_path, clock):
    for name, roles in {
        "node": ["worker"], "store": ["sink"], "eye": ["observer"], "feed": ["producer"],
        "boss": ["admin"],
    }.items():  # fmt: skip
        cluster.add(lab, name, roles, tmp_path / f"{name}.zwk")
    return lab


def accepted(name):
    return True, [("auth.accept", name, "")]


def denied(why, name=""):
    return False, [("auth.deny", name, why)]


@pytest.mark.parametrize(
    ("role", "let_in"),
    [
        ("producer", {"desk", "eye", "boss"}),
        ("worker", {"desk", "eye", "boss", "feed"}),
        ("sink", {"desk", "eye", "boss", "feed", "node"}),
        ("observer", set()),
    ],
)
def test_who_is_of_use_to_whom(place, role, let_in):
    door = Door(place, role)
    roles = {"node": "worker", "store": "sink", "eye": "observer", "feed": "producer",
             "boss": "admin", "desk": "admin, observer, producer, sink, worker"}  # fmt: skip
    for name, said in roles.items():
        expected = accepted(name) if name in let_in else denied(f"its roles are {said}", name)
        assert door.admit(name) == expected


def test_a_key_that_nobody_knows(place):
    assert Door(place, "worker").admit(new_pair().public) == denied("unknown")


@pytest.mark.parametrize("public", ["", "x", "~" * 40, "ä" * 40, "0" * 41])
def test_what_is_no_key_is_not_let_in_and_is_no_news(place, public):
    door = Door(place, "worker")
    assert door.gate.admit(public, ADDRESS) == ""
    assert door.told == []


def test_a_revoked_key_is_called_so(place):
    door = Door(place, "worker")
    assert door.admit("feed") == accepted("feed")
    cluster.revoke(place, "feed")
    assert door.keys.poll()
    assert door.admit("feed") == denied("revoked")


def test_a_key_whose_time_is_over(place, tmp_path, clock):
    door = Door(place, "worker")
    old = load(place).roster.find("feed").keys[0].public
    cluster.rotate(place, "feed", 60.0, tmp_path / "new.zwk")
    assert door.keys.poll()
    assert door.admit(old) == accepted("feed")
    assert door.admit("feed") == accepted("feed")
    clock[0] += 60.0
    assert door.keys.poll()
    assert door.admit(old) == denied("its time is over")
    assert door.admit("feed") == accepted("feed")


def test_a_roster_that_was_not_looked_at_yet_changes_nothing(place):
    door = Door(place, "worker")
    cluster.revoke(place, "feed")
    assert door.admit("feed") == accepted("feed")


def test_a_suspended_key_is_let_in_again_when_its_time_is_over(place):
    door = Door(place, "worker")
    key = load(place).roster.find("feed").keys[0].fingerprint
    door.gate.suspend(key, 60.0)
    assert door.admit("feed") == denied("suspended", "feed")
    assert door.admit("eye") == accepted("eye")
    door.now = 559.9
    assert door.admit("feed") == denied("suspended", "feed")
    door.now = 560.0
    assert door.admit("feed") == accepted("feed")


def test_the_stranger_of_the_self_test_is_no_news_and_not_let_in(place):
    door = Door(place, "worker")
    stranger, another = new_pair().public, new_pair().public
    door.gate.expect_stranger(stranger)
    assert door.admit(stranger) == (False, [])
    assert door.admit(another) == denied("unknown")
    door.gate.expect_stranger(another)
    assert door.admit(stranger) == denied("unknown"), "there is one per start"


@pytest.mark.parametrize(
    ("name", "roles"),
    [
        ("desk", {"producer", "worker", "sink", "observer"}),
        ("node", {"worker"}),
        ("boss", {"observer"}),
        ("eye", {"observer"}),
    ],
)
def test_what_a_node_itself_may_be(place, tmp_path, name, roles):
    if name == "desk":
        keys = Watched(place)
    else:
        membership.join(tmp_path / name, tmp_path / f"{name}.zwk")
        keys = Watched(tmp_path / name)
    for role in ("producer", "worker", "sink", "observer"):
        if role in roles:
            check_role(keys, role)
        else:
            with pytest.raises(KeysError, match=f"{name} in roster . of lab is .*, and no {role};"):
                check_role(keys, role)


def test_a_node_whose_key_is_not_valid_any_more_is_nothing(place, tmp_path, clock):
    membership.join(tmp_path / "node", tmp_path / "node.zwk")
    cluster.rotate(place, "node", 60.0, tmp_path / "new.zwk")
    contents.write_roster(tmp_path / "node", load(place).roster)
    keys = Watched(tmp_path / "node")
    check_role(keys, "worker")
    clock[0] += 60.0
    assert keys.poll()
    with pytest.raises(KeysError, match="the key of node in roster 7 of lab is not valid any more"):
        check_role(keys, "worker")


def test_a_node_without_an_audit_log_tells_nobody(place):
    gate = Gate(Watched(place), admitted("worker"), lambda: 0.0)
    assert gate.tell is tell_nobody
    assert gate.admit(contents.read_roster(place).find("feed").keys[0].public, ADDRESS)
