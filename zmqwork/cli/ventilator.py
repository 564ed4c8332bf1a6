"""Submit a task for each record of an input: the lines of a file, rows of a CSV, or numbers.

Tasks go to whatever workers of the app are there, or come; what they return goes to a sink
(`zmqwork sink`), which may be started later as well. Input is read as it is needed, so that its
size does not matter. It ends when every record is settled, however long that takes. With --realm
and no app the workers are those of `zmqwork worker --realm NAME --exec COMMAND`, and each record is
one argument.

What a record, and a run, mean stands in the help of their options.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeVar

from zmqwork.cli.parser import Parser, add_log_format, add_output, add_search, seconds, whole
from zmqwork.cli.ranges import Ranges
from zmqwork.cli.rate import parse_rate
from zmqwork.cli.rows import parse_delimiter
from zmqwork.errors import UsageError

EXAMPLES = """
zmqwork ventilator thumbs:app thumbnail --lines paths.txt         thumbnail('a.jpg'), ...
find . -name '*.jpg' -print0 | zmqwork ventilator thumbs:app thumbnail --lines - -0
zmqwork ventilator thumbs:app thumbnail --jsonl tasks.jsonl       {"path": "a.jpg", "width": 100}
zmqwork ventilator thumbs:app thumbnail --csv tasks.csv           path,width on its first line
zmqwork ventilator sums:app add --array 0-999 --rate 100/s        add(0), add(1), ...
zmqwork ventilator --realm lan --lines urls.txt                   for workers with --exec
zmqwork ventilator thumbs:app thumbnail --csv tasks.csv --dry-run        look, and send nothing
zmqwork ventilator thumbs:app thumbnail --csv tasks.csv --errors again.csv
zmqwork ventilator thumbs:app thumbnail --csv again.csv           what had failed, once more
zmqwork ventilator thumbs:app thumbnail --csv tasks.csv --resume  what a run before has not done
zmqwork ventilator thumbs:app thumbnail upload --lines names.txt  two tasks, one after the other
zcat log.gz | zmqwork ventilator sums:app add --jsonl - --run monday     a name for --resume
"""

_INPUT = """\
One of these four; FILE is - for standard input. What a record means is the same for all: a JSON
object, and a row of a CSV, is keyword arguments; a JSON list is positional arguments; anything
else is one argument (a line of text, a number, any other JSON value). --as-one passes each record
as one argument, whatever it is."""

_RUN = """\
A run has a name, made from the content of the input and the task, and its results are numbered
by record. Where the sink remembers (a file, a directory, a database; not standard output) the
same command with --resume does what is left: after Ctrl-C, a crash, or failures. Without
--resume a run that was begun before is refused. An edited input is another run: if each record
is still in its old place, --run NAME --resume goes on with the old one."""

_T = TypeVar("_T")


def configure(parser: Parser) -> None:
    """Add the options of ``ventilator``."""
    parser.add_argument(
        "target",
        nargs="?",
        metavar="MODULE:APP",
        help="where the app is: thumbs:app; left out, with TASK, where workers run a command",
    )
    parser.add_argument(
        "tasks",
        nargs="*",
        metavar="TASK",
        help="the task's name; of several each gets what the one before returned",
    )
    _add_input(parser)
    _add_tasks(parser)
    _add_run(parser)
    add_log_format(parser)
    add_output(parser)
    add_search(parser, realm="look for workers of this realm, not of the app's own")


class _Once(argparse.Action):
    """An option that says where the input is: a second one would silently replace the first."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        """Take it, or refuse the second one."""
        if getattr(namespace, self.dest) is not None:
            parser.error(f"{option_string} may be given once: put the inputs together before")
        setattr(namespace, self.dest, values)


def _add_input(parser: Parser) -> None:
    group = parser.add_argument_group("input", _INPUT)
    inputs = group.add_mutually_exclusive_group()
    inputs.add_argument(
        "--lines",
        action=_Once,
        metavar="FILE",
        help="each line is a text, and one task; an empty line, too",
    )
    inputs.add_argument(
        "--jsonl",
        action=_Once,
        metavar="FILE",
        help="each line is a JSON value, and one task; not blank lines",
    )
    inputs.add_argument(
        "--csv",
        action=_Once,
        metavar="FILE",
        help="each row is one task; the first row names the task's parameters. Cells become what "
        "these are annotated with: text, int, float, bool, Decimal, Path, UUID, datetime, date. An "
        "empty cell is an empty text, or for a parameter of another type its default",
    )
    inputs.add_argument(
        "--array",
        action=_Once,
        type=_ranges,
        metavar="RANGES",
        help="each number is one task: 0-999, 0-9,20,30-39:2; @FILE: the numbers in a file",
    )
    group.add_argument(
        "-0", "--null", action="store_true", help="with --lines: a NUL ends a line, as find -print0"
    )
    group.add_argument(
        "--delimiter",
        type=_checked(parse_delimiter),
        metavar="C",
        help="with --csv: what stands between columns: ';', tab (default: a comma)",
    )
    group.add_argument("--as-one", action="store_true", help="pass each record as one argument")
    group.add_argument(
        "--skip-bad",
        action="store_true",
        help="leave out records that cannot be read or do not fit the task, and count them "
        "(default: send no more, wait for what was sent, and say file and line)",
    )


def _add_tasks(parser: Parser) -> None:
    group = parser.add_argument_group("tasks")
    group.add_argument(
        "--rate",
        type=_checked(parse_rate),
        metavar="N/s",
        help="submit no faster: 100/s, 5/m, 1000/h (default: as fast as workers take them)",
    )
    group.add_argument(
        "--window",
        type=whole(1, 1_000_000),
        default=10_000,
        metavar="N",
        help="tasks that are submitted and not settled, at most (default: 10000)",
    )
    group.add_argument(
        "--retries",
        type=whole(0, 1_000_000),
        metavar="N",
        help="further attempts of a task that raises (default: what the app says)",
    )
    group.add_argument("-Q", "--queue", metavar="NAME", help="the queue (default: the task's own)")
    group.add_argument(
        "--priority",
        type=whole(-100, 100),
        metavar="N",
        help="the larger goes first: 10, or --priority=-10 (default: the task's own)",
    )
    group.add_argument(
        "--expires", type=seconds, metavar="SECONDS", help="give up what nobody began in this time"
    )
    group.add_argument(
        "--on-dead",
        metavar="CMD",
        help="run this for each task whose attempts are used up, with the task as JSON on its "
        "standard input: 'mail -s dead ops@example.org'",
    )
    group.add_argument(
        "--max-failures",
        type=whole(1, 1_000_000_000),
        metavar="N",
        help="when so many tasks have failed, send no more",
    )
    results = group.add_mutually_exclusive_group()
    results.add_argument(
        "--sink", default="default", metavar="NAME", help="where results go (default: default)"
    )
    results.add_argument(
        "--no-sink", action="store_true", help="what tasks return is dropped, their failures not"
    )
    group.add_argument(
        "--inbox",
        action="append",
        default=[],
        metavar="ID",
        help="only to the sink with this inbox, which takes each result once; may be given again "
        "(default: if one sink is found that has an inbox, that one)",
    )


def _add_run(parser: Parser) -> None:
    group = parser.add_argument_group("the run", _RUN)
    modes = group.add_mutually_exclusive_group()
    modes.add_argument(
        "--wait", action="store_true", help="until all tasks are settled (this is the default)"
    )
    modes.add_argument(
        "--dry-run", action="store_true", help="check all of the input, show the calls, send none"
    )
    group.add_argument(
        "--run",
        metavar="NAME",
        help="the run's name (default: from the content of the input, byte for byte, and the task; "
        "for a pipe a random one)",
    )
    group.add_argument(
        "--resume",
        action="store_true",
        help="leave out what the sink has of this run already; do again what failed",
    )
    group.add_argument(
        "--journal",
        metavar="DIR",
        help="record what is in flight there: after a crash the same command goes on, and what "
        "runs then is not run again",
    )
    group.add_argument(
        "--allow-volatile-journal",
        action="store_true",
        help="even if DIR is in memory, or on another machine",
    )
    group.add_argument(
        "--errors",
        metavar="FILE",
        help="write the records that failed there, as they stand in the input; made when there is "
        "one. Feed it with the same option (for --array: --array @FILE)",
    )
    group.add_argument(
        "--overwrite-errors", action="store_true", help="even if FILE holds something already"
    )
    group.add_argument("--no-progress", action="store_true", help="no bar, no reports")


def run(args: argparse.Namespace) -> int:
    """Submit all, wait for all; 0, 1 if anything failed, 65 if the input is broken.

    Raises:
        UsageError: the options contradict each other, or the input cannot be opened.
    """
    _check(args)
    from zmqwork.cli.venting import vent  # noqa: PLC0415 - what is wrong so far is said at once

    return vent(args)


def _check(args: argparse.Namespace) -> None:
    # (Not argparse's own check, which comes before that of unknown options.)
    if all(given is None for given in (args.lines, args.jsonl, args.csv, args.array)):
        raise UsageError("name the input: --lines FILE, --jsonl FILE, --csv FILE or --array RANGES")
    if args.target is None and args.realm is None:
        raise UsageError(
            "name an app and its task (MODULE:APP TASK), or with --realm NAME the workers that run "
            "a command"
        )
    for option, given, other, there in (
        ("--null", args.null, "--lines", args.lines is not None),
        ("--delimiter", args.delimiter, "--csv", args.csv is not None),
        ("--overwrite-errors", args.overwrite_errors, "--errors", args.errors is not None),
        (
            "--allow-volatile-journal",
            args.allow_volatile_journal,
            "--journal",
            args.journal is not None,
        ),
    ):
        if given and not there:
            raise UsageError(f"{option} is for {other}, which is not given")
    for option, given in (
        ("--inbox", args.inbox),
        ("--run", args.run is not None),
        ("--resume", args.resume),
        ("--journal", args.journal is not None),
    ):
        if given and args.no_sink:
            raise UsageError(f"{option} is for a sink, and --no-sink says that there is none")
    if args.errors == "-":
        raise UsageError("--errors needs a file: `-` is none")


def _checked(parse: Callable[[str], _T]) -> Callable[[str], _T]:
    """The same as a type for argparse."""

    def checked(text: str) -> _T:
        try:
            return parse(text)
        except UsageError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return checked


def _ranges(text: str) -> Ranges | str:
    """The numbers, or ``@FILE``."""
    return text if text.startswith("@") else _checked(Ranges.parse)(text)
