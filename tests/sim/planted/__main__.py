"""``python -m tests.sim.planted NAME...|all``: within how many seeds each bug is found."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from tests.sim.planted import BUGS, NOTED, SEEDS, note
from tests.sim.planted.search import cut_down, look_for
from zmqwork.testing.campaign import processors


def main() -> int:
    """0 if all were found, 1 if one was not."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim.planted", description=__doc__)
    parser.add_argument("names", nargs="+", choices=["all", *BUGS], metavar="NAME")
    parser.add_argument("--seeds", type=int, default=SEEDS, metavar="N")
    parser.add_argument("--jobs", type=int, default=processors(), metavar="J")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    parser.add_argument("--shrink", type=Path, metavar="DIR", help="write what each needs")
    parser.add_argument("--write", action="store_true", help=f"note the seeds in {NOTED.name}")
    given = parser.parse_args()
    names = list(BUGS) if "all" in given.names else given.names
    found: dict[str, int | None] = {}
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(given.jobs, mp_context=context) as pool:
        waiting = {pool.submit(look_for, given.seeds, name): name for name in names}
        for future in as_completed(waiting):
            name, seed = waiting[future], future.result()
            found[name] = seed
            if given.output == "text":
                said = f"not within {given.seeds}" if seed is None else f"within {seed + 1}"
                print(f"{name}: {said} seeds", flush=True)
            if given.shrink is not None and seed is not None:
                cut_down(given.shrink, name, seed)
            if given.write and seed is not None:
                note(name, seed)
    missed = [name for name, seed in found.items() if seed is None]
    if given.output == "json":
        order = {name: found[name] for name in names}
        within = {name: None if seed is None else seed + 1 for name, seed in order.items()}
        counts = {"planted": len(names), "found": len(names) - len(missed)}
        print(json.dumps({**counts, "seeds": given.seeds, "within": within}, indent=2))
    else:
        print(f"{len(names) - len(missed)} of {len(names)} planted bugs found")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
