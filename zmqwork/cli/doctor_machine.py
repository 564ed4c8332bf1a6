"""Checks of this machine and this installation: nothing here needs anybody else."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from zmqwork import __version__
from zmqwork.cli.finding import FAIL, OK, WARN, Finding
from zmqwork.discovery.inspection import inspect, try_writing
from zmqwork.discovery.runtime import base_directory, hashed, socket_of
from zmqwork.errors import TransportError
from zmqwork.transport import clock
from zmqwork.transport.descriptors import descriptor_limits
from zmqwork.transport.trial import library, trial

# What `pyproject.toml` asks for; and the ZeroMQ that the facts of this package were measured on.
_NEEDED = {"pyzmq": (27,), "msgpack": (1, 2, 1), "zeroconf": (0, 150)}
_LIBZMQ_NEEDED = (4, 3, 4)

# A node has two descriptors per peer, and some of its own.
_DESCRIPTORS_PER_PEER = 2
_DESCRIPTORS_OWN = 64
_DESCRIPTORS_WANTED = 1_024
# `max_pending_bytes` of a producer, or the credit of a worker, and what surrounds them.
_MEMORY_WANTED = 512 * 1024 * 1024


def versions() -> Iterator[Finding]:
    """Python, this package, and what it stands on."""
    where = f"{platform.python_implementation()} {platform.python_version()} on {_system()}"
    yield Finding("python", OK, f"{where}; zmqwork {__version__}", data={
        "python": platform.python_version(), "zmqwork": __version__,
        "platform": platform.platform(), "executable": sys.executable,
    })  # fmt: skip
    built = library()
    found = {name: importlib.metadata.version(name) for name in _NEEDED}
    shown = [
        f"libzmq {built['version']}",
        *(f"{name} {version}" for name, version in found.items()),
    ]
    advice = [
        f"pip install -U {name}" for name, least in _NEEDED.items() if _numbers(found[name]) < least
    ]
    if _numbers(str(built["version"])) < _LIBZMQ_NEEDED:
        advice.append("pip install -U pyzmq: a wheel brings its own libzmq 4.3.5")
    if not built["curve"]:
        advice.append("this libzmq has no CURVE: keys will not work with it")
    state = WARN if advice else OK
    yield Finding("libraries", state, ", ".join(shown), tuple(advice), {**found, "libzmq": built})


def limits() -> Iterator[Finding]:
    """Open files, and memory."""
    yield _descriptors()
    memory = _memory()
    if memory is None:
        yield Finding("memory", OK, "not told by this system")
        return
    total, available = memory
    text = f"{available / 2**30:.1f} GiB of {total / 2**30:.1f} GiB can be had"
    data = {"total_bytes": total, "available_bytes": available}
    if available < _MEMORY_WANTED:
        advice = ("set max_pending_bytes lower (App.producer), and -c of workers",)
        yield Finding("memory", WARN, f"{text}: a producer may use 256 MiB", advice, data)
    else:
        yield Finding("memory", OK, text, data=data)


def clocks() -> Iterator[Finding]:
    """The clock of leases and heartbeats."""
    boot_time = hasattr(time, "CLOCK_BOOTTIME")
    name = "CLOCK_BOOTTIME" if boot_time else "monotonic"
    before, after = clock.now(), clock.now()
    data = {"clock": name}
    if after < before:
        yield Finding("clock", FAIL, f"{name} goes backwards", ("restart this machine",), data)
    elif boot_time:
        yield Finding("clock", OK, f"{name}: goes on while the machine is suspended", data=data)
    else:
        text = f"{name}: whether it goes on during suspension is not known here"
        yield Finding("clock", WARN, text, ("do not suspend a machine that runs tasks",), data)


def local_directory() -> Iterator[Finding]:
    """Where nodes of this user on this machine find each other."""
    try:
        found, trouble = inspect(), try_writing()
    except (TransportError, OSError) as error:
        advice = (
            "set XDG_RUNTIME_DIR to a directory of your own, the same for all that should meet",
        )
        yield Finding("local directory", FAIL, str(error), advice)
        return
    text = (
        f"{found.path} ({found.why}), owner {found.owner}, mode {found.mode:04o}, socket paths of "
        f"{found.socket_bytes} of {found.socket_bytes_max} bytes; {found.living} nodes"
    )
    data = {
        "path": str(found.path), "why": found.why, "owner": found.owner,
        "mode": f"{found.mode:04o}", "socket_bytes": found.socket_bytes,
        "living": found.living, "stale": found.stale,
    }  # fmt: skip
    same = "programs that should meet need the same one"
    try_this: tuple[str, ...]
    if trouble:
        try_this = (
            f"is there room (df {found.path}; df -i {found.path}), and may it be written?",
            f"or set XDG_RUNTIME_DIR to a directory of your own: {same}",
        )
        text = f"nothing can be written there: {trouble}; {text}"
        yield Finding("local directory", FAIL, text, try_this, data | {"trouble": trouble})
    elif found.passed_over:
        try_this = (f"correct $XDG_RUNTIME_DIR or unset it: {same}",)
        yield Finding("local directory", WARN, text, try_this, data)
    else:
        left = f", {found.stale} files of killed nodes (removed by the next look)"
        yield Finding("local directory", OK, text + (left if found.stale else ""), data=data)


def ports(timeout: float) -> Iterator[Finding]:
    """Whether nodes can bind, dial and be heard: ipc and loopback tcp."""
    try:
        base = base_directory()
    except TransportError:
        base = None  # said by `local_directory`
    if base is not None:
        yield _ipc(base, timeout)
    yield _port("tcp", "tcp://127.0.0.1:*", timeout)


def _ipc(base: Path, timeout: float) -> Finding:
    try:
        with tempfile.TemporaryDirectory(prefix="doctor-", dir=base) as directory:
            path = socket_of(Path(directory), hashed(directory, 8))
            return _port("ipc", f"ipc://{path}", timeout)
    except OSError as error:  # what helps is said by `local_directory`
        return Finding("ipc", FAIL, f"not tried: {error}")


def _port(name: str, endpoint: str, timeout: float) -> Finding:
    trouble = trial(endpoint, timeout)
    if not trouble:
        return Finding(name, OK, "can bind, be dialled and be heard on this machine")
    advice = {
        "ipc": "has the file system of the local directory no sockets? set XDG_RUNTIME_DIR",
        "tcp": "does a firewall or a sandbox forbid 127.0.0.1?",
    }
    return Finding(name, FAIL, f"{endpoint}: {trouble}", (advice[name],))


def _descriptors() -> Finding:
    try:
        import resource  # noqa: PLC0415  # not on Windows
    except ImportError:
        return Finding("open files", OK, "no limit is told by this system")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    hard = sys.maxsize if hard == resource.RLIM_INFINITY else hard
    usual, _ = descriptor_limits()
    peers = max(0, (usual - _DESCRIPTORS_OWN) // _DESCRIPTORS_PER_PEER)
    most = f"{peers:,}" if peers < 10**6 else "any number of"
    text = f"soft limit {soft:,}, set at start to {usual:,}: enough for {most} peers"
    data = {"soft": soft, "hard": hard, "peers": peers}
    if hard >= _DESCRIPTORS_WANTED:
        return Finding("open files", OK, text, data=data)
    advice = ("raise it: ulimit -Hn 65536, or LimitNOFILE= of the service",)
    return Finding("open files", WARN, text, advice, data)


def _memory() -> tuple[int, int] | None:
    """Bytes in all, and those that can be had; a container's limit counts."""
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
        fields = dict(line.split(":", 1) for line in lines if ":" in line)
        total, available = (
            int(fields[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable")
        )
    except (OSError, KeyError, ValueError):
        return None
    limit = _number_in(Path("/sys/fs/cgroup/memory.max"))
    used = _number_in(Path("/sys/fs/cgroup/memory.current"))
    if limit is not None and used is not None and limit < total:
        total, available = limit, min(available, max(0, limit - used))
    return total, available


def _number_in(path: Path) -> int | None:
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()


def _system() -> str:
    return f"{platform.system()} {platform.release()} ({os.cpu_count()} processors)"
