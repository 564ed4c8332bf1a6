"""The ``zmqwork`` command.

::

    parser   options and help           target   MODULE:APP to an app
    output   tables, JSON, silence      exits    what the exit code says
    search   --realm, --peer read       local    worker processes for demo and bench
    signals  SIGTERM unwinds            submitter  the producer of a command
    loading  the collector rests meanwhile
    bench_stop  Ctrl-C ends a benchmark, and its results are shown
    bench_words  bench_files  bench_figures  bench_progress  bench_bar  bench_own
                                        its options, where results go, what people see of them
    serving  what `worker` does         command  what it does with --exec
    storing  what `sink` does           sink_end  what it says at the end

    venting  what `ventilator` does     plan     what it is to do
    inputs  lines  records  formats  rows  columns  cells  ranges
                                        an input as numbered records
    calls    what a record means        runs     the name of a run
    feed     records as tasks           errors_file  those that failed
    rate  reporter  progress  progress_bar  vent_end
                                        how fast, how far, and what came of it

    journal_records                         what is in a journal, for people and programs
    survey   asking all nodes               finding  what a check of `doctor` has found
    letters_at_producers  letters_in_journals  letter_choice
                                            where `deadletters` finds some
    control  ordering some                  arguments  words of the command line
    keys_changed  keys_shown  keys_pushed   the actions of `keys`

    worker  ventilator  sink  call  ps  explain  inspect  result  cancel  pause  resume  drain
    deadletters  journal  keys  audit  doctor  bench  bench_worker  bench_run  bench_compare  demo
             a command each: `configure` its options, `run` it
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Protocol, cast

from zmqwork import __version__
from zmqwork.cli import exits
from zmqwork.cli.loading import without_collecting
from zmqwork.cli.output import (
    OutputFailed,
    complain,
    lead_nowhere,
    open_closed_streams,
    spell_out_unknown,
    writing,
)
from zmqwork.cli.parser import Parser, nearest
from zmqwork.config import NO_KEYS
from zmqwork.errors import ZmqworkError

COMMANDS = {
    "worker": "run tasks of an app, or a command, until told to stop",
    "ventilator": "submit a task for each record of an input, and wait for all",
    "sink": "store what tasks return: in a file, a database, by a function",
    "call": "submit one task and print its result",
    "ps": "show the nodes that are here, and what they do",
    "explain": "say why a task is not running",
    "inspect": "list tasks by their state, and what workers know",
    "result": "print the result of a task, whoever has submitted it",
    "cancel": "cancel tasks by their ids",
    "pause": "let no task of a queue begin",
    "resume": "let the tasks of a queue go on",
    "drain": "let a worker finish, and leave",
    "deadletters": "look after tasks whose attempts are used up",
    "journal": "look after journals: what is in them, whether they can be read",
    "keys": "make the keys of a cluster, and look after them",
    "audit": "look at what was let in, refused and changed, and whether that log is whole",
    "doctor": "look for what keeps nodes apart, and say what to try",
    "bench": "measure throughput and latency: on this machine, or between hosts",
    "demo": "watch work being shared, a worker being killed, and nothing being lost",
}

# Commands that have commands of their own, each a module: `bench run` is `cli.bench_run`.
PARTS = {"bench": ("worker", "run", "compare")}

_HELP = """\
usage: zmqwork COMMAND [OPTIONS]

Hand Python work to processes that find each other: no broker, no address.

commands:
{commands}

first steps:
  zmqwork demo                      see it work, on this machine, in half a minute
  zmqwork worker thumbs:app         serve the tasks of `app` in thumbs.py
  zmqwork call thumbs:app thumbnail a.jpg
  zmqwork COMMAND --help            options, examples

{exits}
"""


class _Command(Protocol):
    """What a module of a command has."""

    def configure(self, parser: Parser) -> None: ...
    def run(self, args: object) -> int: ...


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    open_closed_streams()
    spell_out_unknown()
    try:
        return _run_and_flush(words)
    except ZmqworkError as error:
        if isinstance(error, OutputFailed):
            # Python would complain once more when it flushes what is left.
            lead_nowhere(sys.stdout.fileno())
        complain(f"zmqwork {_name(words)}: {error}")
        return exits.exit_code(error)
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except BrokenPipeError:
        # The reader has seen enough (`| head`).
        lead_nowhere(sys.stdout.fileno())
        return exits.BROKEN_PIPE


def _run_and_flush(words: list[str]) -> int:
    try:
        return _run(words)
    finally:
        # Here, where a closed pipe is understood, and not when the interpreter ends.
        with writing():
            sys.stdout.flush()


def _name(words: list[str]) -> str:
    """Of the command that is meant: ``ps``, ``bench run``."""
    return " ".join(words[:2] if words[1:2] and words[1] in PARTS.get(words[0], ()) else words[:1])


def _run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help", "help"):
        commands = "\n".join(f"  {name:<12}{what}" for name, what in COMMANDS.items())
        text = _HELP.format(commands=commands, exits=exits.HELP)
        if not words:
            print(text, end="", file=sys.stderr)
            return exits.USAGE
        with writing():
            print(text, end="")
        return exits.OK
    if words[0] in ("-V", "--version"):
        with writing():
            print(f"zmqwork {__version__}")
        return exits.OK
    if words[0] not in COMMANDS:
        complain(f"zmqwork: unknown command {words[0]!r}{nearest(words[0], COMMANDS)}")
        complain("Try: zmqwork --help")
        return exits.USAGE
    name = _name(words)
    # Only the command that was asked for: `--help` and typing errors are answered at once.
    with without_collecting():
        module = importlib.import_module(f"zmqwork.cli.{name.replace(' ', '_')}")
    command = cast("_Command", module)
    doc = (module.__doc__ or "").partition("\n\n")
    parser = Parser(
        prog=f"zmqwork {name}", description=doc[0], examples=getattr(module, "EXAMPLES", "")
    )
    command.configure(parser)
    args = parser.parse_strictly(words[len(name.split()) :])
    # Workers that a command starts for itself need not be members of anything.
    place = getattr(args, "keys", None) or (NO_KEYS if name in ("demo", "bench") else None)
    if place is None:
        return command.run(args)
    from zmqwork.security.keyring import using  # noqa: PLC0415 - loads pyzmq

    with using(place):
        return command.run(args)
