from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest

from zmqwork.discovery.runtime import choose, node_stem, runtime_directory, socket_of
from zmqwork.errors import TransportError


def test_it_is_private_and_made_on_demand(runtime):
    old = os.umask(0)
    try:
        path = runtime_directory("r")
    finally:
        os.umask(old)
    assert path.parent == runtime / "zmqwork"
    assert [stat.S_IMODE(p.stat().st_mode) for p in (path, path.parent)] == [0o700, 0o700]
    assert runtime_directory("r") == path
    assert runtime_directory("s") != path


@pytest.mark.parametrize("realm", ["../../etc", "x" * 128, "größe\U0001f600", "a/b", "\udcff"])
def test_no_realm_leaves_the_directory(runtime, realm):
    assert runtime_directory(realm).parent == runtime / "zmqwork"


def test_a_socket_path_is_short(runtime):
    path = socket_of(runtime_directory("x" * 128), node_stem("f" * 32))
    assert len(os.fsencode(path)) <= 100


@pytest.fixture
def temporary(monkeypatch, tmp_path_factory):
    """The system's temporary directory, for the test alone."""
    tmp_path_factory.getbasetemp()  # that of all tests is not to be made in it
    with tempfile.TemporaryDirectory(prefix="zw-", dir="/tmp") as path:
        monkeypatch.setattr(tempfile, "tempdir", path)
        yield Path(path)


def test_a_long_xdg_directory_is_passed_over(temporary, tmp_path, monkeypatch):
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    assert runtime_directory("r").parent == temporary / f"zmqwork-{os.getuid()}"
    assert not list(long.iterdir())


def test_a_long_temporary_directory_as_well(tmp_path, monkeypatch):
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    path = runtime_directory("test of a long path")
    assert path.parent == Path("/tmp") / f"zmqwork-{os.getuid()}"
    path.rmdir()


@pytest.mark.parametrize("value", ["", "relative/path", "/nonexistent/path", "/dev/null"])
def test_an_unusable_xdg_directory_is_passed_over(temporary, value, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", value)
    assert runtime_directory("r").parent == temporary / f"zmqwork-{os.getuid()}"


@pytest.mark.skipif(os.getuid() != 0, reason="giving a directory away needs root")
def test_an_xdg_directory_of_another_user_is_passed_over(runtime, temporary):
    os.chown(runtime, 1, -1)
    assert runtime_directory("r").parent == temporary / f"zmqwork-{os.getuid()}"


def test_why_an_xdg_directory_is_passed_over_is_told(temporary, tmp_path, monkeypatch):
    file, long = tmp_path / "file", tmp_path / ("x" * 90)
    file.touch()
    long.mkdir()
    reasons = {
        "relative/path": "not an absolute path",
        str(tmp_path / "missing"): "No such file or directory",
        str(file): "it is not a directory",
        str(file / "x"): "Not a directory",
        str(long): "it is too long",
    }
    for value, reason in reasons.items():
        monkeypatch.setenv("XDG_RUNTIME_DIR", value)
        chosen = choose()
        assert reason in chosen.passed_over
        assert f"$XDG_RUNTIME_DIR ({value!r}) is not used: " in chosen.warning
        assert reason in chosen.warning
        assert f"it is {temporary}/zmqwork-{os.getuid()}" in chosen.warning


@pytest.mark.skipif(os.getuid() != 0, reason="giving a directory away needs root")
def test_an_xdg_directory_of_another_user_is_named_as_such(runtime, temporary):
    os.chown(runtime, 1, -1)
    assert "it belongs to user 1, and this process is user 0" in choose().warning


def test_an_xdg_directory_that_cannot_be_written_is_named_as_such(temporary, runtime, monkeypatch):
    # Root may write whatever the mode says, so the system's answer is taken from elsewhere.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "it cannot be written (its mode)" in choose().warning


def test_there_is_nothing_to_warn_of(temporary, runtime, monkeypatch):
    assert (choose().warning, choose().why) == ("", "in $XDG_RUNTIME_DIR")
    for unset in ("", None):
        if unset is None:
            monkeypatch.delenv("XDG_RUNTIME_DIR")
        else:
            monkeypatch.setenv("XDG_RUNTIME_DIR", unset)
        assert (choose().warning, choose().why) == ("", "$XDG_RUNTIME_DIR is not set")


@pytest.mark.skipif(os.getuid() != 0, reason="giving a directory away needs root")
@pytest.mark.parametrize("level", [0, 1])
def test_the_wrong_owner_is_refused(runtime, level):
    path = runtime_directory("r")
    os.chown([path, path.parent][level], 1, -1)
    with pytest.raises(TransportError, match="belongs to user 1"):
        runtime_directory("r")


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("mode", [0o750, 0o701, 0o777])
def test_the_wrong_mode_is_refused_with_the_cure(runtime, level, mode):
    path = runtime_directory("r")
    path = [path, path.parent][level]
    path.chmod(mode)
    with pytest.raises(TransportError, match=f"mode {mode:04o}.*chmod 700 {path}"):
        runtime_directory("r")


def test_a_link_in_its_place_is_refused(runtime, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    (runtime / "zmqwork").symlink_to(elsewhere)
    with pytest.raises(TransportError, match="not a directory"):
        runtime_directory("r")
    assert not list(elsewhere.iterdir())


def test_a_file_in_its_place_is_refused(runtime):
    (runtime / "zmqwork").touch()
    with pytest.raises(TransportError, match="cannot make"):
        runtime_directory("r")
