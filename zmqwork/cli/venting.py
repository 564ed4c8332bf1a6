"""What ``zmqwork ventilator`` does once its options are known."""

from __future__ import annotations

import argparse
import functools
import itertools

from zmqwork.cli import exits
from zmqwork.cli.calls import Call
from zmqwork.cli.errors_file import ErrorsFile
from zmqwork.cli.feed import Feed, FeedOptions
from zmqwork.cli.on_dead import OnDead
from zmqwork.cli.output import JSON, Output, complain, counted, jsonable
from zmqwork.cli.plan import Plan, planned
from zmqwork.cli.rate import Bucket
from zmqwork.cli.reporter import Reporter
from zmqwork.cli.search import search_options
from zmqwork.cli.signals import terminable
from zmqwork.cli.vent_end import lacking_of, show_end
from zmqwork.errors import UsageError, ZmqworkError
from zmqwork.ventilating import ventilate

PREFIX = "zmqwork ventilator"
# Reading a file of this size for its hash is a second or two.
LARGE_BYTES = 1024 * 1024 * 1024


def vent(args: argparse.Namespace) -> int:
    """Submit all, wait for all; 0, or 1 if anything failed, or is not where it should be.

    Raises:
        BadInput: a record is broken, and `--skip-bad` was not given. What was sent is settled.
        OutputFailed: the errors file, or standard output, takes no more. Likewise.
        UsageError: there is no such app, task or file, the options contradict each other, or the
            run was begun before.
    """
    output = Output(args.output)
    with terminable(), planned(args) as plan:
        if args.dry_run:
            return _rehearse(args, plan, output)
        return _run(args, plan, output)


def _run(args: argparse.Namespace, plan: Plan, output: Output) -> int:
    run, is_known = _name_of_run(args, plan, output)
    if args.journal is not None and not is_known:
        raise UsageError(
            f"--journal: {plan.input_name} can be read only once, so its content cannot say which "
            "run this is after a crash: give the run a name, the same each time, with --run NAME"
        )
    on_dead = None if args.on_dead is None else OnDead(args.on_dead)
    errors = None
    if args.errors is not None:
        errors = ErrorsFile(args.errors, plan.source, overwrite=args.overwrite_errors)
    reporter = Reporter(output, PREFIX, progress=not args.no_progress, log_format=args.log_format)
    feed = _feed(args, plan, errors, reporter, on_dead)
    output.json(
        {"event": "started", "run": run or None, "task": plan.name, "input": plan.input_name}
    )
    begun = True
    try:
        with reporter:
            reporter.watch(feed)
            with OnDead.closing(on_dead):
                _push(args, plan, feed, run)
    except ZmqworkError:
        # It was refused if nothing was sent: then there is nothing to say but why.
        begun = feed.run.read > 0
        raise
    finally:
        # Also when it is interrupted: how far it has come is what its user wants to know then.
        if errors is not None:
            errors.close()
        if begun:
            show_end(output, plan, feed, errors, is_known=is_known)
    feed.raise_failure()
    reporter.raise_failure()
    counts = feed.counts
    lacking = any(lacking_of(sink) for sink in feed.run.sinks)
    return exits.FAILED if counts.failed or counts.bad or lacking else exits.OK


def _push(args: argparse.Namespace, plan: Plan, feed: Feed, run: str) -> None:
    """Submit all, wait for all. If there is nothing to do, sinks that are there are told so."""
    items = iter(feed)
    first = list(itertools.islice(items, 1))
    if not first and (args.no_sink or not feed.ended):
        return
    ventilate(
        plan.app,
        plan.stages,
        itertools.chain(first, items),
        sink=None if args.no_sink else args.sink,
        inbox=args.inbox,
        # Who remembers a run is waited for, which is of no use where there is none.
        run=run if first else "",
        resume=args.resume,
        remember="always" if args.run or args.inbox or args.journal else "if_possible",
        journal=args.journal if first else None,
        allow_volatile_journal=args.allow_volatile_journal,
        window=args.window,
        on_failed=feed.fail,
        on_start=functools.partial(setattr, feed, "run"),
        name="ventilator",
        **search_options(args),
    )


def _name_of_run(args: argparse.Namespace, plan: Plan, output: Output) -> tuple[str, bool]:
    """The run's name, and whether the same words will give it again; none without sinks."""
    if args.no_sink:
        return "", False
    size = plan.source.size_bytes if plan.source is not None else None
    if args.run is None and size is not None and size >= LARGE_BYTES and output.for_people:
        complain(
            f"{PREFIX}: {plan.input_name} is read once before the run begins, for the name of the "
            "run: --run NAME makes that needless"
        )
    return plan.find_run(args.run, resume=args.resume)


def _feed(
    args: argparse.Namespace,
    plan: Plan,
    errors: ErrorsFile | None,
    reporter: Reporter,
    on_dead: OnDead | None = None,
) -> Feed:
    options = FeedOptions(
        skip_bad=args.skip_bad,
        failures_max=args.max_failures,
        bucket=Bucket(args.rate) if args.rate is not None and not args.dry_run else None,
    )
    return Feed(
        plan.source,
        plan.form,
        plan.calls,
        options,
        errors=errors,
        on_misfortune=reporter.misfortune,
        on_dead=None if on_dead is None else on_dead.add,
    )


def _rehearse(args: argparse.Namespace, plan: Plan, output: Output) -> int:
    """Read all, check all, show the calls; 1 if a record is bad."""
    reporter = Reporter(output, PREFIX, progress=False)
    feed = _feed(args, plan, None, reporter)
    with reporter:
        for number, call in feed.rehearse():
            _show_call(output, plan, number, call)
    feed.raise_failure()
    reporter.raise_failure()
    counts = feed.counts
    output.json({"event": "ended", "read": counts.read, "bad": counts.bad})
    if not counts.read:
        complain(f"{PREFIX}: {plan.input_name}: no records")
    elif counts.bad and output.for_people:
        complain(f"{PREFIX}: {counted(counts.read, 'record')} read: {counts.bad:,} bad")
    return exits.FAILED if counts.bad else exits.OK


def _show_call(output: Output, plan: Plan, number: int, call: Call) -> None:
    if output.for_people:
        output.line(plan.calls.text(call))
    elif output.form == JSON:
        args, kwargs = call
        shown = {"args": jsonable(list(args)), "kwargs": jsonable(kwargs)}
        output.json({"event": "call", "number": number, **shown})
