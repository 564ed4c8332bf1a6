"""The simulator: thousands of runs of the whole system, in virtual time, under drawn faults.

``python -m zmqwork.testing.sim --seeds N`` runs N seeds on all processors; ``--seed S --trace``
tells the story of one; ``--seed S --shrink FILE`` cuts a run that breaks a promise down to what
it needs for that, as JSON; ``--plan FILE`` runs what is there.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from zmqwork.testing.campaign import Summary, processors, reports
from zmqwork.testing.marks import MARKS
from zmqwork.testing.plan import draw
from zmqwork.testing.play import Report, digest, perform, run
from zmqwork.testing.scenario import Scenario
from zmqwork.testing.shrink import breaks, shrink

__all__ = ["digest", "main", "run"]

# Characters of an error, beside those of other seeds.
_ERROR_SHOWN = 200

# So many seeds come by all marks, or the workload has become too tame to find anything there.
ALL_MARKS_SEEDS = 600

_COMMAND = "python -m zmqwork.testing.sim"


def main(argv: list[str] | None = None) -> int:
    """The command: 0 if all is well, 1 if a promise was broken or a mark was missed."""
    given = _parser().parse_args(argv)
    if given.plan is not None:
        scenario = Scenario.from_json(given.plan.read_text("utf-8"))
        return _one(perform(scenario, print if given.trace else None), f"--plan {given.plan}")
    if given.shrink is not None:
        return _shrink(given.seed, given.shrink)
    if given.digest:
        first = given.first if given.seed is None else given.seed
        for seed in range(first, first + (given.seeds if given.seed is None else 1)):
            print(digest(seed))
        return 0
    if given.seed is not None:
        return _one(run(given.seed, print if given.trace else None), f"--seed {given.seed}")
    return _many(range(given.first, given.first + given.seeds), given.jobs, given.output)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=_COMMAND, description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, metavar="N", help="run N seeds")
    parser.add_argument("--first", type=int, default=0, metavar="S", help="begin with this one")
    parser.add_argument("--jobs", type=int, default=processors(), metavar="J", help="J at a time")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    parser.add_argument("--seed", type=int, metavar="S", help="run this one")
    parser.add_argument("--plan", type=Path, metavar="FILE", help="run what this file says")
    parser.add_argument("--trace", action="store_true", help="print everything that happens")
    parser.add_argument("--digest", action="store_true", help="print a fingerprint of the run")
    parser.add_argument(
        "--shrink", type=Path, metavar="FILE", help="of --seed, write what it needs to fail"
    )
    return parser


def _line(report: Report, how: str, most: int) -> str:
    """What broke, and the command that shows it again."""
    error = " ".join(report.error.split())[:most]
    return f"seed {report.seed}: {_COMMAND} {how} --trace: {error}"


def _one(report: Report, how: str) -> int:
    if report.error:
        print(_line(report, how, len(report.error)), flush=True)
    else:
        print(f"seed {report.seed}: {report}")
    well = 0 if report.error else 1
    print(f"{well} of 1 seeds hold; {report.tasks} tasks, {report.runs} runs, {report.turns} turns")
    return 1 - well


def _shrink(seed: int | None, path: Path) -> int:
    if seed is None:
        print("--shrink is of a --seed", file=sys.stderr)
        return 2
    scenario = draw(seed)
    report = perform(scenario)
    if not report.error:
        print(f"seed {seed} holds: there is nothing to cut down")
        return 0
    least = shrink(scenario, breaks(report.promise))
    path.write_text(least.to_json(promise=report.promise), "utf-8")
    print(f"seed {seed}: {len(least.steps)} of {len(scenario.steps)} steps break it still")
    return _one(perform(least), f"--plan {path}")


def _many(seeds: range, jobs: int, output: str) -> int:
    summary = Summary()
    shows = output == "text" and sys.stderr.isatty()

    def each(report: Report) -> None:
        if report.error:
            print(_line(report, f"--seed {report.seed}", _ERROR_SHOWN), file=out, flush=True)
        if shows:
            said = f"{summary.seeds} of {len(seeds)} seeds, {summary.tasks} tasks"
            print(f"\r{said}, {len(summary.breaches)} breaches ", end="", file=sys.stderr)

    out = sys.stdout if output == "text" else sys.stderr
    summary.of(reports(seeds, jobs), each)
    if shows:
        print(file=sys.stderr)
    missed = [mark for mark in MARKS if not summary.marks[mark]]
    enough = len(seeds) < ALL_MARKS_SEEDS or not missed
    if output == "json":
        print(json.dumps({**summary.as_dict, "marks_missed": missed}, indent=2))
    else:
        well = summary.seeds - len(summary.breaches)
        print(
            f"{well} of {len(seeds)} seeds hold; {summary.tasks} tasks, {summary.runs} runs,"
            f" {summary.turns} turns, {summary.seconds / 3600:.1f} virtual hours;"
            f" {len(MARKS) - len(missed)} of {len(MARKS)} marks"
        )
        if not enough:
            print("no seed came by: " + "; ".join(missed))
    return 0 if enough and not summary.breaches else 1


if __name__ == "__main__":
    sys.exit(main())
