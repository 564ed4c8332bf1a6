"""What ``zmqwork ventilator`` says at the end: what became of the records, what the sinks have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zmqwork.cli.errors_file import ErrorsFile
from zmqwork.cli.feed import Counts, Feed
from zmqwork.cli.output import Output, complain, counted
from zmqwork.cli.plan import Plan
from zmqwork.cli.progress import duration, short_number

# Sinks that people are told of one by one, and ranges of numbers.
_SINKS_SHOWN = 20
_RANGES_SHOWN = 10


def show_end(
    output: Output, plan: Plan, feed: Feed, errors: ErrorsFile | None, *, is_known: bool
) -> None:
    """Say how a run has ended, and how it is gone on with.

    Args:
        output: where to.
        plan: what was to be done.
        feed: what was done of it.
        errors: has the records that failed.
        is_known: the same command will give the run the same name.
    """
    counts, run = feed.counts, feed.run
    output.json(
        {
            "event": "ended",
            "run": run.id or None,
            "read": counts.read,
            "complete": feed.ended,
            "submitted": counts.submitted,
            "succeeded": counts.succeeded,
            "failed": counts.failed,
            "bad": counts.bad,
            "already": counts.already,
            "seconds": round(run.seconds, 3),
            "errors": errors.path if errors is not None and errors.count else None,
            "sinks": [{**sink, "lacking": lacking_of(sink)} for sink in run.sinks],
        }
    )
    if feed.ended and not counts.read:
        output.line(f"{plan.input_name}: no records, nothing to do")
    elif counts.read:
        output.line(end_text(counts, run.seconds, complete=feed.ended))
    for sink in run.sinks[:_SINKS_SHOWN]:
        output.line(sink_text(sink))
    if errors is not None and errors.count:
        output.line(
            f"{counted(errors.count, 'failed record')} in {errors.path}: feed it with "
            f"{plan.form.option} {'@' if plan.form.option == '--array' else ''}{errors.path}"
        )
    unsettled = not feed.ended or counts.done < counts.read
    if run.id and counts.read and (unsettled or counts.failed or counts.bad):
        kept = errors is not None and errors.count > 0
        output.line(resume_text(run.id, counts, is_known=is_known, unsettled=unsettled, kept=kept))
    if feed.ended and plan.source is not None and plan.source.has_changed():
        complain(
            f"zmqwork ventilator: {plan.source.name} has changed while it was read: --resume will "
            "not know this run"
        )


def end_text(counts: Counts, seconds: float, *, complete: bool) -> str:
    """What became of the records."""
    words = [f"{counts.succeeded:,} succeeded"]
    words += [f"{counts.failed:,} failed"] if counts.failed else []
    words += [f"{counts.bad:,} bad"] if counts.bad else []
    words += [f"{counts.already:,} done before"] if counts.already else []
    left = counts.read - counts.done
    words += [f"{left:,} not settled"] if left else []
    rate = short_number(counts.settled / seconds) if seconds else "0"
    how = f"{duration(seconds)}, {rate}/s"
    read = f"{counted(counts.read, 'record')} read{'' if complete else ', and no more'}"
    return f"{read}: {', '.join(words)} ({how})"


def resume_text(run: str, counts: Counts, *, is_known: bool, unsettled: bool, kept: bool) -> str:
    """How a run is gone on with.

    Args:
        run: its name.
        counts: what became of its records.
        is_known: the same command will give it the same name.
        unsettled: there are records that nothing has become of.
        kept: there is a file of failed records, which it does again.
    """
    words = "--resume" if is_known and not counts.bad else f"--run {run} --resume"
    words += " --overwrite-errors" if kept else ""
    if not unsettled and not counts.bad:
        failed = counted(counts.failed, "failed record")
        return (
            f"nothing is left to do of run {run} but {failed}: to try again, once the cause is "
            f"mended: the same command with {words}"
        )
    mended = " once the input is mended; each record must stay in its place" if counts.bad else ""
    return f"to go on with run {run}: the same command with {words}{mended}"


def lacking_of(sink: Mapping[str, Any]) -> int:
    """How many results a sink does not have that it should have, of those that it can tell."""
    holes: int = sum(last - first + 1 for first, last in sink["missing"])
    failed: int = sink["count"] - sink["succeeded"]
    # What has failed leaves a hole that nobody misses.
    return max(0, holes - failed)


def sink_text(sink: Mapping[str, Any]) -> str:
    """What a sink said at the end, as in `Run.sinks`."""
    name, expected = f"sink {sink['sink']}", sink["succeeded"]
    if sink["taken"] is None:
        return f"{name} took {expected:,} results, and is not there any more to count them"
    lacking = lacking_of(sink)
    if not lacking:
        return f"{name} has {expected:,} of {expected:,} results"
    failed = sink["count"] - expected
    others = f" ({counted(failed, 'number')} of tasks that failed among them)" if failed else ""
    return f"{name} lacks {lacking:,} of {expected:,} results: {listed(sink['missing'])}{others}"


def listed(spans: Sequence[Sequence[int]]) -> str:
    """Ranges of numbers, for people: ``3-5, 9``."""
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in spans]
    return ", ".join(shown[:_RANGES_SHOWN] + (["..."] if len(shown) > _RANGES_SHOWN else []))
