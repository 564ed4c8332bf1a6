"""A Redis of our own for a run: without a port, on a socket in a private directory."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

COMMAND = "redis-server"
START_TIMEOUT = 10.0
STOP_TIMEOUT = 5.0
# Drivers find it here.
SOCKET_VARIABLE = "ZMQWORK_PEERS_REDIS"


class Missing(RuntimeError):
    """There is no redis-server on this machine."""


def executable() -> str:
    found = shutil.which(COMMAND)
    if found is None:
        raise Missing(
            f"there is no {COMMAND}. On Debian: apt-get install {COMMAND} (its own service is not "
            "needed: each run starts one of its own)"
        )
    return found


def version() -> str:
    """As it says; empty without one."""
    if shutil.which(COMMAND) is None:
        return ""
    told = subprocess.run([COMMAND, "--version"], capture_output=True, text=True, check=False)
    return next((word[2:] for word in told.stdout.split() if word.startswith("v=")), "")


@contextmanager
def redis(place: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    """Run it as long as the block lasts: the path of its socket. Nothing is written to the disk."""
    path = place / "redis.sock"
    command = [executable(), "--port", "0", "--unixsocket", str(path), "--dir", str(place)]
    # (With its title set, it would hide the environment from the census.)
    settings = ["--save", "", "--appendonly", "no", "--set-proc-title", "no"]
    with (place / "redis.log").open("wb") as log:
        process = subprocess.Popen(
            command + settings, env=dict(environment), stdin=subprocess.DEVNULL, stdout=log
        )
        try:
            wait_for(path, process)
            yield path
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    """Until it answers."""
    ends_at = time.monotonic() + START_TIMEOUT
    while time.monotonic() < ends_at:
        if process.poll() is not None:
            log = path.with_name("redis.log").read_text("utf-8", "replace")
            raise RuntimeError(f"{COMMAND} ended early:\n{log[-1000:]}")
        try:
            with socket.socket(socket.AF_UNIX) as asker:
                asker.connect(str(path))
                asker.sendall(b"PING\r\n")
                if asker.recv(16).startswith(b"+PONG"):
                    return
        except OSError:
            pass
        time.sleep(0.01)
    raise RuntimeError(f"{COMMAND} did not answer in {START_TIMEOUT:g} s")


def address() -> str:
    """Of the Redis of this run, for a driver: the path of its socket."""
    return os.environ.get(SOCKET_VARIABLE, "/nowhere")
