"""``python -m benchmarks targets``: the speed targets, measured against raw programs.

``python -m benchmarks false_deaths``: nobody may be taken for dead because the machine is busy.

``python -m benchmarks under_attack``: honest work goes on while strangers take connections.

``python -m benchmarks growth``: what a task costs as there is more of everything, as curves.

``python -m benchmarks plot``: the pictures of docs/performance.md, from files of results.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import (
    classic,
    false_deaths,
    idle_cost,
    p1_options,
    p1_submit,
    p2_map,
    p3_latency,
    p4_echo,
    p5_process_pool,
    p6_cpu,
    p7_cold_start,
    p8_memory,
    p9_growth,
    p10_durable,
    p11_curve,
    p12_recovery,
    pipeline,
    under_attack,
)
from benchmarks.growth.catalog import CURVES
from benchmarks.growth.curve import Curve, Drawn, draw
from benchmarks.growth.report import table as growth_table
from benchmarks.measure import Target, Verdict, measure
from benchmarks.pictures import PICTURES, draw_all
from benchmarks.pictures.shown import NotShown, listed, read
from benchmarks.taken import taken

INTERRUPTED = 130

TARGETS: dict[str, Target] = {
    "P1": p1_submit.TARGET,
    "P1-frames": p1_submit.FRAMES,
    "P1-retries": p1_options.RETRIES,
    "P1-options": p1_options.OPTIONS,
    "P2": p2_map.TARGET,
    "P2-pool": p2_map.POOL,
    "P3": p3_latency.TARGET,
    "P3-frames": p3_latency.FRAMES,
    "P4": p4_echo.TARGET,
    "P5": p5_process_pool.TARGET,
    "P6": p6_cpu.TARGET,
    "P7": p7_cold_start.TARGET,
    "P7-mdns": p7_cold_start.MDNS,
    "P8": p8_memory.TARGET,
    "P9": p9_growth.TARGET,
    "P10": p10_durable.TARGET,
    "P10-reopen": p10_durable.REOPEN,
    "P11": p11_curve.TARGET,
    "pipeline": pipeline.TARGET,
    "P12": p12_recovery.TARGET,
    "P12-stop": p12_recovery.STOPPED,
    "idle-p": idle_cost.PRODUCER,
    "idle-w": idle_cost.WORKER,
    "classic": classic.TARGET,
}


def chosen(text: str) -> list[str]:
    """The names in a comma-separated list, each known."""
    known = {name.lower(): name for name in TARGETS}
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        message = f"no target {', '.join(unknown)}; there are {', '.join(TARGETS)}"
        raise argparse.ArgumentTypeError(message)
    return [known[name] for name in names]


def curves(text: str) -> list[Curve]:
    """The curves of these names; ``queue`` is all that begin so, ``all`` is every one."""
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    known = [curve.name for curve in CURVES]
    unknown = [name for name in names if name not in (*known, "all")]
    if unknown or not names:
        message = f"no curve {', '.join(unknown)}; there are {', '.join(known)}, and all"
        raise argparse.ArgumentTypeError(message)
    return [
        curve
        for curve in CURVES
        if "all" in names or curve.name in names or curve.name.partition("-")[0] in names
    ]


def at_least_one(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    targets = commands.add_parser("targets", help="measure, and hold against the bars")
    targets.add_argument("--only", type=chosen, default=list(TARGETS), metavar="P1,P3,...")
    targets.add_argument("--runs", type=at_least_one, default=3, help="pairs of runs (default 3)")
    deaths = commands.add_parser("false_deaths", help="load every processor: is anybody given up?")
    deaths.add_argument("--seconds", type=at_least_one, default=60, help="how long (default 60)")
    attack = commands.add_parser("under_attack", help="thousands of strangers: does work go on?")
    attack.add_argument("--seconds", type=at_least_one, default=10, help="each phase (default 10)")
    growth = commands.add_parser("growth", help="costs over numbers: does any grow too fast?")
    growth.add_argument(
        "curves",
        type=curves,
        nargs="?",
        default=list(CURVES),
        metavar="|".join(curve.name for curve in CURVES) + "|all",
        help="which, with commas (default all); queue is all three of its name",
    )
    growth.add_argument("--runs", type=at_least_one, default=3, help="of each point (default 3)")
    growth.add_argument("--most", type=at_least_one, help="leave out points beyond this number")
    growth.add_argument("--note", default="", help="words for the record: what else was running")
    plot = commands.add_parser("plot", help="the pictures of docs/performance.md (matplotlib)")
    plot.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="results (default: results/shown.txt)"
    )
    plot.add_argument("--out", type=Path, default=PICTURES, metavar="DIR", help="docs/pictures")
    for which in (targets, attack, growth):
        which.add_argument("-o", "--output", choices=["table", "json"], default="table")
        which.add_argument(
            "--save", type=Path, metavar="FILE", help="also write JSON, with how taken"
        )
    return parser.parse_args(arguments)


def row(verdict: Verdict) -> str:
    sign = ">=" if verdict.better == "higher" else "<="
    bar = "" if verdict.bar is None else f"{sign} {verdict.bar:g}"
    word = {True: "ok", False: "SHORT", None: ""}[verdict.ok]
    return (
        f"{verdict.target:<10}{verdict.value:>12.4g} {verdict.unit:<8}"
        f"{verdict.baseline:>12.4g}{verdict.ratio:>8.3g} {bar:<8}{word:<6} {verdict.work}"
    )


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def save(path: Path, record: dict[str, Any]) -> None:
    path.write_text(json.dumps(record, indent=2) + "\n", "utf-8")


def grow(asked: argparse.Namespace) -> int:
    """Measure the curves; what was measured is kept if a person ends it."""
    how = taken(asked.runs) | {"note": asked.note}
    found: list[Drawn] = []
    interrupted = False
    try:
        for curve in asked.curves:
            drawn = draw(curve, asked.runs, say, asked.most)
            found.append(drawn)
            as_json = asked.output == "json"
            told = [json.dumps(drawn.as_dict())] if as_json else growth_table(drawn)
            print("\n".join(told), flush=True)
    except KeyboardInterrupt:
        say("interrupted: the curves that are complete are kept")
        interrupted = True
    if asked.save and found:
        save(asked.save, {"taken": how, "growth": [drawn.as_dict() for drawn in found]})
    steeper = any(judged.ok is False for drawn in found for judged in drawn.judged)
    return INTERRUPTED if interrupted else int(steeper)


def plot(files: Sequence[Path], out: Path) -> int:
    """Draw what there is of these files."""
    try:
        shown = read(files or listed())
        for path in draw_all(shown, out):
            print(f"{path}  {path.stat().st_size / 1000:.0f} kB")
    except (NotShown, OSError) as error:
        say(str(error))
        return 1
    return 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what was asked. The exit status says whether that was possible, not how fast.

    That of `false_deaths` is 1 if there were any, that of `under_attack` if a bar was not reached,
    that of `growth` if a cost grows faster than the logarithm does.
    """
    asked = parse(arguments)
    if asked.command == "false_deaths":
        counted = false_deaths.run(asked.seconds)
        print(json.dumps(counted))
        raise SystemExit(counted["false_deaths"] > 0)
    if asked.command == "under_attack":
        how = taken(runs=1)
        counted = under_attack.run(asked.seconds)
        json_asked = asked.output == "json"
        print(json.dumps(counted) if json_asked else under_attack.table(counted))
        if asked.save:
            save(asked.save, {"taken": how, "under_attack": counted})
        raise SystemExit(not counted["ok"])
    if asked.command == "plot":
        raise SystemExit(plot(asked.files, asked.out))
    if asked.command == "growth":
        raise SystemExit(grow(asked))
    how = taken(asked.runs)
    verdicts: list[Verdict] = []
    if asked.output == "table":
        print(f"{'target':<10}{'ours':>12} {'unit':<8}{'baseline':>12}{'ratio':>8} bar")
    for name in asked.only:
        for verdict in measure(TARGETS[name], asked.runs, say):
            verdicts.append(verdict)
            line = json.dumps(verdict.as_dict()) if asked.output == "json" else row(verdict)
            print(line, flush=True)
    if asked.save:
        save(asked.save, {"taken": how, "targets": [verdict.as_dict() for verdict in verdicts]})


if __name__ == "__main__":
    main()
