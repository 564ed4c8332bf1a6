"""Keys directories as commands make and change them: real files, whole or as they were."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import stat
import subprocess
import sys

import pytest

from zmqwork.core.permissions import ROLES
from zmqwork.errors import KeysError
from zmqwork.lock import Lock
from zmqwork.security import bundle, cluster, contents, custody, files, membership
from zmqwork.security.keyring import Watched, load
from zmqwork.security.pairs import new_pair


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def names(place):
    return sorted(path.name for path in place.iterdir())


def run(place, program, **options):
    """A program of its own, in which `place` is the directory."""
    head = f"import os, signal, sys\nfrom pathlib import Path\nplace = Path({str(place)!r})\n"
    head += "from zmqwork.security import cluster, contents, custody, files\n"
    return subprocess.Popen([sys.executable, "-c", head + program], text=True, **options)


def test_the_first_node(tmp_path):
    place = tmp_path / "a" / "keys"
    made = cluster.create(place, "lab", "desk")
    assert load(place) == made
    assert (made.name, made.roster.cluster, made.roster.serial) == ("desk", "lab", 1)
    assert made.accesses()[made.fingerprint].roles == set(ROLES)
    assert (len(made.discovery_key), made.roster.shared) == (32, False)
    assert names(place) == ["discovery.key", "node.toml", "roster.toml"]


def test_files_are_for_this_user_alone_whatever_the_umask_says(tmp_path):
    before = os.umask(0)
    try:
        place, path = tmp_path / "keys", tmp_path / "node7.zwk"
        cluster.create(place, "lab", "desk")
        cluster.add(place, "node7", ["worker"], path)
        cluster.rotate_own(place, 60.0, at_once=False)
        membership.join(tmp_path / "node7", path)
    finally:
        os.umask(before)
    for directory in (place, tmp_path / "node7"):
        assert mode(directory) == 0o700
        assert {mode(file) for file in directory.iterdir()} == {0o600}
    assert mode(path) == 0o600


def test_keys_that_are_there_are_not_made_again(lab):
    before = load(lab)
    with pytest.raises(KeysError, match="has keys already"):
        cluster.create(lab, "other", "desk")
    (lab / "node.toml").unlink()
    cluster_of_two = cluster.changes.added(before.roster, "n", ["sink"], new_pair().public, 0.0)
    contents.write_roster(lab, cluster_of_two)
    with pytest.raises(KeysError, match="has keys already"):
        cluster.create(lab, "other", "desk")
    assert contents.read_roster(lab) == cluster_of_two


def test_a_cluster_that_was_never_finished_is_begun_again(lab):
    old = load(lab).fingerprint
    (lab / "node.toml").unlink()
    assert cluster.create(lab, "other", "desk").fingerprint != old


def test_a_member_and_its_bundle(lab, tmp_path):
    path = tmp_path / "node7.zwk"
    made = cluster.add(lab, "node7", ["worker", "sink"], path)
    assert made == load(lab)
    found = bundle.read(path)
    assert (found.name, found.roster, found.discovery_key) == (
        "node7", made.roster, made.discovery_key,
    )  # fmt: skip
    assert made.roster.serial == 2
    assert made.roster.find("node7").keys[0].public == found.pair.public
    assert found.pair.secret not in repr(found)
    assert found.discovery_key.hex() not in repr(found)


def test_a_bundle_is_not_overwritten_and_then_nothing_changes(lab, tmp_path):
    path = tmp_path / "node7.zwk"
    path.write_text("mine")
    with pytest.raises(KeysError, match=r"node7\.zwk is there already"):
        cluster.add(lab, "node7", ["worker"], path)
    assert path.read_text() == "mine"
    assert load(lab).roster.serial == 1


def test_without_the_roster_there_is_no_bundle(lab, tmp_path, monkeypatch):
    def fail(place, roster):
        raise KeysError("the disk is full")

    monkeypatch.setattr(contents, "write_roster", fail)
    with pytest.raises(KeysError, match="disk is full"):
        cluster.add(lab, "node7", ["worker"], tmp_path / "node7.zwk")
    assert not (tmp_path / "node7.zwk").exists()


def test_only_an_admin_changes_the_roster(lab, tmp_path):
    cluster.add(lab, "node7", ["worker"], tmp_path / "node7.zwk")
    place = tmp_path / "node7"
    membership.join(place, tmp_path / "node7.zwk")
    for change in (
        lambda: cluster.add(place, "x", ["worker"], tmp_path / "x.zwk"),
        lambda: cluster.revoke(place, "desk"),
        lambda: cluster.rotate_own(place, 60.0, at_once=True),
    ):
        with pytest.raises(KeysError, match=r"node7 may not change.*it is worker.* admin: desk"):
            change()
    assert names(tmp_path) == ["desk", "node7", "node7.zwk"]


def test_an_admin_that_was_added_changes_the_roster(lab, tmp_path):
    cluster.add(lab, "second", ["admin"], tmp_path / "second.zwk")
    place = tmp_path / "second"
    membership.join(place, tmp_path / "second.zwk")
    assert cluster.revoke(place, "desk").roster.serial == 3
    with pytest.raises(KeysError, match="second is this node itself"):
        cluster.revoke(place, "second")
    with pytest.raises(KeysError, match="second is this node itself"):
        cluster.give_roles(place, "second", ["worker"])


def test_an_admin_whose_key_has_ended_changes_nothing(lab, tmp_path, clock):
    cluster.add(lab, "node7", ["worker"], tmp_path / "node7.zwk")
    cluster.rotate_own(lab, 60.0, at_once=False)
    clock[0] += 60.0
    with pytest.raises(KeysError, match="its key is not valid"):
        cluster.revoke(lab, "node7")


def test_the_key_of_another_node_is_rotated(lab, tmp_path, clock):
    cluster.add(lab, "node7", ["worker"], tmp_path / "node7.zwk")
    place = tmp_path / "node7"
    old = membership.join(place, tmp_path / "node7.zwk").fingerprint
    made = cluster.rotate(lab, "node7", 3600.0, tmp_path / "new.zwk")
    new = membership.join(place, tmp_path / "new.zwk").fingerprint
    assert old != new
    assert {old, new} <= set(made.accesses())
    clock[0] += 3600.0
    assert new in load(lab).accesses()
    assert old not in load(lab).accesses()


def test_the_own_key_waits_until_the_others_know_it(lab, tmp_path):
    cluster.add(lab, "node7", ["worker"], tmp_path / "node7.zwk")
    old = load(lab).fingerprint
    made, used = cluster.rotate_own(lab, 3600.0, at_once=False)
    new = cluster.next_key(made)
    assert (used, made.fingerprint, made.roster.serial) == (False, old, 3)
    assert {old, new} <= set(made.accesses())
    with pytest.raises(KeysError, match=f"the key {new} waits"):
        cluster.rotate_own(lab, 3600.0, at_once=False)
    made, used = cluster.rotate_own(lab, 3600.0, at_once=True)
    assert (used, made.fingerprint, made.roster.serial) == (True, new, 3)
    assert cluster.next_key(made) is None
    assert names(lab) == ["discovery.key", "node.toml", "roster.toml"]


def test_where_nobody_else_is_a_new_key_is_used_at_once(lab):
    old = load(lab).fingerprint
    made, used = cluster.rotate_own(lab, 0.0, at_once=False)
    assert (used, made.fingerprint != old) == (True, True)
    assert set(made.accesses()) == {made.fingerprint}


def test_the_key_that_tells_of_the_new_one_cannot_end_first(lab, tmp_path):
    cluster.add(lab, "node7", ["worker"], tmp_path / "node7.zwk")
    with pytest.raises(KeysError, match="it cannot end now"):
        cluster.rotate_own(lab, 0.0, at_once=False)
    assert load(lab).roster.serial == 2
    assert cluster.rotate_own(lab, 0.0, at_once=True)[1]


def test_a_key_that_waits_and_is_in_no_roster_is_replaced(lab, tmp_path):
    cluster.add(lab, "node7", ["worker"], tmp_path / "node7.zwk")
    contents.write_node(lab / "next.toml", "desk", new_pair())
    assert cluster.next_key(load(lab)) is None
    made, _ = cluster.rotate_own(lab, 60.0, at_once=False)
    assert cluster.next_key(made) in made.accesses()


def test_one_key_for_everybody(tmp_path):
    place, path = tmp_path / "keys", tmp_path / "lab.zwk"
    made = cluster.create(place, "lab", cluster.EVERYBODY, shared=True)
    with pytest.raises(KeysError, match="one key, which everybody has: nobody can be added"):
        cluster.add(place, "node7", ["worker"], path)
    with pytest.raises(KeysError, match="one key, which everybody has: nobody can be left out"):
        cluster.revoke(place, "everybody")
    cluster.export(place, path)
    joined = membership.join(tmp_path / "other", path)
    assert (joined.pair, joined.roster) == (made.pair, made.roster)
    # A new key waits here, too: the others have to hear of it.
    made, used = cluster.rotate_own(place, 60.0, at_once=False)
    assert not used
    assert len(made.accesses()) == 2


def test_no_secret_in_what_is_refused(lab, tmp_path):
    secret = load(lab).pair.secret
    node = lab / "node.toml"
    for text in (f'secret = "{secret}', node.read_text().replace("public = ", "# ")):
        node.write_text(text)
        with pytest.raises(KeysError, match=r"node\.toml: ") as caught:
            cluster.add(lab, "x", ["sink"], tmp_path / "x.zwk")
        assert secret not in str(caught.value)


# -- at the same time, and cut short


def test_changes_at_the_same_time_lose_nothing(lab, tmp_path):
    count = 8
    program = (
        "name = sys.argv[1]\nsys.stdin.readline()\n"
        "cluster.add(place, name, ['worker'], place.parent / (name + '.zwk'))\n"
    )
    started = []
    for number in range(count):
        process = run(lab, program.replace("sys.argv[1]", f"'n{number}'"), stdin=subprocess.PIPE)
        started.append(process)
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.wait(60) for process in started] == [0] * count
    for process in started:
        process.stdin.close()
    roster = load(lab).roster
    assert roster.serial == 1 + count
    assert {m.name for m in roster.members} == {"desk", *(f"n{n}" for n in range(count))}
    keys = {m.name: m.keys[0].public for m in roster.members}
    for number in range(count):
        found = bundle.read(tmp_path / f"n{number}.zwk")
        assert found.pair.public == keys[found.name]


def test_whoever_changes_it_for_long_is_named(lab, monkeypatch, tmp_path):
    lock = Lock(lab / "roster.toml", 0o600)
    monkeypatch.setattr(custody.custody.__wrapped__, "__defaults__", (0.0,))
    with pytest.raises(KeysError, match=f"process {os.getpid()} is changing .*desk: try again"):
        cluster.add(lab, "node7", ["worker"], tmp_path / "node7.zwk")
    lock.release()
    assert cluster.add(lab, "node7", ["worker"], tmp_path / "node7.zwk").roster.serial == 2


@pytest.mark.parametrize("moment", ["replace", "fsync"])
def test_killed_while_it_writes(lab, tmp_path, moment):
    """The old roster is there, and the next change sweeps what was left."""
    before = load(lab)
    program = (
        "import signal\n"
        "def die(*_):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        f"{'Path.replace' if moment == 'replace' else 'os.fsync'} = die\n"
        "cluster.give_roles(place, 'node7', ['sink'])\n"
    )
    before = cluster.add(lab, "node7", ["worker"], tmp_path / "node7.zwk")
    assert run(lab, program).wait(60) == -signal.SIGKILL
    assert load(lab) == before
    (left,) = custody.drafts(lab)
    assert mode(left) == 0o600
    made = cluster.give_roles(lab, "node7", ["sink"])
    assert made.roster.serial == before.roster.serial + 1
    assert names(lab) == ["discovery.key", "node.toml", "roster.toml"]


def test_killed_between_the_roster_and_the_own_key(lab, tmp_path):
    """The new key waits, and the old one is in use: nothing is lost."""
    before = load(lab)
    program = (
        "import signal\n"
        "cluster._use_next = lambda place: os.kill(os.getpid(), signal.SIGKILL)\n"
        "cluster.rotate_own(place, 3600.0, at_once=True)\n"
    )
    assert run(lab, program).wait(60) == -signal.SIGKILL
    after = load(lab)
    assert (after.pair, after.roster.serial) == (before.pair, 2)
    assert before.fingerprint in after.accesses()
    waiting = cluster.next_key(after)
    assert cluster.rotate_own(lab, 3600.0, at_once=True)[0].fingerprint == waiting


@pytest.mark.parametrize("others", [True, False])
def test_killed_when_the_old_key_has_ended_and_the_new_one_is_not_in_use(lab, tmp_path, others):
    """It is the key of an admin, so nobody else might be able to mend that."""
    if others:
        cluster.add(lab, "node7", ["worker"], tmp_path / "node7.zwk")
    program = (
        "import signal\n"
        "cluster._use_next = lambda place: os.kill(os.getpid(), signal.SIGKILL)\n"
        "cluster.rotate_own(place, 0.0, at_once=True)\n"
    )
    assert run(lab, program).wait(60) == -signal.SIGKILL
    left = load(lab)
    assert left.fingerprint not in left.accesses()
    with pytest.raises(KeysError, match="the one that waits is: zmqwork keys rotate --now"):
        cluster.add(lab, "node8", ["worker"], tmp_path / "node8.zwk")
    made, used = cluster.rotate_own(lab, 0.0, at_once=True)
    assert used
    assert set(made.accesses()) >= {made.fingerprint, *left.accesses()}
    cluster.add(lab, "node8", ["worker"], tmp_path / "node8.zwk")


def test_the_old_key_ended_before_the_new_one_was_put_into_use(lab, tmp_path, clock):
    cluster.add(lab, "node7", ["worker"], tmp_path / "node7.zwk")
    waiting = cluster.next_key(cluster.rotate_own(lab, 60.0, at_once=False)[0])
    clock[0] += 60.0
    made, used = cluster.rotate_own(lab, 60.0, at_once=True)
    assert (used, made.fingerprint) == (True, waiting)


def test_a_key_that_waits_is_no_way_to_become_admin(lab, tmp_path):
    cluster.add(lab, "node7", ["worker"], tmp_path / "node7.zwk")
    place = tmp_path / "node7"
    membership.join(place, tmp_path / "node7.zwk")
    contents.write_node(place / "next.toml", "node7", new_pair())
    for at_once in (True, False):
        with pytest.raises(KeysError, match="node7 may not change the roster"):
            cluster.rotate_own(place, 60.0, at_once=at_once)
    contents.write_node(place / "next.toml", "node7", load(place).pair)
    with pytest.raises(KeysError, match="node7 may not change the roster"):
        cluster.rotate_own(place, 60.0, at_once=True)


def test_a_roster_in_place_keeps_its_bundle_though_the_directory_is_not_synced(
    lab, tmp_path, monkeypatch
):
    """Otherwise the member that it makes has a key that nobody has."""
    path = tmp_path / "node7.zwk"

    def sync(directory):
        if directory == lab:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("zmqwork.security.files.sync_directory", sync)
    with pytest.raises(KeysError, match=r"cannot write .*roster\.toml: Input/output error"):
        cluster.add(lab, "node7", ["worker"], path)
    assert bundle.read(path).roster == load(lab).roster


@pytest.mark.parametrize("moment", ["os.link", "Path.replace"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_change_that_has_begun_is_finished_before_a_signal_ends_it(lab, tmp_path, moment, number):
    """Just when the bundle, and just when the roster, has been put in its place."""
    program = (
        # (Under nohup it would stay ignored.)
        f"if signal.getsignal({int(number)}) is signal.SIG_IGN:\n"
        f"    signal.signal({int(number)}, signal.SIG_DFL)\n"
        f"done = {moment}\n"
        "def disturbed(*words):\n"
        "    done(*words)\n"
        f"    os.kill(os.getpid(), {int(number)})\n"
        f"{moment} = disturbed\n"
        "cluster.add(place, 'node7', ['worker'], place.parent / 'node7.zwk')\n"
    )
    assert run(lab, program, stderr=subprocess.DEVNULL).wait(60) == -number
    roster = load(lab).roster
    assert roster.find("node7") is not None
    assert bundle.read(tmp_path / "node7.zwk").roster == roster
    assert names(tmp_path) == ["desk", "node7.zwk"]


@pytest.fixture
def unshared():
    """How to start a program that may mount."""
    for words in (["unshare", "-m"], ["unshare", "-rm"]):
        if shutil.which("unshare") and not subprocess.run(
            [*words, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False
        ).returncode:  # fmt: skip
            return words
    pytest.skip("no mount namespace can be had here")


FULL = """
import subprocess, sys
from pathlib import Path
from zmqwork.errors import KeysError
from zmqwork.security import cluster
from zmqwork.security.keyring import load

disk, bundles = map(Path, sys.argv[1:])
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], check=True)
place = disk / "keys"
before = cluster.create(place, "lab", "desk")
ballast = disk / "ballast"
with ballast.open("wb", buffering=0) as file:
    try:
        while True:
            file.write(b"x" * 4096)
    except OSError:
        pass
try:
    cluster.add(place, "node7", ["worker"], bundles / "node7.zwk")
except KeysError as error:
    print(error)
assert load(place) == before, "the roster"
assert sorted(p.name for p in place.iterdir()) == ["discovery.key", "node.toml", "roster.toml"]
assert not (bundles / "node7.zwk").exists(), "the bundle"
ballast.unlink()
assert cluster.add(place, "node7", ["worker"], bundles / "node7.zwk").roster.serial == 2
"""


def test_a_full_disk(unshared, tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "bundles").mkdir()
    done = subprocess.run(
        [*unshared, sys.executable, "-c", FULL, tmp_path / "disk", tmp_path / "bundles"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "cannot write" in done.stdout
    assert "No space left on device" in done.stdout


def test_running_nodes_see_each_change(lab, tmp_path):
    watched = Watched(lab)
    cluster.add(lab, "node7", ["worker"], tmp_path / "node7.zwk")
    assert watched.poll()
    assert "node7" in {access.name for access in watched.keyring.accesses().values()}
    cluster.revoke(lab, "node7")
    assert watched.poll()
    assert "node7" not in {access.name for access in watched.keyring.accesses().values()}
    new, _ = cluster.rotate_own(lab, 60.0, at_once=True)
    assert watched.poll()
    assert watched.keyring.fingerprint == new.fingerprint
    assert watched.trouble == ""


def test_a_directory_that_others_can_enter(tmp_path, lab):
    lab.chmod(0o755)
    with pytest.raises(KeysError, match=r"others may enter .*chmod 700"):
        cluster.revoke(lab, "desk")
    with pytest.raises(KeysError, match="others may enter"):
        files.make_directory(lab)
