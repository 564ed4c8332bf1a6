"""How a child process ends: by force, and what its end tells."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Children import this module, and start no processes.
    import subprocess

    Process = subprocess.Popen[bytes]

# A child's exit code when it can no longer write to its channel while its parent lives.
CHANNEL_LOST = 74

_USED = ("cpu_seconds", "memory_mib")

# Only a process that sleeps in the kernel outlives SIGKILL; it is not waited for any longer.
_REAP_TIMEOUT = 5.0


def kill(process: Process) -> None:
    """Kill a child and what it started, unless it was reaped already."""
    if process.returncode is not None:
        return
    # As long as it was not reaped, its number is nobody else's, nor is that of its group.
    for send in (os.killpg, os.kill):
        with contextlib.suppress(OSError):
            send(process.pid, signal.SIGKILL)


def reap(process: Process) -> dict[str, Any]:
    """Take note of the end of a child that is gone, and of what it leaves behind; the evidence."""
    kill(process)
    used = _reap_gone(process)
    import subprocess  # noqa: PLC0415

    try:
        code = process.wait(_REAP_TIMEOUT)
    except subprocess.TimeoutExpired:
        return {"signal": "SIGKILL", "text": "it does not end"}
    return evidence(code) | used


def _reap_gone(process: Process) -> dict[str, Any]:
    """Reap a child that is gone already, and what it has used: ``cpu_seconds``, ``memory_mib``."""
    if process.returncode is None and hasattr(os, "wait4"):
        with contextlib.suppress(ChildProcessError):
            pid, status, used = os.wait4(process.pid, os.WNOHANG)
            if pid:
                process.returncode = os.waitstatus_to_exitcode(status)
                unit = 2**20 if sys.platform == "darwin" else 2**10
                return {
                    "cpu_seconds": round(used.ru_utime + used.ru_stime, 3),
                    "memory_mib": round(used.ru_maxrss / unit, 1),
                }
    return {}


def is_gone(process: Process) -> bool:
    """Whether it has ended; asked without reaping it."""
    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
    try:
        return os.waitid(os.P_PID, process.pid, options) is not None
    except ChildProcessError:
        return True  # somebody else reaped it


def evidence(code: int) -> dict[str, Any]:
    """What an exit status says: ``signal`` or ``exit_code``, for the dead letter."""
    if code == CHANNEL_LOST:
        return {"exit_code": code, "text": "it lost its channel (did its code close it?)"}
    if code >= 0:
        return {"exit_code": code}
    try:
        return {"signal": signal.Signals(-code).name}
    except ValueError:  # a real-time signal
        return {"signal": f"signal {-code}"}


def told(evidence: dict[str, Any]) -> str:
    """The evidence in words."""
    return ", ".join(f"{key} {value}" for key, value in evidence.items() if key not in _USED)
