"""``python -m tests.chaos``: do harm to real processes and links, and see whether the promises hold.

    python -m tests.chaos list                              what there is
    python -m tests.chaos run kill-worker recovery          these, a few seconds each
    python -m tests.chaos run all --scale full -o json      all, at the figures that are promised
    python -m tests.chaos soak --minutes 30                 random harm, and what grows meanwhile
    python -m tests.chaos teeth                             bugs are planted, and must be found

Each scenario gives one report; `-o json` prints it as one line. Ends with 0 only if all have passed.
What this machine cannot do is skipped, with the reason, and counted. Ctrl-C ends all that was started.
"""

import argparse
import contextlib
import json
import os
import re
import signal
import sys
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
os.environ["ZMQWORK_KEYS"] = "none"  # whoever runs this may have some
os.environ.setdefault("CHAOS_PATIENCE", "180")

import telling  # noqa: E402 - found where the path says so
from oracle import Oracle  # noqa: E402
from suite import SCALES, load, run  # noqa: E402
from teeth import PLANTS  # noqa: E402

INTERRUPTED = 130


def main():
    """Run; the exit code."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    args = _parser().parse_args()
    known = load()
    if args.do == "list":
        print(telling.listed(known.values(), args.output))
        return 0
    if args.do == "teeth":
        return _find_planted(known, args)
    if args.do == "soak":
        names = ["soak"]
    else:
        # The soak has a length of its own, so `all` is without it.
        every = [name for name in known if name != "soak"]
        names = every if "all" in args.names else list(dict.fromkeys(args.names))
    if unknown := [name for name in names if name not in known]:
        print(f"no scenario is called {', '.join(unknown)}: see `list`", file=sys.stderr)
        return 2
    return _run_all([known[name] for name in names], args)


def _run_all(chosen, args):
    reports = []
    interrupted = False
    try:
        for scenario in chosen:
            with _progress(scenario.name) as started:
                options = {"minutes": args.minutes, "keep": args.keep, "started": started}
                report = run(scenario, args.scale, args.seed, **options)
            reports.append(report)
            print(telling.told(report, args.output), flush=True)
            if args.out is not None:
                with args.out.open("a") as file:
                    file.write(json.dumps(report) + "\n")
    except KeyboardInterrupt:
        interrupted = True
        print("interrupted; what was started has ended", file=sys.stderr)
    if args.output == "text":
        print(telling.summed_up(reports))
    if interrupted:
        return INTERRUPTED
    return int(any(report["passed"] is False for report in reports))


def _find_planted(known, args):
    """Each bug must make its scenario fail, and for the right reason."""
    blind = []
    for name in args.names or PLANTS:
        scenario, breach, bug = PLANTS[name]
        with _progress(name) as started:
            report = run(known[scenario], plant=name, started=started)
        found = any(re.search(breach, text) for text in report["breaches"])
        blind += [] if found else [name]
        told = {"bug": name, "about": bug.__doc__, "scenario": scenario, "found": found}
        told |= {name: report[name] for name in ("seconds", "breaches", "commit")}
        print(telling.bitten(told, args.output), flush=True)
    return int(bool(blind))


@contextlib.contextmanager
def _progress(name):
    """Say every few seconds how far it is, on standard error."""
    ended, trials, begun_at = threading.Event(), [], time.monotonic()

    def say():
        oracle = None
        while not ended.wait(5):
            if not trials:
                continue
            oracle = oracle or Oracle(trials[0].scene.place)
            counts = {what: oracle.count(what) for what in ("settled", "faults")}
            told = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
            seconds = int(time.monotonic() - begun_at)
            print(f"  {name}: {seconds} s{', ' if told else ''}{told}", file=sys.stderr, flush=True)

    thread = threading.Thread(target=say, daemon=True)
    thread.start()
    try:
        yield trials.append
    finally:
        ended.set()
        thread.join()


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="do", required=True)
    output = argparse.ArgumentParser(add_help=False)
    output.add_argument("-o", "--output", choices=["text", "json"], default="text")
    running = argparse.ArgumentParser(add_help=False)
    running.add_argument("--scale", choices=SCALES, default="short", help="full: takes minutes")
    running.add_argument("--seed", type=int, default=1, help="of what is chosen by chance")
    running.add_argument("--out", type=Path, help="add the reports to this file, as lines of JSON")
    running.add_argument("--keep", action="store_true", help="keep the facts of what fails")
    running.add_argument("--minutes", type=float, help="how long soak, cpu-load take")
    commands.add_parser("list", parents=[output], help="what there is")
    some = commands.add_parser("run", parents=[output, running], help="run some, or all")
    some.add_argument("names", nargs="+", metavar="NAME|all")
    bugs = commands.add_parser("teeth", parents=[output], help="plant bugs, which must be found")
    bugs.add_argument("names", nargs="*", metavar="BUG", choices=[*PLANTS, []], help="all, if none")
    commands.add_parser("soak", parents=[output, running], help="random harm, for long")
    return parser


if __name__ == "__main__":
    sys.exit(main())
