"""Store what tasks return: in a file, a directory or a database, or by a function of the app.

Results are acked when they are on the disk; until then the workers keep them. What remembers (all
but standard output, and a function without an inbox) goes on after a crash with each result once.
Producers and workers find this sink by themselves; the order of starts does not matter. Without
--once and --expect it takes results until Ctrl-C or SIGTERM, which lets it store what is here and
leave; a second one leaves that to the workers, which bring it again.
"""

from __future__ import annotations

import argparse

from zmqwork.cli.parser import Parser, add_serving, seconds, whole
from zmqwork.errors import UsageError

EXAMPLES = """
zmqwork sink thumbs:app                        the app's @app.sink
zmqwork sink thumbs:app contact_sheet          one of several, by its name
zmqwork sink thumbs:app --out out.jsonl        no function: a line of JSON for each result
zmqwork sink thumbs:app --out sizes.csv --columns path,width,height
zmqwork sink thumbs:app --out sqlite:out.db    a row for each
zmqwork sink thumbs:app --out pictures/        a file for each
zmqwork sink thumbs:app --out - | jq .result   to be read at once; nothing is remembered
zmqwork sink thumbs:app --once                 ends when the ventilator has ended
zmqwork sink thumbs:app --out out.jsonl --expect 1000      ends when 1000 results are in it

without any Python of yours, on as many hosts as you like:
  zmqwork worker --realm pics --exec 'convert {} -resize 50% {.}.png'
  zmqwork ventilator --realm pics --lines names.txt
  zmqwork sink --realm pics --out out.jsonl --once
"""

_OUT = """\
With --out results go there, and not to a function. What a sink has written there before is gone
on with; what somebody else has written is refused. Beside FILE lies FILE.inbox, which belongs to
it: it says what was stored."""


def configure(parser: Parser) -> None:
    """Add the options of ``sink``."""
    parser.add_argument(
        "target",
        nargs="?",
        metavar="MODULE:APP",
        help="where the app is: thumbs:app; not needed with --out and --realm",
    )
    parser.add_argument("which", nargs="?", metavar="NAME", help="which of the app's sinks")
    _add_out(parser)
    _add_end(parser)
    parser.add_argument(
        "--sink",
        metavar="NAME",
        help="take results under this name, as `zmqwork ventilator --sink` has it (default: "
        "default)",
    )
    parser.add_argument(
        "--batch",
        type=whole(1, 1_000_000),
        metavar="N",
        help="store so many results at once, at most (default: what the app says; 500)",
    )
    parser.add_argument(
        "--linger",
        type=_delay,
        metavar="SECONDS",
        help="wait so long for a batch to be full (default: what the app says; 0)",
    )
    add_serving(parser, realm="take the results of this realm, not of the app's own")


def _add_out(parser: Parser) -> None:
    group = parser.add_argument_group("where results go", _OUT)
    group.add_argument(
        "--out",
        metavar="PLACE",
        help="FILE.jsonl, FILE.csv, DIRECTORY/ (a file for each result), sqlite:FILE (the table "
        "`results`), or - for standard output",
    )
    group.add_argument(
        "--format",
        metavar="FORMAT",
        help="jsonl, csv, or for standard output also text (default: by the name; jsonl)",
    )
    group.add_argument(
        "--columns",
        type=_names,
        metavar="A,B",
        help="of a CSV (default: those of the first result)",
    )
    group.add_argument(
        "--bare", action="store_true", help="in JSON Lines, the results alone, without their tasks"
    )
    group.add_argument(
        "--append", action="store_true", help="behind, or beside, what is there from elsewhere"
    )
    group.add_argument(
        "--inbox", metavar="ID", help="a name for what remembers, for `zmqwork ventilator --inbox`"
    )


def _add_end(parser: Parser) -> None:
    group = parser.add_argument_group("when it ends")
    group.add_argument(
        "--once",
        action="store_true",
        help="when every producer that came has said that it has no more, and one at least; or was "
        "killed, and had no run that can be gone on with",
    )
    group.add_argument(
        "--expect",
        type=whole(1, 1_000_000_000_000),
        metavar="N",
        help="when N results are stored; of what remembers, with those of earlier starts",
    )
    group.add_argument(
        "--drain-timeout",
        type=seconds,
        default=30.0,
        metavar="SECONDS",
        help="on leaving, leave to the workers what is not stored after this long (default: 30)",
    )


def run(args: argparse.Namespace) -> int:
    """Take results until it is done, or a signal ends it: an exit code.

    0; 1 if --once or --expect did not get what they wait for; 74 if the place of the results cannot
    be written; 130 or 143 when it was cut short, by one signal if it still waited for results.
    """
    _check(args)
    from zmqwork.cli.storing import store  # noqa: PLC0415 - what is wrong so far is said at once

    return store(args)


def _check(args: argparse.Namespace) -> None:
    if args.out is None:
        for option in ("format", "columns", "bare", "append", "inbox"):
            if getattr(args, option):
                raise UsageError(f"--{option} is for --out, which is not given")
    if args.out == "":
        raise UsageError("--out needs a place: FILE, DIRECTORY/, sqlite:FILE, or -")
    if args.target is None and args.out is None:
        raise UsageError(
            "name an app that has a sink (MODULE:APP), or where results go: --realm NAME --out FILE"
        )
    if args.target is None and args.realm is None:
        raise UsageError("whose results? Name an app (MODULE:APP), or --realm NAME")
    if args.which is not None and args.sink not in (None, args.which):
        raise UsageError(f"two names: {args.which!r}, and {args.sink!r} of --sink")


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise argparse.ArgumentTypeError("name the columns, with commas between them")
    return names


def _delay(text: str) -> float:
    return 0.0 if text.strip() == "0" else seconds(text)
