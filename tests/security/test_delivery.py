"""A roster that an admin pushes: newer ones are kept where the node's keys are, others refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from zmqwork.errors import KeysError
from zmqwork.lock import Lock
from zmqwork.security import cluster, contents, membership
from zmqwork.security.delivery import take
from zmqwork.security.keyring import Watched, load


@pytest.fixture
def node(lab, tmp_path):
    """What a running node has of its keys."""
    cluster.add(lab, "node7", ["worker"], tmp_path / "node7.zwk")
    membership.join(tmp_path / "node7", tmp_path / "node7.zwk")
    return Watched(tmp_path / "node7")


def text_of(lab):
    return load(lab).roster.encode().encode()


def test_a_newer_one_is_kept_and_found(lab, node):
    cluster.give_roles(lab, "node7", ["sink"])
    assert take(node.keyring, text_of(lab)) == (3, True)
    assert node.poll()
    assert node.keyring.roster == load(lab).roster
    # For the next node of the same directory it is no news, also before it has looked.
    assert take(node.keyring, text_of(lab)) == (3, False)
    assert take(replace(node.keyring, roster=load(lab).roster), text_of(lab)) == (3, False)


def test_what_is_here_is_known(lab, node):
    before = contents.read_roster(node.keyring.place)
    assert take(node.keyring, text_of(lab)) == (2, False)
    assert contents.read_roster(node.keyring.place) == before


@pytest.mark.parametrize("moment", ["before it has looked", "after it has looked"])
def test_an_older_one_is_refused(lab, node, moment):
    old = text_of(lab)
    cluster.revoke(lab, "node7")
    take(node.keyring, text_of(lab))
    if moment.startswith("after"):
        node.poll()
    with pytest.raises(KeysError, match="roster 2 is older than 3, which is here"):
        take(node.keyring, old)
    assert contents.read_roster(node.keyring.place).serial == 3


def test_another_one_with_the_same_serial_is_refused(lab, node):
    other = replace(load(lab).roster, members=load(lab).roster.members[:1])
    with pytest.raises(KeysError, match="another roster 2 is here"):
        take(node.keyring, other.encode().encode())


def test_a_directory_that_its_nodes_would_not_read_gets_none(lab, node):
    """Otherwise whoever pushes would hear that it was taken."""
    cluster.give_roles(lab, "node7", ["sink"])
    place = node.keyring.place
    place.chmod(0o755)
    with pytest.raises(KeysError, match=f"others may enter {place}: chmod 700"):
        take(node.keyring, text_of(lab))
    place.chmod(0o700)
    assert take(node.keyring, text_of(lab)) == (3, True)


def test_one_of_another_cluster_is_refused(node, lab):
    other = replace(load(lab).roster, cluster="farm", serial=99)
    with pytest.raises(KeysError, match="it is of cluster farm, and this node of lab"):
        take(node.keyring, other.encode().encode())


@pytest.mark.parametrize("data", [b"\xff", b"cluster = ", b"#" * 3_000_000, b""])
def test_what_is_no_roster_is_refused(node, data):
    before = (node.keyring.place / "roster.toml").read_bytes()
    with pytest.raises(KeysError):
        take(node.keyring, data)
    assert (node.keyring.place / "roster.toml").read_bytes() == before


@pytest.mark.parametrize("spoiled", ["", "cluster = 1", "cluster = 'farm'\nserial = 99\n"])
def test_a_spoiled_file_is_mended(lab, node, spoiled):
    (node.keyring.place / "roster.toml").write_text(spoiled)
    assert node.poll()
    assert node.trouble
    assert take(node.keyring, text_of(lab)) == (2, True)
    assert node.poll()
    assert (node.trouble, node.keyring.roster) == ("", load(lab).roster)


def test_a_directory_that_is_being_changed_is_not_waited_for(lab, node):
    lock = Lock(node.keyring.place / "roster.toml", 0o600)
    with pytest.raises(KeysError, match=r"is changing .*node7: try again"):
        take(node.keyring, text_of(lab))
    lock.release()
    assert take(node.keyring, text_of(lab)) == (2, False)
