"""A node's keys as it uses them: which directory, what it takes from there, and what it does not."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import pytest

from zmqwork.errors import KeysError
from zmqwork.security import cluster, contents, keyring
from zmqwork.security.keyring import KEYS_VARIABLE, Watched, keys_of, load
from zmqwork.security.pairs import new_pair


@pytest.fixture
def watched(lab, tmp_path, clock):
    cluster.add(lab, "node7", ["worker"], tmp_path / "node7.zwk")
    return Watched(lab)


def names(watched):
    return sorted(access.name for access in watched.accesses.values())


def put(place, name, text):
    """Another content; also for one who looks at size and time alone."""
    path = place / name
    path.with_name("fresh").write_text(text)
    path.with_name("fresh").chmod(0o600)
    path.with_name("fresh").replace(path)


# -- what is taken ----------------------------------------------------------------------------


def test_nothing_new_is_nothing(watched):
    assert not watched.poll()
    assert not watched.poll()
    assert (names(watched), watched.trouble) == (["desk", "node7"], "")


def test_another_roster_is_taken(lab, watched, tmp_path):
    cluster.add(lab, "node8", ["sink"], tmp_path / "node8.zwk")
    assert names(watched) == ["desk", "node7"]
    assert watched.poll()
    assert names(watched) == ["desk", "node7", "node8"]
    assert watched.keyring == load(lab)
    cluster.revoke(lab, "node7")
    assert watched.poll()
    assert names(watched) == ["desk", "node8"]


def test_the_own_key_is_replaced(lab, watched):
    before = watched.keyring.pair
    cluster.rotate_own(lab, 60.0, at_once=True)
    assert watched.poll()
    assert watched.keyring.pair == load(lab).pair != before
    assert names(watched) == ["desk", "desk", "node7"]
    assert watched.describe()["fingerprint"] == load(lab).fingerprint


def test_another_discovery_key_is_taken(lab, watched):
    contents.write_discovery_key(lab, b"x" * 32)
    assert watched.poll()
    assert watched.keyring.discovery_key == b"x" * 32


def test_a_key_ends_with_time_though_no_file_changes(lab, watched, tmp_path, clock):
    old = load(lab).roster.find("node7").keys[0].fingerprint
    cluster.rotate(lab, "node7", 60.0, tmp_path / "new.zwk")
    assert watched.poll()
    assert old in watched.accesses
    clock[0] += 59.0
    assert not watched.poll()
    clock[0] += 1.0
    assert watched.poll()
    assert old not in watched.accesses
    assert names(watched) == ["desk", "node7"]
    assert watched.keyring.public_of(old) is None
    assert not watched.poll(), "that is told once"


def test_a_wall_clock_that_is_put_right_gives_back_what_it_took(lab, watched, tmp_path, clock):
    """It was a year ahead, and all keys that are being rotated had ended by it."""
    cluster.rotate(lab, "node7", 3600.0, tmp_path / "new.zwk")
    assert watched.poll()
    both = set(watched.accesses)
    clock[0] += 365 * 86400.0
    assert watched.poll()
    assert len(watched.accesses) == len(both) - 1
    clock[0] -= 365 * 86400.0 - 5.0
    assert watched.poll()
    assert set(watched.accesses) == both
    assert not watched.poll()


def test_of_two_keys_each_ends_in_its_time(lab, watched, tmp_path, clock):
    cluster.rotate(lab, "node7", 60.0, tmp_path / "new.zwk")
    cluster.rotate(lab, "node7", 90.0, tmp_path / "newer.zwk")
    watched.poll()
    counts = []
    for _ in range(4):
        counts.append(len(watched.accesses) - 1)
        clock[0] += 30.0
        watched.poll()
    assert counts == [3, 3, 2, 1]


# -- what is not ------------------------------------------------------------------------------

SPOILED = {
    "cut short": lambda text: text[: len(text) // 2],
    "empty": lambda _: "",
    "no role": lambda text: text.replace('"worker"', '"root"'),
    "a field more": lambda text: text.replace("serial", 'colour = "red"\nserial'),
    "no serial": lambda text: text.replace("serial = ", "# "),
    "no text": lambda _: "\udcff\udcfe",
}


@pytest.mark.parametrize("how", SPOILED)
def test_a_spoiled_roster_changes_nothing_and_that_is_said(lab, watched, how):
    before = watched.keyring, watched.accesses
    good = (lab / "roster.toml").read_text()
    (lab / "roster.toml").write_text(SPOILED[how](good), errors="surrogateescape")
    assert watched.poll()
    assert (watched.keyring, watched.accesses) == before
    assert str(lab / "roster.toml") in watched.trouble
    assert watched.describe()["trouble"] == watched.trouble
    assert not watched.poll(), "that is told once"
    put(lab, "roster.toml", good)
    assert watched.poll()
    assert watched.trouble == ""


@pytest.mark.parametrize("name", ["node.toml", "roster.toml", "discovery.key"])
def test_a_file_that_is_gone_or_open_to_others_changes_nothing(lab, watched, name):
    before, text = watched.keyring, (lab / name).read_text()
    (lab / name).unlink()
    assert watched.poll()
    assert str(lab / name) in watched.trouble
    put(lab, name, text)
    assert watched.poll()
    assert watched.trouble == ""
    put(lab, name, text)
    (lab / name).chmod(0o644)
    assert watched.poll()
    assert f"others can read {lab / name}" in watched.trouble
    assert watched.keyring == before


def test_a_directory_that_is_gone(lab, watched):
    before = watched.keyring
    lab.rename(lab.with_name("elsewhere"))
    assert watched.poll()
    assert watched.trouble
    assert watched.keyring == before


def test_a_lower_serial_is_not_taken_or_revoked_nodes_would_be_back(lab, watched):
    old = (lab / "roster.toml").read_text()
    cluster.revoke(lab, "node7")
    watched.poll()
    put(lab, "roster.toml", old)
    assert watched.poll()
    assert watched.trouble == "the roster has serial 2, which is older than 3"
    assert names(watched) == ["desk"]
    assert watched.describe()["serial"] == 3


def test_the_same_serial_with_other_content_is_not_taken(lab, watched):
    before = watched.keyring.roster
    node7 = replace(before.find("node7"), roles=("sink",))
    changed = replace(before, members=(before.members[0], node7))
    put(lab, "roster.toml", changed.encode())
    assert watched.poll()
    assert watched.trouble == "the roster has changed, and its serial 2 has not"
    assert watched.keyring.roster.find("node7").roles == ("worker",)


@pytest.mark.parametrize("name", ["", "roster.toml"])
def test_rights_that_are_mended_are_noticed(lab, watched, tmp_path, name):
    """With a roster that has come meanwhile, and that nobody used."""
    place, right = (lab / name if name else lab), (0o600 if name else 0o700)
    place.chmod(right | 0o044)
    assert watched.poll()
    assert f"{place}: chmod {right:o} {place}" in watched.trouble
    fresh = replace(watched.keyring.roster, serial=9).encode()
    (lab / "roster.toml").write_text(fresh)
    assert watched.poll()
    assert watched.keyring.roster.serial == 2
    place.chmod(right)
    assert watched.poll()
    assert (watched.trouble, watched.keyring.roster.serial) == ("", 9)
    assert not watched.poll()


def test_the_same_roster_written_again_is_no_trouble(lab, watched):
    put(lab, "roster.toml", (lab / "roster.toml").read_text())
    assert watched.poll()
    assert watched.trouble == ""


def test_keys_of_another_cluster_are_not_taken(lab, watched, tmp_path):
    other = tmp_path / "other"
    cluster.create(other, "farm", "desk")
    for name in ("node.toml", "roster.toml", "discovery.key"):
        shutil.copy2(other / name, lab / name)
    assert watched.poll()
    assert watched.trouble == "the roster is of cluster 'farm', not of 'lab'"
    assert watched.keyring.roster.cluster == "lab"


def test_half_of_a_pair_is_not_taken(lab, watched):
    text = (lab / "node.toml").read_text().replace(load(lab).pair.secret, new_pair().secret)
    put(lab, "node.toml", text)
    assert watched.poll()
    assert watched.trouble.startswith(f"{lab / 'node.toml'}: the secret key does not belong")


def test_what_a_node_says_of_its_keys(lab, watched):
    assert watched.describe() == {
        "member": "desk",
        "fingerprint": load(lab).fingerprint,
        "cluster": "lab",
        "serial": 2,
        "trouble": "",
    }
    assert load(lab).pair.secret not in repr(watched.describe())


# -- which directory --------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Where the usual keys would be."""
    monkeypatch.delenv(KEYS_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "zmqwork" / "keys"


def place_of(watched):
    return watched and watched.keyring.place


def test_without_keys_there_are_none(home):
    assert keys_of() is None
    assert keys_of(False) is None


def test_the_usual_place(home):
    cluster.create(home, "lab", "desk")
    assert place_of(keys_of()) == place_of(keys_of(True)) == home
    assert keys_of(False) is None


def test_the_place_that_the_variable_names(home, lab, monkeypatch):
    cluster.create(home, "farm", "desk")
    monkeypatch.setenv(KEYS_VARIABLE, str(lab))
    assert place_of(keys_of()) == place_of(keys_of(True)) == lab
    assert place_of(keys_of(home)) == home
    assert keys_of(False) is None


def test_the_variable_may_say_that_there_are_none(home, lab, monkeypatch):
    cluster.create(home, "farm", "desk")
    monkeypatch.setenv(KEYS_VARIABLE, keyring.NO_KEYS)
    assert keys_of() is None
    assert place_of(keys_of(True)) == home, "who asks for the usual ones gets them"
    assert place_of(keys_of(lab)) == lab


def test_the_option_names_a_place_in_the_home(home, lab, monkeypatch):
    monkeypatch.setenv("HOME", str(lab.parent))
    assert place_of(keys_of("~/desk")) == lab
    monkeypatch.setenv(KEYS_VARIABLE, "~/desk")
    assert place_of(keys_of()) == lab


@pytest.mark.parametrize("how", ["option", "variable", "true"])
def test_keys_that_are_named_and_missing_are_an_error(home, tmp_path, monkeypatch, how):
    missing = tmp_path / "missing"
    if how == "variable":
        monkeypatch.setenv(KEYS_VARIABLE, str(missing))
    elif how == "true":
        missing = home
    with pytest.raises(
        KeysError, match=r"there are no keys in .*keys init, or zmqwork keys join"
    ) as caught:
        keys_of({"option": missing, "variable": None, "true": True}[how])
    assert str(missing) in str(caught.value)


@pytest.mark.parametrize("name", ["node.toml", "roster.toml"])
def test_keys_that_are_half_there_are_an_error_and_not_none(home, name):
    """Or a node would run without keys because somebody removed a file."""
    cluster.create(home, "lab", "desk")
    (home / name).unlink()
    with pytest.raises(KeysError, match=name):
        keys_of()


def test_keys_for_a_while(home, lab, monkeypatch):
    with keyring.using(str(lab)):
        assert place_of(keys_of()) == lab
        with keyring.using(keyring.NO_KEYS):
            assert keys_of() is None
        assert place_of(keys_of()) == lab
    assert KEYS_VARIABLE not in os.environ
