"""``zmqwork bench`` between hosts, on one machine: network namespaces on a bridge.

    sudo .venv/bin/python -m benchmarks.netns.lan
    sudo .venv/bin/python -m benchmarks.netns.lan --workers-on 3 -- --payload 0,64k --json a.json
    sudo .venv/bin/python -m benchmarks.netns.lan --plain -- --payload 0,64k --json plain.json

Keys are made for the run (--plain: none, and --insecure-lan instead). The others are found by mDNS:
nobody is told an address. What follows ``--`` are options of `zmqwork bench run`. Whatever ends
this, even SIGKILL, all its processes end with it, and the kernel takes the namespaces away.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from benchmarks.netns.hosts import PATIENCE, Host, Switch, why_not

ROOT = Path(__file__).resolve().parents[2]
_NAMES = ("anna", "bert", "carl", "dora", "emil", "fritz", "gerd", "hanna")
_COMMAND = [sys.executable, "-m", "zmqwork"]
_RUN = [
    "--payload",
    "0,1k,64k",
    "--concurrency",
    "1,100",
    "--form",
    "request,map",
    "--duration",
    "3",
]


class Machine:
    """A host with directories of its own, as one that shares nothing with the others.

    Args:
        place: where these directories are made; short, because the path of a socket has a limit.
    """

    def __init__(self, host: Host, place: Path) -> None:
        self.name = host.name
        self._enter = host.enter
        clean = {name: v for name, v in os.environ.items() if not name.startswith("ZMQWORK_")}
        self._environment = clean | {"PYTHONPATH": str(ROOT)}
        for folder, variable in {
            "run": "XDG_RUNTIME_DIR",
            "config": "XDG_CONFIG_HOME",
            "state": "XDG_STATE_HOME",
        }.items():
            path = place / host.name / folder
            path.mkdir(mode=0o700, parents=True)
            self._environment[variable] = str(path)

    def do(self, *words: str) -> None:
        """A command that ends by itself, and succeeds."""
        subprocess.run(
            [*self._enter, *_COMMAND, *words],
            env=self._environment,
            stdout=subprocess.DEVNULL,
            timeout=PATIENCE,
            check=True,
        )

    def worker(self, *words: str) -> subprocess.Popen[str]:
        """Started; it ends with this process, however that ends."""
        return subprocess.Popen(
            [
                *(*self._enter, *_COMMAND, "bench", "worker", "-n", self.name, "-o", "json"),
                *("--log-level", "error", "--until-eof", *words),
            ],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            process_group=0,  # Ctrl-C is for the one that measures
        )

    def measure(self, *words: str) -> subprocess.Popen[bytes]:
        """Started, with this terminal, in this directory."""
        # It ends with this process, as the workers do; it needs its input for nothing.
        tied = ["setpriv", "--pdeathsig", "KILL", *self._enter]
        command = [*tied, *_COMMAND, "bench", "run", *words]
        return subprocess.Popen(command, env=self._environment, stdin=subprocess.DEVNULL)


def make_keys(first: Machine, others: list[Machine], place: Path) -> None:
    """A cluster: the first one measures, the others are its workers."""
    first.do("keys", "init", "--cluster", "lan", "--name", first.name)
    for other in others:
        bundle = str(place / f"{other.name}.zwk")
        first.do("keys", "add", other.name, "--role", "worker", "-o", bundle)
        other.do("keys", "join", bundle)


def start_workers(stack: ExitStack, others: list[Machine], words: list[str]) -> None:
    started = [machine.worker(*words) for machine in others]
    for worker in started:
        stack.callback(end, worker)
    for worker in started:
        assert worker.stdout is not None
        line = worker.stdout.readline()
        if not line:
            raise SystemExit("lan: a worker did not start; see above")
        told = json.loads(line)
        where = ", ".join(told["endpoints"])
        what = f"process {told['pid']}, {told['slots']} x {told['pool']}"
        print(f"{told['name']}: {what}, at {where}", flush=True)


def end(worker: subprocess.Popen[str]) -> None:
    """Let a worker leave, by the end of its input, or make it."""
    try:
        worker.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.communicate()


def wait(measuring: subprocess.Popen[bytes]) -> int:
    """Until it ends; a signal for this process is one for that."""

    def hand_on(number: int, frame: FrameType | None) -> None:
        del frame
        measuring.send_signal(number)

    # A terminal's Ctrl-C reaches both: the second of the two is an echo, and does not count.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, hand_on)
    return measuring.wait()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers-on", type=int, choices=range(1, len(_NAMES)), default=2,
                        metavar="N", help="hosts that work (default: 2)")  # fmt: skip
    parser.add_argument("--pool", default="inline", help="of their workers (default: inline)")
    parser.add_argument("-c", "--concurrency", default="1", help="slots of each (default: 1)")
    parser.add_argument("--plain", action="store_true", help="no keys: --insecure-lan")
    parser.add_argument("run", nargs="*", help=f"options of `bench run` ({' '.join(_RUN)})")
    args = parser.parse_args()
    if trouble := why_not():
        print(f"lan: {trouble}. Nothing was done.", file=sys.stderr)
        return 1
    with ExitStack() as stack:
        # Until it measures, either signal unwinds all that was made.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zw-", dir="/tmp")))
        switch = stack.enter_context(Switch())
        names = _NAMES[: args.workers_on + 1]
        first, *others = [Machine(switch.host(name), place) for name in names]
        search = ["--insecure-lan"] if args.plain else []
        if not args.plain:
            make_keys(first, others, place)
        start_workers(stack, others, ["--pool", args.pool, "-c", args.concurrency, *search])
        expected = ["--hosts", ",".join(machine.name for machine in others)]
        measuring = first.measure(*expected, *search, *(args.run or _RUN))
        print(f"{first.name}: process {measuring.pid}, measures", flush=True)
        return wait(measuring)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
