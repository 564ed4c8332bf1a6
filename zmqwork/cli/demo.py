"""Watch work being shared by workers, one of them being killed, and nothing being lost.

Each Python file of the standard library is a task: a worker reads and tokenises it. The workers
are ordinary `zmqwork worker` processes, which this command starts and ends.
"""

from __future__ import annotations

import argparse
import logging
import sysconfig
from pathlib import Path

from zmqwork.cli import exits
from zmqwork.cli.demo_report import Report
from zmqwork.cli.demo_run import run_demo
from zmqwork.cli.demo_sample import Sample, megabytes
from zmqwork.cli.demo_story import story
from zmqwork.cli.output import Output, counted
from zmqwork.cli.parser import Parser, add_output, add_sources, whole
from zmqwork.cli.search import source_options, source_words
from zmqwork.cli.signals import terminable
from zmqwork.errors import ConfigError

EXAMPLES = """
zmqwork demo
zmqwork demo --workers 4 --path ~/src      another tree of Python files
zmqwork demo --discovery mdns                found through mDNS, over 127.0.0.1
zmqwork demo --limit 200 -o json | jq .recovery_seconds
"""

_SKIPPED = frozenset({"site-packages", "dist-packages", "__pycache__"})


def configure(parser: Parser) -> None:
    """Add the demo's options."""
    add_output(parser)
    parser.add_argument(
        "--path", type=Path, metavar="DIR", help="take the .py files under DIR instead"
    )
    parser.add_argument(
        "--limit", type=whole(1, 1_000_000), metavar="N", help="take N files at most"
    )
    parser.add_argument(
        "--workers", type=whole(1, 64), default=2, metavar="N", help="how many (default: 2)"
    )
    parser.add_argument("--no-kill", action="store_true", help="spare the first worker")
    add_sources(parser.add_argument_group("how its processes find each other"))


def run(args: argparse.Namespace) -> int:
    """Run the demo; 0 only if every task succeeded and the sample agrees."""
    output = Output(args.output)
    # The story tells of the loss in its own words.
    logging.getLogger("zmqwork").setLevel(logging.ERROR)
    root: Path = args.path or Path(sysconfig.get_path("stdlib"))
    files = python_files(root, args.limit)
    if not files:
        raise ConfigError(
            f"there is no .py file under {root}" if root.is_dir() else f"{root} is no directory"
        )
    with terminable():
        sizes = sum(path.stat().st_size for path in files)
        output.line(
            f"{counted(len(files), 'Python file')} under {root}, {sizes / 1e6:.1f} MB: a task each"
        )
        sample = Sample.take(files)
        output.line(f"here, one after another: {megabytes(sample.rate)} in a sample")
        with story(output) as tale:
            outcome = run_demo(
                files,
                tale,
                workers=args.workers,
                kill=not args.no_kill,
                words=source_words(args),
                search=source_options(args),
            )
    report = Report(files, outcome, sample)
    report.show(output)
    return exits.OK if report.good else exits.FAILED


def python_files(root: Path, limit: int | None) -> list[Path]:
    """The ``.py`` files under `root` in the order of their names, without installed packages."""
    # A name is all that is looked at, so a link in a circle leads nowhere.
    found = sorted(
        path
        for path in root.expanduser().rglob("*.py")
        if not _SKIPPED & set(path.relative_to(root.expanduser()).parts) and path.is_file()
    )
    return found[:limit]
