"""Bugs that are planted for the simulator, which must find each of them within `SEEDS` seeds.

``python -m tests.sim.planted all`` looks for each from seed 0 on, and says how many seeds it took.
``--write`` notes those in ``seeds.json``: the tests look there first.
"""

from __future__ import annotations

import json
from pathlib import Path

from . import clocks, happenings, journals, queues, sinks, streams, tasks

# A planted bug has to be found by then.
SEEDS = 300

BUGS = {
    bug.name: bug
    for part in (tasks, clocks, journals, sinks, queues, streams, happenings)
    for bug in part.BUGS
}

# Name -> a seed that showed it when this was written.
NOTED = Path(__file__).with_name("seeds.json")


def note(name: str, seed: int) -> None:
    """Keep in mind that this seed showed it."""
    known = dict(sorted({**noted(), name: seed}.items()))
    NOTED.write_text(json.dumps(known, indent=2) + "\n", "utf-8")


def noted() -> dict[str, int]:
    """What is noted there."""
    return json.loads(NOTED.read_text("utf-8")) if NOTED.exists() else {}
