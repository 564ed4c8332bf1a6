"""Measure work between this process and the workers of `zmqwork bench worker`, on other hosts.

Each form is measured with each payload and each number of tasks in flight:
  request         submit one by one, so many in flight, each result looked at: round trips, too
  map             the same task over an input, in chunks
  pipeline        a ventilator here, the workers, and a sink here

TASKS/S is what came back, MB/S the payload there and back. Round trips are from the call of submit
until the result is here; beyond 16 in flight they are those of one task of 16. CPU % is of this
process: 100 is one processor. LINK MS is the shortest round trip of a PING that was seen.

BREAK-EVEN US: tasks shorter than this are cheaper in this process than there. Such a one takes
`here + L` here, a plain call and its own length; there `there + L / slots`, where `there` is one
that does nothing (1 / TASKS/S). Both are the same at L = (there - here) * slots / (slots - 1), an
estimate from above. With one slot nothing is done sooner there, and the column is empty.

A task of one's own is measured with --task MODULE:TASK, the same call again and again, at the
running workers of its app (`zmqwork worker`) that serve it. The module must be importable here. A
worker runs it a few times before, and this process, too, if it can (--not-here: not): GAIN is how
many times as many are done there as here in the same time, and BREAK-EVEN US from which length on a
call with such arguments is worth sending. What it does, it does each time: files, databases, mails.

Ctrl-C ends it with what was measured so far; a second one does not wait for what is under way.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from zmqwork.bench.campaign import Campaign
from zmqwork.bench.cases import FORMS, LASTING, Case, cases
from zmqwork.bench.crew import Expected
from zmqwork.bench.report import Report
from zmqwork.bench.tasks import app
from zmqwork.cli.arguments import by_name, by_position
from zmqwork.cli.bench_figures import show
from zmqwork.cli.bench_files import BenchFiles
from zmqwork.cli.bench_own import crew_of, kind, own_of, try_out
from zmqwork.cli.bench_progress import BenchProgress
from zmqwork.cli.bench_stop import GRACE, StopOnce
from zmqwork.cli.bench_words import hosts, listed, number, size, word
from zmqwork.cli.output import Output, complain, counted
from zmqwork.cli.parser import Parser, add_output, add_search, seconds, whole
from zmqwork.cli.search import search_options
from zmqwork.cli.submitter import submitter
from zmqwork.errors import UsageError, ZmqworkError
from zmqwork.security.keyring import keys_of
from zmqwork.whereabouts import Whereabouts

EXAMPLES = """
zmqwork bench run                              with whoever is there
zmqwork bench run --hosts 3 --json lan.json    wait for workers on three hosts
zmqwork bench run --hosts anna,bert --insecure-lan --plot lan.png
zmqwork bench run --payload 0,1k,64k,1M --concurrency 1,100,1000 --duration 10 --csv lan.csv
zmqwork bench run --form map,pipeline --tasks 100k
zmqwork bench run --task cpu --length 0.01 --concurrency 16
zmqwork bench run --task thumbs:thumbnail --args '["a.jpg"]' --kwargs '{"width": 100}'
zmqwork bench run --peer tcp://anna:7071 -o json | jq '.measurements[].tasks_per_second'
"""

_PAYLOAD_MAX = 64 * 1024 * 1024
_TASKS_MAX = 10**12
_IN_FLIGHT_MAX = 50_000
_DURATION_MAX = 86_400.0
_CASES_MAX = 1_000
_DEFAULT_LENGTH = 0.001
_TOLD = (
    "zmqwork bench run: it ends with what was measured so far, once what is under way has come "
    f"back, in {GRACE:g} s at the latest (again: at once)"
)


def configure(parser: Parser) -> None:
    """Add the options of ``bench run``."""
    parser.description = __doc__
    what = parser.add_argument_group("what is measured")
    what.add_argument(
        "--form",
        type=listed(word("form", FORMS)),
        default=["request"],
        metavar="FORMS",
        help=f"{', '.join(FORMS)}; with commas (default: request)",
    )
    what.add_argument(
        "--task",
        type=kind,
        default="echo",
        metavar="TASK",
        help="echo: the payload goes there and back; noop: there; sleep, cpu: it takes --length; "
        "MODULE:TASK: one of your own (default: echo)",
    )
    what.add_argument(
        "--args",
        type=by_position,
        metavar="JSON",
        help="of a task of your own: its arguments, as '[\"a.jpg\", 7]'",
    )
    what.add_argument(
        "--kwargs", type=by_name, metavar="JSON", help="its arguments by name: '{\"width\": 100}'"
    )
    what.add_argument(
        "--not-here", action="store_true", help="do not call it in this process as well"
    )
    what.add_argument(
        "--payload",
        type=listed(size("payload", 0, _PAYLOAD_MAX)),
        default=None,
        metavar="SIZES",
        help="bytes of the argument: 0,1k,64k,1M (default: 0)",
    )
    what.add_argument(
        "--concurrency",
        type=listed(number("concurrency", 1, _IN_FLIGHT_MAX)),
        metavar="COUNTS",
        help="tasks in flight, of `request`; of large payloads fewer, 64 MiB of them (default: "
        "1,100; of a task of your own that takes 10 ms or more: 1 and four for each slot)",
    )
    what.add_argument(
        "--length",
        type=seconds,
        metavar="S",
        help="seconds that a task of sleep or cpu takes (default: 0.001)",
    )
    what.add_argument(
        "--tasks",
        type=number("number", 1, _TASKS_MAX),
        default=_TASKS_MAX,
        metavar="N",
        help="for each measurement at the most, as 100k (default: as many as --duration lets)",
    )
    what.add_argument(
        "--duration",
        type=seconds,
        default=5.0,
        metavar="S",
        help="seconds for each measurement at the most (default: 5)",
    )
    who = parser.add_argument_group("who is waited for")
    who.add_argument(
        "--hosts",
        type=hosts,
        default=1,
        metavar="EXPECTED",
        help="workers on so many hosts, or on those of these names: 3, or anna,bert (default: 1)",
    )
    who.add_argument(
        "--workers", type=whole(1, 10_000), default=1, metavar="N", help="so many (default: 1)"
    )
    who.add_argument(
        "--timeout", type=seconds, default=30.0, metavar="S", help="no longer than this (30)"
    )
    where = parser.add_argument_group("what is written, beside the output")
    for name, ending, what_for in (
        ("json", "json", "all, for `zmqwork bench compare`"),
        ("csv", "csv", "a row for each measurement"),
        ("plot", "png", "a picture: .png, .svg, .pdf (needs matplotlib: zmqwork[plot])"),
    ):
        usual = Path(f"zmqwork-bench.{ending}")
        where.add_argument(
            *(f"--{name}",),
            nargs="?",
            const=usual,
            type=Path,
            metavar="FILE",
            help=f"{what_for}; without a name: {usual}",
        )
    add_output(parser)
    add_search(parser, realm="of the workers, instead of zmqwork-bench")


def run(args: argparse.Namespace) -> int:
    """Wait for the hosts, measure, show; what was measured is shown however it ends."""
    own = own_of(args)
    todo = [] if own is not None else _cases(args)
    files = BenchFiles(args)
    output = Output(args.output)
    search = search_options(args)
    keyed = keys_of() is not None
    with StopOnce(_TOLD) as stop, submitter(own.app if own else app, "bench", **search) as producer:
        crew = crew_of(producer, own)
        if output.for_people:
            complain(f"zmqwork bench run: looking for workers, {args.timeout:g} s at the most")
        members = crew.wait_for(Expected(args.hosts, args.workers), args.timeout, stop.is_told)
        report = Report(keyed, members)
        if not stop.is_told():
            _introduce(output, report)
        try:
            if own is not None and not stop.is_told():
                todo = try_out(own, args, report, output)
            campaign = Campaign(
                crew,
                todo,
                Whereabouts.of(**search),
                tasks_max=args.tasks,
                duration=args.duration,
                is_told=stop.is_told,
            )
            with BenchProgress(output, campaign) as progress:
                for measurement in campaign.run():
                    report.measurements.append(measurement)
                    progress.measured(measurement)
        except ZmqworkError as error:
            report.trouble = str(error).partition("\n")[0]
            raise
        finally:
            stop.call_off()
            report.interrupted = stop.is_told()
            report.renew(crew.look())
            _put_out(output, report, files)
    return stop.exit_code


def _introduce(output: Output, report: Report) -> None:
    slots = sum(member.slots for member in report.members)
    output.line(
        f"{counted(len(report.members), 'worker')} with {counted(slots, 'slot')} on "
        f"{counted(len(report.hosts), 'host')}: {', '.join(report.hosts)}; "
        f"{', '.join(report.transports)}"
    )


def _put_out(output: Output, report: Report, files: BenchFiles) -> None:
    output.json(report.plain())
    show(output, report)
    if report.measurements:
        for path in files.write(report):
            output.line(f"written: {path}")


def _cases(args: argparse.Namespace) -> list[Case]:
    if args.duration > _DURATION_MAX:
        raise UsageError(f"--duration {args.duration:g}: a day is enough for one measurement")
    length = args.length or 0.0
    if args.task in LASTING:
        length = length or _DEFAULT_LENGTH
    in_flight = args.concurrency or [1, 100]
    found = cases(args.form, args.task, args.payload or [0], in_flight, length)
    if len(found) > _CASES_MAX:
        raise UsageError(f"these are {len(found):,} measurements; {_CASES_MAX:,} are enough")
    return found
