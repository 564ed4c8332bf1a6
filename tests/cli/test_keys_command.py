from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from zmqwork.cli import main
from zmqwork.security import cluster, contents, membership
from zmqwork.security.bundle import read
from zmqwork.security.keyring import Watched, default_place, load
from zmqwork.security.pairs import new_pair
from zmqwork.security.roster import Key, Member, Roster

PROGRAM = Path(__file__).with_name("keyed_program.py")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Nobody's own keys are touched."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("ZMQWORK_KEYS", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def keys(capsys):
    """Run ``zmqwork keys`` here: its exit code and what it printed, on both streams."""

    def keys(*words):
        capsys.readouterr()
        code = main(["keys", *map(str, words)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return keys


@pytest.fixture
def said(keys):
    """What it says as JSON."""

    def said(*words, code=0):
        ended, out, err = keys(*words, "--format", "json")
        assert ended == code, err
        return json.loads(out)

    return said


def test_two_machines(keys, said, home):
    assert keys("init", "--cluster", "lab", "--name", "desk")[0] == 0
    place = home / "config" / "zmqwork" / "keys"
    assert load(place).name == "desk"
    code, out, _ = keys("add", "node7", "--role", "worker,sink", "--role", "observer")
    assert code == 0
    assert "zmqwork keys join node7.zwk" in out
    assert stat.S_IMODE((home / "node7.zwk").stat().st_mode) == 0o600
    code, out, _ = keys("join", "node7.zwk", "--keys", "there")
    assert (code, load(home / "there").name) == (0, "node7")
    assert "node node7 of lab" in out
    told = said("list")
    assert (told["cluster"], told["serial"], told["shared"]) == ("lab", 2, False)
    assert [(m["name"], m["roles"], m["state"]) for m in told["members"]] == [
        ("desk", ["producer", "worker", "sink", "observer", "admin"], "this node"),
        ("node7", ["worker", "sink", "observer"], "member"),
    ]
    fingerprint = told["members"][1]["keys"][0]["fingerprint"]
    assert said("show", "--keys", "there")["member"]["keys"][0]["fingerprint"] == fingerprint
    code, out, _ = keys("list")
    assert re.search(rf"node7 +worker, sink, observer +member +{fingerprint}", out)
    code, out, _ = keys("show", "node7")
    assert fingerprint in out
    assert load(home / "there").pair.public in out


def test_no_secret_is_ever_printed(keys, home):
    printed = []
    for words in (
        ("init", "--name", "desk"),
        ("add", "node7", "--role", "worker"),
        ("join", "node7.zwk", "--keys", "there"),
        ("list",),
        ("show",),
        ("show", "node7", "-o", "json"),
        ("rotate",),
        ("check",),
        ("check", "-o", "json"),
        ("rotate", "--now"),
        ("export", "--format", "json"),
        ("revoke", "node7"),
        ("join", "node7.zwk"),
    ):
        printed += keys(*words)[1:]
    secrets = [load(home / "there").pair.secret, read(home / "desk.zwk").pair.secret]
    secrets += [load(home / "there").discovery_key.hex()]
    assert not [secret for secret in secrets if secret in "".join(printed)]


def test_names_are_made_up_where_none_are_given(keys, said):
    assert keys("init")[0] == 0
    told = said("show")
    assert told["member"]["own"]
    assert re.fullmatch(r".+-[0-9a-f]{4}", told["cluster"])


def test_another_directory(keys, home, monkeypatch):
    monkeypatch.setenv("ZMQWORK_KEYS", str(home / "mine"))
    assert keys("init", "--name", "desk")[0] == 0
    assert load(home / "mine").name == "desk"
    assert keys("list", "--keys", "other")[0] == 78


def test_who_may_be_what(keys, said):
    keys("init", "--name", "desk")
    keys("add", "node7", "--role", "worker")
    assert said("roles", "node7", "--role", "producer")["member"]["roles"] == ["producer"]
    assert said("revoke", "node7")["member"]["state"] == "revoked"
    code, _, err = keys("add", "node7", "--role", "worker", "-o", "again.zwk")
    assert (code, "was revoked, and its name is not given again" in err) == (78, True)
    code, _, err = keys("revoke", "desk")
    assert (code, "desk is this node itself" in err) == (78, True)


def test_a_bundle_that_is_there(keys, home):
    keys("init", "--name", "desk")
    (home / "node7.zwk").write_text("mine")
    code, _, err = keys("add", "node7", "--role", "worker")
    assert (code, "node7.zwk is there already, and is not overwritten" in err) == (78, True)
    assert keys("add", "node7", "--role", "worker", "-o", "other.zwk")[0] == 0


def test_rotation_of_another_node(keys, said):
    keys("init", "--name", "desk")
    keys("add", "node7", "--role", "worker")
    keys("join", "node7.zwk", "--keys", "there")
    told = said("rotate", "node7", "-o", "new.zwk", "--overlap", "2h")
    old, new = told["member"]["keys"]
    assert (old["until"] is not None, new["until"]) == (True, None)
    assert told["bundle"] == "new.zwk"
    assert said("join", "new.zwk", "--keys", "there")["member"]["keys"][1] == new
    code, out, _ = keys("rotate", "node7", "--overlap", "0", "-o", "third.zwk")
    assert (code, "the old one has ended" in out) == (0, True)


def test_rotation_of_this_node(keys, said):
    keys("init", "--name", "desk")
    keys("add", "node7", "--role", "worker")
    told = said("rotate")
    assert told["in_use"] is False
    code, out, _ = keys("check")
    assert code == 0
    assert "note  next.toml has a new key, which waits: zmqwork keys push" in out
    used = said("rotate", "--now")
    assert (used["in_use"], used["key"]) == (True, told["key"])
    for words, text in (
        (("rotate", "-o", "x.zwk"), "zmqwork keys export"),
        (("rotate", "node7", "--now"), "--now is for the key of this node, desk"),
    ):
        code, _, err = keys(*words)
        assert (code, text in err) == (2, True)


def test_the_audit_log_tells_what_was_done(keys, home, monkeypatch, zmqwork):
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    for words in (
        "init --cluster lab --name desk",
        "add node7 --role worker,sink",
        "roles node7 --role worker",
        "rotate node7 -o newer.zwk",
        "rotate",
        "rotate --now",
        "export -o copy.zwk",
        "revoke node7",
    ):
        assert keys(*words.split())[0] == 0
    said = zmqwork("audit", "tail", "-n", "99", "-o", "json").stdout.splitlines()
    records = [json.loads(line) for line in said]
    assert [(r["kind"], r["member"], r["reason"]) for r in records] == [
        ("keys.created", "desk", "a cluster"),
        ("keys.created", "node7", "a member: worker, sink"),
        ("roster.change", "node7", "roles: worker"),
        ("keys.created", "node7", "a new key"),
        ("keys.created", "desk", "a new key, which waits"),
        ("keys.created", "desk", "a new key, in use"),
        ("keys.created", "desk", "a bundle with its key"),
        ("key.revoke", "node7", "revoked"),
    ]


def test_one_key_for_everybody(keys, said, home):
    code, out, _ = keys("init", "--shared", "--cluster", "lab")
    assert (code, "everybody who has its file is everybody" in out) == (0, True)
    code, out, _ = keys("export", "-o", "lab.zwk")
    assert (code, "everybody who has this\nfile is everybody" in out) == (0, True)
    assert said("join", "lab.zwk", "--keys", "there")["member"]["name"] == "everybody"
    assert said("list", "--keys", "there")["shared"] is True
    for words in (("add", "n", "--role", "worker"), ("revoke", "everybody")):
        code, _, err = keys(*words)
        assert (code, "lab has one key, which everybody has" in err) == (78, True)
    assert "keys export -o FILE" in keys("rotate")[1]
    assert keys("init", "--shared", "--name", "x", "--keys", "other")[0] == 2


def test_check(keys, said, home):
    keys("init", "--name", "desk")
    code, out, _ = keys("check")
    assert (code, "can be used" in out) == (0, True)
    place = home / "config" / "zmqwork" / "keys"
    (place / "node.toml").chmod(0o644)
    (place / "discovery.key").write_text("00")
    code, out, _ = keys("check")
    assert code == 1
    assert out.count("FAIL  ") == 2
    told = said("check", code=1)
    assert str(place / "node.toml") in told["faults"][0]
    assert (len(told["faults"]), told["remarks"]) == (2, [])
    assert keys("check", "-o", "quiet") == (1, "", "")


def test_files_that_cannot_be_used(keys, home):
    keys("init", "--name", "desk")
    (home / "config" / "zmqwork" / "keys" / "node.toml").chmod(0o644)
    for words in (("list",), ("show",), ("add", "x", "--role", "sink"), ("push",), ("export",)):
        code, out, err = keys(*words)
        assert (code, out) == (78, "")
        assert "others can read" in err
        assert "chmod 600" in err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("lsit",), "unknown ACTION 'lsit': did you mean list?"),
        (("add",), "add is called like this: zmqwork keys add NODE"),
        (("show", "a", "b"), "zmqwork keys show [NODE]"),
        (("add", "n"), "add needs --role: some of producer, worker"),
        (("add", "n", "--role", ","), "add needs --role"),
        (("add", "n", "--role", "sink,wroker"), "'wroker' is no role: did you mean worker?"),
        (("roles", "desk", "--role", "boss"), "'boss' is no role: choose from producer, worker"),
        (("add", "n", "--role", "worker", "-o", "json"), "for json say --format json"),
        (("list", "-o", "jsno"), "unknown OUTPUT 'jsno': did you mean json?"),
        (("list", "--role", "sink"), "--role is for add, roles, not for list"),
        (("add", "n", "--shared"), "--shared is for init, not for add"),
        (("check", "--realm", "x"), "--realm is for push, not for check"),
        (("check", "--insecure-lan"), "--insecure-lan is for push, not for check"),
        (("show", "node9"), "has no member 'node9': it has desk"),
        (("push", "--peer", "tcp://127.0.0.1:1"), "--peer needs --realm"),
    ],
)
def test_wrong_usage(keys, words, text):
    keys("init", "--name", "desk")
    code, out, err = keys(*words)
    assert (code, out) == (2, "")
    assert text in err


@pytest.mark.parametrize("place", ["none", "empty"])
def test_there_are_no_keys_yet(keys, home, place):
    (home / "empty").mkdir(mode=0o700)
    for words in (("list",), ("show",), ("add", "x", "--role", "sink"), ("push",), ("rotate",)):
        code, out, err = keys(*words, "--keys", home / place)
        assert (code, out) == (78, "")
        assert f"there are no keys in {home / place}: zmqwork keys init, or zmqwork keys jo" in err


def test_a_member_that_is_there_already_can_have_a_new_bundle(keys):
    keys("init", "--cluster", "lab", "--name", "desk")
    keys("add", "n", "--role", "worker")
    code, _, err = keys("add", "n", "--role", "worker", "-o", "again.zwk")
    assert (code, "lab has a member n already" in err) == (78, True)
    assert "zmqwork keys rotate n" in err
    assert keys("rotate", "n", "-o", "again.zwk")[0] == 0


NOBODY = "~nobody-of-that-name/x.zwk"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("join", NOBODY), f"{NOBODY} leads to the home of a user who has none"),
        (("list", "--keys", NOBODY), f"{NOBODY} leads to the home of a user who has none"),
        (("add", "n", "--role", "sink", "-o", NOBODY), "leads to the home of a user"),
        (("add", "~root", "--role", "sink"), "'~root' is no name of a node"),
        (("add", "n", "--role", "sink", "-o", "."), ". is a directory, and no file"),
        (("add", "n", "--role", "sink", "-o", "/"), "/ is a directory, and no file"),
        (("init", "--cluster", "../x", "--keys", "k"), "'../x' is no name of a cluster"),
    ],
)
def test_places_and_names_that_there_cannot_be(keys, words, text):
    keys("init", "--name", "desk")
    code, out, err = keys(*words)
    assert (code, out) == (78, "")
    assert text in err
    assert load(default_place()).roster.serial == 1


def test_keys_at_a_place_that_there_cannot_be(keys, monkeypatch, capsys):
    monkeypatch.setenv("ZMQWORK_KEYS", NOBODY)
    for words in (["keys", "list"], ["ps"]):
        assert main(words) == 78
        assert "leads to the home of a user who has none" in capsys.readouterr().err


def test_many_members_are_listed_in_one_go(keys, said, monkeypatch):
    """Who may what is looked up once, and not for each of them."""
    keys("init", "--name", "desk")
    roster = load(default_place()).roster
    more = tuple(Member(f"n{i}", ("sink",), (Key(new_pair().public),)) for i in range(50))
    contents.write_roster(default_place(), replace(roster, members=(*roster.members, *more)))
    looked = []
    accesses = Roster.accesses
    monkeypatch.setattr(Roster, "accesses", lambda *given: looked.append(1) or accesses(*given))
    assert [m["state"] for m in said("list")["members"]] == ["this node", *["member"] * 50]
    assert len(looked) == 1


def test_the_audit_log_has_whose_key_it_was_and_what_it_may_be(keys, said, home, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    keys("init", "--name", "desk")
    keys("add", "n", "--role", "worker")
    first = said("show", "n")["member"]["keys"][-1]["fingerprint"]
    keys("roles", "n", "--role", "worker,producer")
    keys("rotate", "n", "-o", "new.zwk")
    second = said("show", "n")["member"]["keys"][-1]["fingerprint"]
    lines = (home / "state" / "zmqwork" / "audit.jsonl").read_text().splitlines()
    noted = [json.loads(line) for line in lines][1:]
    assert [(r["kind"], r["member"], r["fingerprint"], r["roles"]) for r in noted] == [
        ("keys.created", "n", first, ["worker"]),
        ("roster.change", "n", first, ["worker", "producer"]),
        ("keys.created", "n", second, ["worker", "producer"]),
    ]


# -- push


@pytest.fixture
def lab(home, runtime):
    """An admin and node7, which was joined; both with keys directories of their own."""
    cluster.create(home / "desk", "lab", "desk")
    cluster.add(home / "desk", "node7", ["producer", "worker", "sink"], home / "node7.zwk")
    membership.join(home / "node7", home / "node7.zwk")
    return home


@pytest.fixture
def nodes(lab, start_python):
    """A worker, a sink and a producer of node7, as they run."""

    def nodes():
        process = start_python(
            str(PROGRAM), str(lab / "node7"), env=os.environ | {"ZMQWORK_KEYS": str(lab / "node7")}
        )
        assert process.stdout.readline() == "ready\n", process.stderr.read()
        return process

    return nodes


def test_running_nodes_get_the_roster(lab, nodes, said, keys):
    nodes()
    cluster.add(lab / "desk", "node8", ["worker"], lab / "node8.zwk")
    watched = Watched(lab / "node7")
    told = said("push", "--keys", lab / "desk", "--timeout", "30")
    assert (told["cluster"], told["serial"], told["realms"]) == ("lab", 3, ["keyed"])
    assert [(n["role"], n["serial"], n["result"]) for n in told["nodes"]] == [
        ("producer", 3, "taken"),
        # They have the same keys directory, and find it there.
        ("worker", 3, "known"),
        ("sink", 3, "known"),
    ]
    assert {node["before"] for node in told["nodes"]} <= {2, 3}
    assert watched.poll()
    assert watched.keyring.roster == load(lab / "desk").roster
    code, out, _ = keys("push", "--keys", lab / "desk", "--realm", "keyed", "--timeout", "30")
    assert code == 0
    assert "roster 3 of lab:" in out
    assert out.count("known") == 3
    assert "--realm NAME" not in out
    _, out, _ = keys("push", "--keys", lab / "desk", "--timeout", "30")
    assert "These are of the realms that live on this machine" in out


def test_a_roster_of_another_cluster_is_refused(lab, nodes, said, keys):
    nodes()
    before = load(lab / "node7")
    cluster.create(lab / "farm", "farm", "desk")
    told = said("push", "--keys", lab / "farm", "--timeout", "3", code=1)
    assert load(lab / "node7") == before
    assert told["nodes"] == []  # its key is in no roster of theirs: they do not hear it
    assert {node["why"] for node in told["unheard"]} == {"its key is not in the roster here"}


def test_who_is_revoked_does_not_count(lab, nodes, said, keys):
    """A push after `revoke` succeeds, or finds nobody, while the revoked nodes run."""
    nodes()
    cluster.revoke(lab / "desk", "node7")
    told = said("push", "--keys", lab / "desk", "--timeout", "3", code=3)
    assert (told["nodes"], told["unheard"]) == ([], [])
    assert {node["role"] for node in told["revoked"]} == {"producer", "worker", "sink"}
    _, _, err = keys("push", "--keys", lab / "desk", "--timeout", "3")
    assert err.count("runs with a key that is revoked, and is told nothing") == 3


def test_ps_says_whose_roster_is_spoiled(lab, nodes, zmqwork):
    """Who looks from elsewhere sees what the node itself says in its log."""
    nodes()
    roster = lab / "node7" / "roster.toml"
    roster.write_text(roster.read_text() + "broken = [")

    where = ("--realm", "keyed", "--discovery", "local", "--keys", str(lab / "desk"))
    looks = (zmqwork("ps", *where).stderr for _ in range(60))
    said = next(told for told in looks if "KEYS: " in told)
    assert re.search(r"KEYS: worker \S+ of node7 goes on with roster 2: .*roster.toml", said)


def test_a_large_roster(lab, nodes, said):
    """It does not fit into one frame."""
    nodes()
    place = lab / "desk"
    keyring = load(place)
    roster = keyring.roster
    more = tuple(
        Member(f"node-{number}", ("producer", "worker", "sink"), (Key(new_pair().public),))
        for number in range(2500)
    )
    roster = replace(roster, serial=roster.serial + 1, members=(*roster.members, *more))
    assert len(roster.encode()) > 256 * 1024
    contents.write_roster(place, roster)
    told = said("push", "--keys", place, "--discovery", "local", "--timeout", "30")
    assert told["nodes"][0]["result"] == "taken"
    assert load(lab / "node7").roster == roster


def test_nobody_is_there(lab, keys):
    code, _, err = keys("push", "--keys", lab / "desk", "--timeout", "0.2")
    assert (code, "no node answered in any realm" in err) == (3, True)
    assert "--realm NAME" in err
    code, _, err = keys("push", "--keys", lab / "desk", "--realm", "x", "--timeout", "0.2")
    assert (code, "no node answered in 'x'" in err) == (3, True)
    assert "--realm NAME" not in err


def test_only_an_admin_pushes(lab, keys):
    code, _, err = keys("push", "--keys", lab / "node7")
    assert (code, "node7 may not change the roster of lab" in err) == (78, True)


def test_it_is_a_program(lab, zmqwork):
    done = zmqwork("keys", "show", "--keys", str(lab / "node7"), "-o", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["member"]["name"] == "node7"
