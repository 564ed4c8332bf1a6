"""``python -m tests.fuzz``: look for inputs that do harm, for so many minutes.

    python -m tests.fuzz --minutes 5                     all decoders, by turns
    python -m tests.fuzz --target roster --seed 7        one, as it was seen to fail
    python -m tests.fuzz --replay 9100c1 --target value  one input, in hexadecimal digits
    python -m tests.fuzz --list

Ends with 1 when it has found something, and says what, as short as it gets. With `--atheris`, one
target is given to that fuzzer (pip install atheris), which sees the code that an input reaches.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback

from tests.fuzz.engine import GROWTH_MAX, Report, Target, fuzz
from tests.fuzz.targets import BY_NAME, TARGETS, corpus_of

# Each target has several turns, so that a run that is cut short has seen all of them.
_TURN_SECONDS = 5.0


def main() -> int:
    """Run; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--minutes", type=float, default=1.0, help="for how long, in all")
    parser.add_argument("--target", action="append", choices=sorted(BY_NAME), help="this one")
    parser.add_argument("--seed", type=int, help="of the first turn; told when something is found")
    parser.add_argument("--replay", metavar="HEX", help="decode this one input, and nothing else")
    parser.add_argument("--atheris", action="store_true", help="use atheris, for one target")
    parser.add_argument("--list", action="store_true", help="say which targets there are")
    args = parser.parse_args()
    chosen = [BY_NAME[name] for name in args.target or []] or TARGETS
    if args.list:
        for target in TARGETS:
            print(f"{target.name:16} {_named(target)}")
        return 0
    if args.replay is not None:
        return max(_replay(target, bytes.fromhex(args.replay)) for target in chosen)
    if args.atheris:
        return _atheris(chosen[0], args.minutes)
    seed = random.SystemRandom().randrange(2**32) if args.seed is None else args.seed
    return _run(chosen, args.minutes * 60, seed)


def _run(targets: list[Target], seconds: float, seed: int) -> int:
    turn = min(_TURN_SECONDS, seconds / len(targets))
    end_at = time.monotonic() + seconds
    bad: set[str] = set()
    runs = dict.fromkeys((target.name for target in targets), 0)
    while time.monotonic() < end_at and len(bad) < len(targets):
        for target in targets:
            if target.name in bad or time.monotonic() >= end_at:
                continue
            report = fuzz(target, corpus_of(target.name), seed, seconds=turn)
            runs[target.name] += report.runs
            if not report.is_good:
                bad.add(target.name)
                _tell(target, report, seed)
        seed += 1
    for name, count in runs.items():
        print(f"{name:16} {count:>10,} inputs{'  FAILED' if name in bad else ''}")
    return 1 if bad else 0


def _tell(target: Target, report: Report, seed: int) -> None:
    print(f"\n{target.name}: permitted is {_named(target)}; seed {seed}, input {report.runs}")
    if report.error is None:
        print(f"it takes {report.grown:,} bytes more than at first; {GROWTH_MAX:,} are allowed\n")
        return
    assert report.data is not None
    traceback.print_exception(report.error, limit=-6, file=sys.stdout)
    print(f"python -m tests.fuzz --target {target.name} --replay {report.data.hex()}\n", flush=True)


def _replay(target: Target, data: bytes) -> int:
    kind, error = target.outcome(data)
    if error is None:
        print(f"{target.name}: {kind}")
        return 0
    traceback.print_exception(error)
    return 1


def _named(target: Target) -> str:
    if target.permitted is None:
        return "nothing"
    kinds = target.permitted if isinstance(target.permitted, tuple) else (target.permitted,)
    return " or ".join(kind.__name__ for kind in kinds)


def _atheris(target: Target, minutes: float) -> int:
    try:
        import atheris
    except ImportError:
        print("atheris is not installed: pip install atheris", file=sys.stderr)
        return 2
    atheris.instrument_all()

    def one(data: bytes) -> None:
        error = target.trouble(data)
        if error is not None:
            raise error

    options = [sys.argv[0], f"-max_total_time={int(minutes * 60)}", "-rss_limit_mb=1024"]
    atheris.Setup(options, one)
    atheris.Fuzz()  # which ends the process
    return 0


if __name__ == "__main__":
    sys.exit(main())
