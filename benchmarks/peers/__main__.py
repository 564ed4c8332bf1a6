"""``python -m benchmarks.peers``: what users would pick instead, on the same work as zmqwork.

Each peer runs in a virtual environment of its own, which `setup` makes. Each run of a peer stands
beside one of zmqwork in the same minutes, and only the two are compared.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import indent
from typing import Any

from benchmarks.peers import broker, environments, harness, report
from benchmarks.peers.catalog import PEERS, Peer
from benchmarks.peers.environments import NotReady
from benchmarks.peers.harness import Bounds, Line
from benchmarks.peers.workloads import WORKLOADS
from benchmarks.taken import taken

INTERRUPTED = 130


def names_of(text: str, known: Sequence[str], kind: str) -> list[str]:
    """The names in a comma-separated list, each known; ``all`` is every one."""
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    if names == ["all"]:
        return list(known)
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        message = f"no {kind} {', '.join(unknown)}; there are {', '.join(known)}, and all"
        raise argparse.ArgumentTypeError(message)
    return list(dict.fromkeys(names))


def peers(text: str) -> list[Peer]:
    return [PEERS[name] for name in names_of(text, list(PEERS), "peer")]


def workloads(text: str) -> list[str]:
    return names_of(text, list(WORKLOADS), "workload")


def positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def seconds(text: str) -> float:
    if not (number := float(text)) > 0:
        raise argparse.ArgumentTypeError("more than 0")
    return number


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("list", help="the peers, their settings, and which can be run")
    setup = commands.add_parser("setup", help="make the virtual environments, under .venv-peers")
    run = commands.add_parser("run", help="measure them beside zmqwork")
    for which in (setup, run):
        which.add_argument("peers", type=peers, metavar="NAME,NAME|all")
    run.add_argument("--only", type=workloads, default=list(WORKLOADS), metavar=",".join(WORKLOADS))
    run.add_argument("--runs", type=positive, default=3, help="pairs of runs (default 3)")
    bounds = Bounds()
    run.add_argument(
        "--seconds",
        type=seconds,
        default=bounds.seconds,
        help="for how long each run is measured, about; a slow peer gets fewer tasks (default 5)",
    )
    run.add_argument(
        "--timeout",
        type=seconds,
        default=bounds.timeout,
        help="seconds until a run is killed, set-up included (default 120)",
    )
    run.add_argument("--count", type=positive, help="at most so many tasks in a run")
    run.add_argument("--save", type=Path, metavar="FILE", help="also write JSON, with how taken")
    run.add_argument(
        "--note", default="", help="words for the record, such as what else was running"
    )
    for which in (listing, run):
        which.add_argument("-o", "--output", choices=["table", "json"], default="table")
    table = commands.add_parser("table", help="a Markdown table of what run --save wrote")
    table.add_argument("files", nargs="+", type=Path, metavar="FILE")
    return parser.parse_args(arguments)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def readiness(peer: Peer) -> str:
    """Why it cannot be run; empty if it can."""
    try:
        environments.require(peer)
    except NotReady as error:
        return str(error).removeprefix(f"{peer.name}: ")
    return ""


def show(output: str) -> None:
    """All peers. For programs one JSON object a line, with everything the docstring says."""
    for peer in PEERS.values():
        lacking = readiness(peer)
        if output == "json":
            told = {
                "peer": peer.name,
                "requires": list(peer.requires),
                "redis": peer.redis,
                "ready": not lacking,
                "lacking": lacking or None,
                "settings": peer.settings(),
            }
            print(json.dumps(told))
            continue
        needs = ", ".join([*peer.requires, *["redis-server"] * peer.redis]) or "nothing"
        print(f"{peer.name} ({lacking or 'ready'}); needs {needs}")
        print(indent(peer.settings(), "    "), end="\n\n")


def set_up(asked: Sequence[Peer]) -> int:
    """Each of them; one that fails does not keep the next from being made."""
    failed = 0
    for peer in asked:
        try:
            environments.setup(peer, say)
        except NotReady as error:
            say(str(error))
            failed += 1
    return int(failed > 0)


def described(asked: Sequence[Peer]) -> dict[str, Any]:
    return {
        peer.name: {"settings": peer.settings(), "versions": environments.versions(peer)}
        for peer in asked
    }


def measure(options: argparse.Namespace) -> int:
    """The exit status says whether all could be measured, not how fast they were."""
    lacking = {peer.name: why for peer in options.peers if (why := readiness(peer))}
    ready = [peer for peer in options.peers if peer.name not in lacking]
    for name, why in lacking.items():
        say(f"{name}: left out: {why}")
    if not ready:
        return 2
    how = taken(options.runs, program="benchmarks.peers")
    how |= {"redis": broker.version(), "note": options.note, "left_out": lacking}
    record: dict[str, Any] = {"taken": how, "settings": described(ready), "peers": []}
    bounds = Bounds(options.seconds, options.timeout, options.count)
    lines: list[Line] = []
    status = int(bool(lacking))
    if options.output == "table":
        print(report.HEAD)
    try:
        for peer in ready:
            for name in options.only:
                for line in harness.compare(peer, WORKLOADS[name], options.runs, bounds, say):
                    lines.append(line)
                    as_json = options.output == "json"
                    print(json.dumps(line.as_dict()) if as_json else report.row(line), flush=True)
    except KeyboardInterrupt:
        say("interrupted: what was measured until now is kept")
        status = INTERRUPTED
    if options.save and lines:
        record["peers"] = [line.as_dict() for line in lines]
        options.save.write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    return status or int(any(line.failed for line in lines))


def read(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SystemExit(f"{path}: {error}") from None
    if not isinstance(record, dict) or not {"taken", "settings", "peers"} <= set(record):
        raise SystemExit(f"{path}: not a file of `python -m benchmarks.peers run --save`")
    return record


def main(arguments: Sequence[str] | None = None) -> None:
    asked = parse(arguments)
    if asked.command == "list":
        show(asked.output)
        raise SystemExit(0)
    if asked.command == "setup":
        raise SystemExit(set_up(asked.peers))
    if asked.command == "run":
        raise SystemExit(measure(asked))
    print(report.table([read(path) for path in asked.files]), end="")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: nothing is left behind
    main()
