"""The end of the demo: what it came to, as a table or as one JSON object."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zmqwork.cli.demo_run import Outcome
from zmqwork.cli.demo_sample import Sample, megabytes
from zmqwork.cli.output import Output, counted

_NEXT = """
Next:
  zmqwork worker zmqwork.cli.demo_task:app     serve that task; then, in another terminal,
  zmqwork call zmqwork.cli.demo_task:app tokenise_file {path}
  zmqwork ps                                   see who is there. Your own app: see README.md"""


class Report:
    """All that is worth saying of one run."""

    def __init__(self, files: Sequence[Path], outcome: Outcome, sample: Sample) -> None:
        self._files = files
        self._outcome = outcome
        self._sample = sample
        self.tasks = len(files)
        self.succeeded = len(outcome.results)
        self.failed = outcome.errors.total()
        self.lost = self.tasks - self.succeeded - self.failed
        read = (path.stat().st_size for path in files if str(path) in outcome.results)
        self._rate = sum(read) / outcome.seconds
        self.verified = sample.agrees(outcome.results)

    @property
    def good(self) -> bool:
        """True if nothing is missing or wrong."""
        return self.succeeded == self.tasks and self.verified

    def show(self, output: Output) -> None:
        """Print it in the form that was asked for."""
        values = self._values()
        output.json(values)
        output.line()
        output.table(("what", "how much"), self._rows(values))
        for text, count in self._outcome.errors.most_common(5):
            output.line(f"{count} x {text}")
        output.text(_NEXT.format(path=self._files[0]))

    def _values(self) -> dict[str, Any]:
        outcome, counters = self._outcome, self._outcome.counters
        loss = outcome.loss
        # What a killed worker had begun never came to an end, so the producer does not count it.
        executions = counters["executions"] + (loss.started if loss else 0)
        return {
            "tasks": self.tasks,
            "succeeded": self.succeeded,
            "failed": self.failed,
            "lost": self.lost,
            "resubmitted": counters["resubmitted"],
            "executions": executions,
            "run_twice": max(0, executions - self.tasks),
            "duplicates": counters["duplicates"],
            "workers": outcome.workers,
            "shares": dict(sorted(outcome.shares.items())),
            "held_by_killed": loss.held if loss else 0,
            "noticed_seconds": _rounded(loss.noticed_after if loss else None),
            "first_resumed_seconds": _rounded(loss.resumed_after if loss else None),
            "recovery_seconds": _rounded(loss.recovered_after if loss else None),
            "seconds": round(outcome.seconds, 3),
            "speedup": round(self._rate / self._sample.rate, 2),
            "not_tokenisable": sum(1 for r in outcome.results.values() if r["fault"]),
            "lines": sum(result["lines"] for result in outcome.results.values()),
            "tokens": sum(result["tokens"] for result in outcome.results.values()),
            "longest_function": self._longest(),
            "sample": len(self._sample.counts),
            "verified": self.verified,
        }

    def _longest(self) -> str:
        results = self._outcome.results
        if not results:
            return ""
        path = max(results, key=lambda path: results[path]["longest_lines"])
        result = results[path]
        return f"{result['longest']} in {Path(path).name}, {result['longest_lines']} lines"

    def _rows(self, values: dict[str, Any]) -> list[tuple[str, object]]:
        rows = [
            ("tasks", values["tasks"]),
            ("succeeded", values["succeeded"]),
            ("failed", values["failed"]),
            ("lost", values["lost"]),
            ("resubmitted", values["resubmitted"]),
            ("run twice", values["run_twice"]),
        ]
        rows += [(f"share of {name}", count) for name, count in values["shares"].items()]
        agrees = "agrees" if values["verified"] else "DIFFERS"
        return [
            *rows,
            ("seconds", f"{values['seconds']:.1f}"),
            ("speed", f"{megabytes(self._rate)}, {values['speedup']:.1f} x one process"),
            ("one process", f"{megabytes(self._sample.rate)} in a sample"),
            ("found", f"{values['lines']:,} lines, {values['tokens']:,} tokens"),
            ("longest function", values["longest_function"]),
            ("no Python in them", counted(values["not_tokenisable"], "file")),
            ("sample counted again", f"{counted(values['sample'], 'file')}: it {agrees}"),
        ]


def _rounded(duration: float | None) -> float | None:
    return None if duration is None else round(duration, 4)
