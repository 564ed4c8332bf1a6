"""The cost of size: ``python -m zmqwork.testing.scale --workers 1000 --producers 100 -o json``.

The machines of many producers and workers on the simulated network, in one process and without
checkers. What is counted is the same in every run of a seed; what the machines take of the
processor is this machine's, and depends on who else uses it.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
import sys
from typing import Any

from zmqwork.config import check_number
from zmqwork.errors import ConfigError
from zmqwork.testing.scale_run import ScaleRun, Setting

OUT_OF_TIME = 3


def parser() -> argparse.ArgumentParser:
    """What may be typed."""
    made = argparse.ArgumentParser(
        prog="python -m zmqwork.testing.scale",
        description="What thousands of workers cost, in a simulated network.",
    )
    add = made.add_argument
    add("--workers", type=int, default=1_000, help="how many (%(default)s)")
    add("--producers", type=int, default=10, help="how many (%(default)s)")
    add("--slots", type=int, default=1, help="of each worker (%(default)s)")
    add("--seconds", type=float, default=1.0, help="that a task takes (%(default)s)")
    add("--tasks", type=int, default=4, help="for each slot; 0: none (%(default)s)")
    add("--idle", type=float, default=3.0, help="virtual seconds without work (%(default)s)")
    add(
        "--lose",
        type=float,
        default=0.3,
        help="share of the workers to kill; 0: none (%(default)s)",
    )
    add("--seed", type=int, default=1, help="of all randomness (%(default)s)")
    add("--limit", type=float, default=900.0, help="real seconds it may take (%(default)s)")
    add("-o", "--output", choices=("text", "json"), default="text")
    return made


def setting_of(arguments: argparse.Namespace) -> Setting:
    """What is to be measured. Raises `ConfigError`: it makes no sense."""
    names = [known.name for known in dataclasses.fields(Setting)]
    made = Setting(**{name: getattr(arguments, name) for name in names})
    check_number("--workers", made.workers, 1, 100_000)
    check_number("--producers", made.producers, 1, 10_000)
    check_number("--slots", made.slots, 1, 1_000)
    check_number("--seconds", made.seconds, 0.001, 3_600)
    check_number("--tasks", made.tasks, 0, 1_000)
    check_number("--idle", made.idle, 0.1, 3_600)
    check_number("--lose", made.lose, 0, 0.9)
    check_number("--limit", made.limit, 1)
    return made


def lines(figures: dict[str, Any], depth: int = 0) -> list[str]:
    """The figures for people."""
    told = []
    for name, value in figures.items():
        head = f"{'  ' * depth}{name.replace('_', ' ')}"
        if isinstance(value, dict):
            told += [head, *lines(value, depth + 1)]
        else:
            told.append(f"{head}: {value:,.4g}" if isinstance(value, float) else f"{head}: {value}")
    return told


def main(words: list[str] | None = None) -> int:
    """Measure, and print; `OUT_OF_TIME` if it took too long: then some figures are missing."""
    arguments = parser().parse_args(words)
    try:
        setting = setting_of(arguments)
    except ConfigError as error:
        parser().error(str(error))
    run = ScaleRun(setting, lambda text: print(f"scale: {text}", file=sys.stderr, flush=True))
    figures = {
        "setting": dataclasses.asdict(setting),
        "python": platform.python_version(),
        **run.run(),
    }
    if arguments.output == "json":
        print(json.dumps(figures, indent=1))
    else:
        print("\n".join(lines(figures)))
    return OUT_OF_TIME if figures.get("out_of_time") else 0


if __name__ == "__main__":
    sys.exit(main())
