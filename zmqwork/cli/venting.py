"""What ``zmqwork ventilator`` does once its options are known."""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from types import TracebackType
from typing import Any, Protocol, Self

from zmqwork.cli import exits
from zmqwork.cli.errors_file import ErrorsFile
from zmqwork.cli.feed import Counts, Feed, FeedOptions, Item
from zmqwork.cli.output import JSON, Output, complain, counted, jsonable
from zmqwork.cli.plan import Plan, planned
from zmqwork.cli.progress import duration, short_number
from zmqwork.cli.rate import Bucket
from zmqwork.cli.reporter import Reporter
from zmqwork.cli.search import search_options
from zmqwork.cli.signals import terminable
from zmqwork.errors import DecodeError, TaskError, UsageError
from zmqwork.future import TaskFuture
from zmqwork.producer import Producer
from zmqwork.task import Task

PREFIX = "zmqwork ventilator"
# How often somebody who waits looks up, so that a signal that another thread got is handled.
_LOOK_INTERVAL = 0.5
# Reading a file of this size for its hash is a second or two.
LARGE_BYTES = 1024 * 1024 * 1024


class Outlet(Protocol):
    """Where the tasks of a feed go. Used with `with`; left by an exception, it drops them."""

    def submit(self, item: Item) -> None:
        """Hand over one task; waits while the window is full."""

    def finish(self) -> None:
        """Wait until all are settled, and the feed was told of it."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def vent(args: argparse.Namespace) -> int:
    """Submit all, wait for all; 0, or 1 if anything failed.

    Raises:
        BadInput: a record is broken, and `--skip-bad` was not given. What was sent is settled.
        OutputFailed: the errors file, or standard output, takes no more. Likewise.
        UsageError: there is no such app, task or file, or the options contradict each other.
    """
    output = Output(args.output)
    if not output.for_people:
        logging.getLogger("zmqwork").setLevel(logging.ERROR)
    with terminable(), planned(args) as plan:
        if args.dry_run:
            return _rehearse(args, plan, output)
        return _run(args, plan, output)


def _run(args: argparse.Namespace, plan: Plan, output: Output) -> int:
    size = plan.source.size_bytes if plan.source is not None else None
    if args.run is None and size is not None and size >= LARGE_BYTES and output.for_people:
        complain(
            f"{PREFIX}: {plan.input_name} is read once before the run begins, for the name of the "
            "run: --run NAME makes that needless"
        )
    run, _ = plan.find_run(args.run, resume=args.resume)
    errors = None
    if args.errors is not None:
        errors = ErrorsFile(args.errors, plan.source, overwrite=args.overwrite_errors)
    begun_at = time.monotonic()
    reporter = Reporter(output, PREFIX, progress=not args.no_progress)
    feed = _feed(args, plan, errors, reporter)
    outlet = _outlet(args, plan, feed)
    output.json({"event": "started", "run": run, "task": plan.calls.name, "input": plan.input_name})
    try:
        with reporter, outlet:
            reporter.watch(feed)
            for item in feed:
                outlet.submit(item)
            outlet.finish()
    finally:
        # Also when it is interrupted: how far it has come is what its user wants to know then.
        if errors is not None:
            errors.close()
        _show_end(output, plan, feed, errors, run, time.monotonic() - begun_at)
    feed.raise_failure()
    reporter.raise_failure()
    return exits.FAILED if feed.counts.failed or feed.counts.bad else exits.OK


def _feed(
    args: argparse.Namespace, plan: Plan, errors: ErrorsFile | None, reporter: Reporter
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
    )


def _outlet(args: argparse.Namespace, plan: Plan, feed: Feed) -> Outlet:
    if plan.task is None:
        raise UsageError("no worker runs a command yet: name an app and its task, MODULE:APP TASK")
    if not args.no_sink:
        raise UsageError("there are no sinks yet: say --no-sink, and results are dropped")
    producer = plan.app.producer(name="ventilator", max_pending=args.window, **search_options(args))
    return FutureOutlet(producer, plan.task, feed.settle)


class FutureOutlet:
    """Tasks whose results nobody wants.

    Args:
        producer: not started yet.
        task: what is run.
        settle: is told of each number that is settled, and why it failed.
    """

    def __init__(
        self,
        producer: Producer,
        task: Task[..., Any],
        settle: Callable[[int, str | None], object],
    ) -> None:
        self._producer = producer
        self._spec = task.spec
        self._settle = settle
        self._leaving = False

    def submit(self, item: Item) -> None:
        """Hand over one task; waits while as many as the producer takes are unsettled."""
        future = self._producer.submit(self._spec, item.payload)
        future.add_done_callback(lambda future: self._settled(item.number, future))

    def finish(self) -> None:
        """Wait until all are settled, and the feed was told of it."""
        while not self._producer.drain(_LOOK_INTERVAL):
            pass
        # They are, by a callback that may still be on its way.
        while not self._producer.callbacks.flush(_LOOK_INTERVAL):
            pass

    def __enter__(self) -> Self:
        self._producer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # What is cancelled from now on has not failed: nobody waited for it.
        self._leaving = True
        self._producer.stop()

    def _settled(self, number: int, future: TaskFuture[Any]) -> None:
        if not self._leaving:
            self._settle(number, failure_of(future))


def failure_of(future: TaskFuture[Any]) -> str | None:
    """Why a settled task failed; None: it did not."""
    try:
        error = future.exception()
    except CancelledError as cancelled:
        error = cancelled
    # (What it returned is dropped: that nobody here can decode it is no failure of the task's.)
    if error is None or isinstance(error, DecodeError):
        return None
    return error.reason if isinstance(error, TaskError) else str(error)


def _rehearse(args: argparse.Namespace, plan: Plan, output: Output) -> int:
    """Read all, check all, show the calls; 1 if a record is bad."""
    reporter = Reporter(output, PREFIX, progress=False)
    feed = _feed(args, plan, None, reporter)
    with reporter:
        for item in feed:
            _show_call(output, plan, item)
            feed.settle(item.number)
    feed.raise_failure()
    reporter.raise_failure()
    if not feed.counts.read:
        complain(f"{PREFIX}: {plan.input_name}: no records")
    return exits.FAILED if feed.counts.bad else exits.OK


def _show_call(output: Output, plan: Plan, item: Item) -> None:
    if output.for_people:
        output.line(plan.calls.text((item.args, item.kwargs)))
    elif output.form == JSON:
        call = {"args": jsonable(list(item.args)), "kwargs": jsonable(item.kwargs)}
        output.json({"event": "call", "number": item.number, **call})


def _show_end(
    output: Output,
    plan: Plan,
    feed: Feed,
    errors: ErrorsFile | None,
    run: str,
    seconds: float,
) -> None:
    counts = feed.counts
    output.json(
        {
            "event": "ended",
            "run": run,
            "read": counts.read,
            "complete": feed.ended,
            "submitted": counts.submitted,
            "succeeded": counts.succeeded,
            "failed": counts.failed,
            "bad": counts.bad,
            "already": counts.already,
            "seconds": round(seconds, 3),
            "errors": errors.path if errors is not None and errors.count else None,
        }
    )
    if feed.ended and not counts.read:
        output.line(f"{plan.input_name}: no records, nothing to do")
    elif counts.read:
        output.line(end_text(counts, seconds, complete=feed.ended))
    if errors is not None and errors.count:
        output.line(
            f"{counted(errors.count, 'failed record')} in {errors.path}: feed it with "
            f"{plan.form.option} {'@' if plan.form.option == '--array' else ''}{errors.path}"
        )
    if feed.ended and plan.source is not None and plan.source.has_changed():
        complain(
            f"{PREFIX}: {plan.source.name} has changed while it was read: --resume will not know "
            "this run"
        )


def end_text(counts: Counts, seconds: float, *, complete: bool) -> str:
    """What is said when a run is over."""
    words = [f"{counts.succeeded:,} succeeded"]
    words += [f"{counts.failed:,} failed"] if counts.failed else []
    words += [f"{counts.bad:,} bad"] if counts.bad else []
    words += [f"{counts.already:,} done before"] if counts.already else []
    left = counts.submitted - counts.settled
    words += [f"{left:,} not settled"] if left else []
    rate = short_number(counts.settled / seconds) if seconds else "0"
    how = f"{duration(seconds)}, {rate}/s"
    read = f"{counted(counts.read, 'record')} read{'' if complete else ', and no more'}"
    return f"{read}: {', '.join(words)} ({how})"
