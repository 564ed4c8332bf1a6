"""Hold the results of two runs of `zmqwork bench run --json` against each other.

A ratio is the second figure divided by the first: of TASKS/S above 1 is better, of round trips
below 1. What a file has twice is taken together. A difference says something only if it is larger
than that between two runs of the same: measure each twice.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from zmqwork.bench.comparison import Comparison, Pair, compare
from zmqwork.bench.report import Report
from zmqwork.cli import exits
from zmqwork.cli.bench_figures import milliseconds, payload, plain_number
from zmqwork.cli.output import Output, complain
from zmqwork.cli.parser import Parser, add_output
from zmqwork.cli.records import BadInput

EXAMPLES = """
zmqwork bench compare before.json after.json
zmqwork bench compare plain.json curve.json -o json | jq '.pairs[].tasks_per_second.ratio'
"""

_COLUMNS = (
    "FORM", "TASK", "PAYLOAD", "IN FLIGHT", "TASKS/S", "THEN", "RATIO", "P50 MS", "THEN", "RATIO",
    "P99 MS", "THEN", "RATIO",
)  # fmt: skip


def configure(parser: Parser) -> None:
    """Add the options of ``bench compare``."""
    parser.description = __doc__
    parser.add_argument("before", metavar="A.json", type=Path, help="the first run")
    parser.add_argument("after", metavar="B.json", type=Path, help="the second run")
    add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Compare and print; 1 if nothing was measured in both."""
    before, after = _read(args.before), _read(args.after)
    found = compare(before, after)
    output = Output(args.output)
    output.json(
        {
            "before": str(args.before),
            "after": str(args.after),
            "differences": found.differences,
            "pairs": [pair.plain() for pair in found.pairs],
            "only_before": [str(case) for case in found.only_before],
            "only_after": [str(case) for case in found.only_after],
        }
    )
    if found.pairs:
        output.table(_COLUMNS, map(_row, found.pairs))
    if output.for_people:
        _remark(args, found)
    return exits.OK if found.pairs else exits.FAILED


def _remark(args: argparse.Namespace, found: Comparison) -> None:
    for text in found.differences:
        complain(f"not the same: {text}")
    for path, only in ((args.before, found.only_before), (args.after, found.only_after)):
        for case in only:
            complain(f"only in {path}: {case}")
    if not found.pairs:
        complain("zmqwork bench compare: nothing was measured in both")


def _row(pair: Pair) -> tuple[object, ...]:
    first, second = pair.before, pair.after
    cells: list[object] = [
        first.form,
        first.kind,
        payload(first),
        first.in_flight or None,
        plain_number(first.rate),
        plain_number(second.rate),
        _ratio(pair.rate_ratio),
    ]
    for name in ("p50", "p99"):
        cells += [milliseconds(measured.percentile(name)) for measured in (first, second)]
        cells.append(_ratio(pair.trip_ratio(name)))
    return tuple(cells)


def _ratio(value: float | None) -> str | None:
    return None if value is None else f"{value:.2f}"


def _read(path: Path) -> Report:
    try:
        return Report.read(path)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise BadInput(f"{path}: {error}") from error
