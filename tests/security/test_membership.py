"""What a machine joins with: newer keys of the same node are taken, others are refused."""

from __future__ import annotations

import os
import re
import shutil

import pytest

from zmqwork.errors import KeysError
from zmqwork.security import bundle, cluster, contents, membership
from zmqwork.security.keyring import load
from zmqwork.security.pairs import new_pair


@pytest.fixture
def path(lab, tmp_path):
    path = tmp_path / "node7.zwk"
    cluster.add(lab, "node7", ["worker", "sink"], path)
    return path


@pytest.fixture
def place(tmp_path):
    return tmp_path / "node7"


def contents_of(place):
    return {path.name: path.read_bytes() for path in place.iterdir()}


def test_a_machine_joins(lab, path, place):
    joined = membership.join(place, path)
    assert joined == load(place)
    assert joined.name == "node7"
    assert joined.roster == load(lab).roster
    assert joined.discovery_key == load(lab).discovery_key
    assert joined.accesses()[joined.fingerprint].roles == {"worker", "sink"}
    # Again, and nothing is different.
    before = contents_of(place)
    membership.join(place, path)
    assert contents_of(place) == before


def test_a_newer_roster_stays(lab, path, place, tmp_path):
    membership.join(place, path)
    cluster.rotate(lab, "node7", 3600.0, tmp_path / "new.zwk")
    cluster.add(lab, "node8", ["worker"], tmp_path / "node8.zwk")
    contents.write_roster(place, load(lab).roster)  # by a push
    joined = membership.join(place, tmp_path / "new.zwk")
    assert joined.roster == load(lab).roster
    assert joined.pair == bundle.read(tmp_path / "new.zwk").pair


def test_a_bundle_whose_time_is_over(lab, path, place, tmp_path):
    cluster.rotate(lab, "node7", 0.0, tmp_path / "new.zwk")
    membership.join(place, tmp_path / "new.zwk")
    before = contents_of(place)
    with pytest.raises(KeysError, match=r"node7\.zwk: roster 3 of lab does not know this key"):
        membership.join(place, path)
    assert contents_of(place) == before


def test_a_bundle_of_a_node_that_was_revoked(lab, path, place, tmp_path):
    membership.join(place, path)
    cluster.revoke(lab, "node7")
    contents.write_roster(place, load(lab).roster)
    with pytest.raises(KeysError, match="node7 was revoked, as roster 3 of lab says"):
        membership.join(place, path)


def test_keys_of_another_node(lab, path, tmp_path):
    before = contents_of(lab)
    with pytest.raises(KeysError, match=r"desk has the keys of desk, and .* is of node7 in"):
        membership.join(lab, path)
    assert contents_of(lab) == before
    assert membership.join(lab, path, overwrite=True).name == "node7"


def test_keys_of_another_cluster(path, tmp_path, place):
    membership.join(place, path)
    other, theirs = tmp_path / "other", tmp_path / "theirs.zwk"
    for name, said in (("farm", "keys of cluster lab, and"), ("lab", "of another cluster lab")):
        cluster.create(other, name, "node7")
        theirs.unlink(missing_ok=True)
        cluster.export(other, theirs)
        before = contents_of(place)
        with pytest.raises(KeysError, match=said):
            membership.join(place, theirs)
        assert contents_of(place) == before
        for file in other.iterdir():
            file.unlink()


def test_two_rosters_with_one_serial(lab, path, place, tmp_path):
    """Somebody restored an old copy of the admin's keys, and went on with it."""
    membership.join(place, path)
    fork = contents_of(lab)
    cluster.rotate(lab, "node7", 60.0, tmp_path / "one.zwk")
    membership.join(place, tmp_path / "one.zwk")
    for name, data in fork.items():
        (lab / name).write_bytes(data)
    cluster.rotate(lab, "node7", 60.0, tmp_path / "two.zwk")
    with pytest.raises(KeysError, match="there are two rosters 3 of lab"):
        membership.join(place, tmp_path / "two.zwk")


def test_overwriting_gives_up_a_key_that_waits(lab, tmp_path):
    cluster.add(lab, "node7", ["worker"], tmp_path / "node7.zwk")
    cluster.export(lab, tmp_path / "desk.zwk")
    cluster.rotate_own(lab, 60.0, at_once=False)
    joined = membership.join(lab, tmp_path / "desk.zwk", overwrite=True)
    assert (joined.roster.serial, cluster.next_key(joined)) == (2, None)


def test_an_admin_is_brought_back_from_a_copy(lab, path, place, tmp_path):
    cluster.export(lab, tmp_path / "desk.zwk")
    cluster.add(lab, "node8", ["worker"], tmp_path / "node8.zwk")
    membership.join(place, path)
    contents.write_roster(place, load(lab).roster)  # by a push
    again = tmp_path / "again"
    assert membership.join(again, tmp_path / "desk.zwk").roster.serial == 2
    shutil.copy2(place / "roster.toml", again / "roster.toml")
    assert cluster.revoke(again, "node8").roster.serial == 4


# -- hostile files: H34


def public_for_secret(text):
    public = re.search(r'^public = "(.*)"$', text, re.MULTILINE)[1]
    return re.sub(r'^secret = ".*"$', lambda _: f'secret = "{public}"', text, flags=re.MULTILINE)


def another_secret(text):
    secret = new_pair().secret
    return re.sub(r'^secret = ".*"$', lambda _: f'secret = "{secret}"', text, flags=re.MULTILINE)


SPOILED = {
    "truncated in the roster": lambda text: text[: text.index("[[member]]")],
    "truncated in the key": lambda text: text[: text.index("secret") + 20],
    "empty": lambda _: "",
    "public in place of secret": public_for_secret,
    "another secret": another_secret,
    "no secret": lambda text: text.replace("secret = ", "# "),
    "more than it should have": lambda text: text.replace("format", "colour = 1\nformat"),
    "a format to come": lambda text: text.replace("format = 1", "format = 2"),
    "a discovery key cut short": lambda text: re.sub('(discovery_key = ".{10}).*', r'\1"', text),
    "a spoiled roster": lambda text: text.replace('"worker", "sink"', '"root"'),
    "a roster without it": lambda text: text.replace('name = "node7"\nroles', 'name = "x"\nroles'),
    "another name": lambda text: text.replace('name = "node7"\npublic', 'name = "desk"\npublic'),
    "no name": lambda text: text.replace('name = "node7"\npublic', 'name = "a/b"\npublic'),
    "no text": lambda _: "\udcff",
    "ten megabytes": lambda text: text + "#" * 10_000_000,
}


@pytest.mark.parametrize("how", SPOILED)
def test_a_spoiled_bundle(path, place, how):
    text = path.read_text()
    secret = bundle.read(path).pair.secret
    path.write_text(SPOILED[how](text), errors="surrogateescape")
    with pytest.raises(KeysError) as caught:
        membership.join(place, path)
    said = str(caught.value)
    assert str(path) in said
    assert not any(part in said for part in (secret, secret[:10], "Traceback"))
    assert not (place / "node.toml").exists()


def test_a_bundle_that_others_can_read(path, place):
    path.chmod(0o644)
    with pytest.raises(KeysError, match=r"others can read .*node7\.zwk: chmod 600"):
        membership.join(place, path)


def test_a_bundle_that_is_a_link(path, place, tmp_path):
    (tmp_path / "link.zwk").symlink_to(path)
    with pytest.raises(KeysError, match=r"link\.zwk: it is a symbolic link"):
        membership.join(place, tmp_path / "link.zwk")


def test_a_bundle_that_is_missing_or_no_file(place, tmp_path):
    with pytest.raises(KeysError, match=r"x\.zwk: No such file"):
        membership.join(place, tmp_path / "x.zwk")
    os.mkfifo(tmp_path / "pipe.zwk", 0o600)
    with pytest.raises(KeysError, match=r"pipe\.zwk is no file"):
        membership.join(place, tmp_path / "pipe.zwk")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_bundle_of_another_user(path, place):
    os.chown(path, 12345, 12345)
    with pytest.raises(KeysError, match=r"node7\.zwk belongs to user 12345"):
        membership.join(place, path)
