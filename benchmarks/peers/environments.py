"""The virtual environments of the peers: one each, under `.venv-peers`."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.peers import broker
from benchmarks.peers.catalog import Peer
from benchmarks.processes import HERE

ROOT = HERE / ".venv-peers"
INSTALL_TIMEOUT = 900.0
COMPLAINT = 1500  # characters of what pip says last

VERSIONS = (
    "import json, sys; from importlib.metadata import version; "
    "print(json.dumps({name: version(name) for name in sys.argv[1:]}))"
)


class NotReady(RuntimeError):
    """A peer that cannot be run, with what to do about it."""


def folder(peer: Peer) -> Path:
    return ROOT / peer.name


def python(peer: Peer) -> Path:
    """The interpreter that runs it."""
    return folder(peer) / "bin" / "python" if peer.requires else Path(sys.executable)


def stamp(peer: Peer) -> Path:
    """It holds what was installed, as asked for; written last."""
    return folder(peer) / "installed.json"


def installed(peer: Peer) -> bool:
    """Are the versions of the catalog there?"""
    if not peer.requires:
        return True
    try:
        return bool(json.loads(stamp(peer).read_text("utf-8")) == list(peer.requires))
    except (OSError, ValueError):
        return False


def require(peer: Peer) -> None:
    """It can be run, or `NotReady`."""
    if not installed(peer):
        raise NotReady(f"{peer.name}: not set up: python -m benchmarks.peers setup {peer.name}")
    if peer.redis:
        try:
            broker.executable()
        except broker.Missing as error:
            raise NotReady(f"{peer.name}: {error}") from None


def setup(peer: Peer, say: Callable[[str], None]) -> None:
    """Make what it needs, unless it is there; `NotReady` if that fails."""
    if not peer.requires:
        say(f"{peer.name}: runs in zmqwork's own environment, nothing to do")
    elif installed(peer):
        say(f"{peer.name}: is there")
    else:
        say(f"{peer.name}: making {folder(peer).relative_to(HERE)}")
        attempt(peer, [sys.executable, "-m", "venv", str(folder(peer))])
        say(f"{peer.name}: installing {' '.join(peer.requires)}")
        pip = [str(python(peer)), "-m", "pip", "install", "--disable-pip-version-check", "-q"]
        attempt(peer, [*pip, *peer.requires])
        attempt(peer, [str(python(peer)), "-c", f"import {peer.module}"])
        versions(peer)
        stamp(peer).write_text(json.dumps(peer.requires), "utf-8")
    require(peer)
    say(f"{peer.name}: ready")


def attempt(peer: Peer, command: list[str]) -> None:
    try:
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_TIMEOUT,
            env={**os.environ, "PYTHONPATH": str(HERE)},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotReady(f"{peer.name}: {command[2]} took more than {INSTALL_TIMEOUT:g} s") from None
    if ended.returncode != 0:
        said = (ended.stderr or ended.stdout).strip()[-COMPLAINT:]
        raise NotReady(f"{peer.name}: {command[2]} ended with {ended.returncode}:\n{said}")


def versions(peer: Peer) -> dict[str, str]:
    """Of Python and of what the catalog names, as they are installed."""
    found = {"python": platform.python_version()}
    if not peer.requires:
        return found
    told = subprocess.run(
        [str(python(peer)), "-c", VERSIONS, *peer.distributions],
        capture_output=True,
        text=True,
        check=False,
    )
    if told.returncode != 0:
        raise NotReady(f"{peer.name}: it is not whole:\n{told.stderr[-COMPLAINT:]}")
    added: dict[str, str] = json.loads(told.stdout)
    return found | added
