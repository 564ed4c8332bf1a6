"""``--task MODULE:TASK``: a task of one's own, found, tried, and waited for."""

from __future__ import annotations

import argparse

from zmqwork.bench.cases import KINDS, Case
from zmqwork.bench.crew import Crew
from zmqwork.bench.own import Own, in_flight, own_cases
from zmqwork.bench.report import Report
from zmqwork.cli.output import Output
from zmqwork.cli.parser import nearest
from zmqwork.cli.progress import short_number
from zmqwork.cli.target import load_task
from zmqwork.errors import UsageError
from zmqwork.producer import Producer

_OWN_ALONE = ("args", "kwargs")
_OTHERS_ALONE = ("payload", "length")


def kind(text: str) -> str:
    """An argparse type: one of the benchmark's tasks, or ``MODULE:TASK``."""
    if text in KINDS or ":" in text:
        return text
    near = nearest(text, KINDS) or f": choose from {', '.join(KINDS)}, or name MODULE:TASK"
    raise argparse.ArgumentTypeError(f"unknown task {text!r}{near}")


def own_of(args: argparse.Namespace) -> Own | None:
    """The task of one's own that is asked for; None: it is one of the benchmark's.

    Raises:
        UsageError: it cannot be found, or called like that; or options do not go together.
    """
    is_own = ":" in args.task
    for name in _OTHERS_ALONE if is_own else _OWN_ALONE:
        if getattr(args, name) is not None:
            whose = "the benchmark's own tasks" if is_own else "a task of your own, MODULE:TASK"
            raise UsageError(f"--{name} is for {whose}, not for --task {args.task}")
    if not is_own:
        return None
    app, task = load_task(args.task)
    own = Own(app, task, args.task, tuple(args.args or ()), args.kwargs or {})
    own_cases(own, args.form, args.concurrency or [1])  # what cannot be is said at once
    return own


def crew_of(producer: Producer, own: Own | None) -> Crew:
    """The workers that can run what is to be measured."""
    if own is None:
        return Crew(producer)
    module = own.name.partition(":")[0]
    return Crew(producer, own.task, f"zmqwork worker {module}")


def try_out(own: Own, args: argparse.Namespace, report: Report, output: Output) -> list[Case]:
    """Let it run there, and then here; the cases.

    Raises:
        TaskError, TimeoutError: it fails there, or is not done in time.
    """
    report.call = str(own)
    own.try_there(args.timeout)
    if not args.not_here:
        own.try_here()
    report.why_not_here = own.why_not_here
    took = f"{short_number(own.round_trip * 1e3)} ms there and back"
    here = f", {short_number(own.here * 1e3)} ms here" if own.here is not None else ""
    output.line(f"{own}: {took}{here}")
    slots = sum(member.slots for member in report.members)
    return own_cases(own, args.form, args.concurrency or in_flight(own, slots))
