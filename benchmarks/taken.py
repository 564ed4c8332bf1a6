"""How figures were taken: without it they cannot be compared with anything."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgpack
import zmq


def processor() -> str:
    """The processor's model, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def usable_cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1


def taken(runs: int, program: str = "benchmarks") -> dict[str, Any]:
    """The machine and the versions; nothing that names a person or a host."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": f"python -m {program} " + " ".join(sys.argv[1:]),
        "runs": runs,
        "processor": processor(),
        "cores": usable_cores(),
        "load_before": os.getloadavg()[0],
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "pyzmq": zmq.pyzmq_version(),
        "libzmq": zmq.zmq_version(),
        "msgpack": ".".join(map(str, msgpack.version)),
    }
