"""What ``zmqwork sink`` says at the end: what it has stored, and whether that is all."""

from __future__ import annotations

import argparse
from typing import Any

from zmqwork.cli import exits
from zmqwork.cli.output import Output, counted
from zmqwork.cli.vent_end import listed
from zmqwork.nodes.signals import StopSignals
from zmqwork.nodes.sink import Sink as Node
from zmqwork.nodes.store import is_node_id

_REPORTED = ("producer_id", "name", "count", "succeeded", "taken", "lacking", "missing")


class SinkEnd:
    """How a sink has ended.

    Args:
        args: the command's.
        node: the sink, which has left.
        signals: those that it got.
    """

    def __init__(self, args: argparse.Namespace, node: Node, signals: StopSignals) -> None:
        self._status = node.last_status
        self._stored = node.stored
        self._before = node.stored_before
        # The last word about each.
        self._reports = {report["producer_id"]: report for report in node.reports}
        self._is_complete = self._has_all(args, node)
        waits = args.once or args.expect is not None
        incomplete = (signals.first_code or exits.FAILED) if waits and not self._is_complete else 0
        self.exit_code = node.exit_code or signals.exit_code or incomplete

    def _has_all(self, args: argparse.Namespace, node: Node) -> bool:
        lacking = any(report["lacking"] for report in self._reports.values())
        # (Who expects a number does not ask whose they are.)
        return node.wait_complete(0) and (args.expect is not None or not lacking)

    def show(self, output: Output) -> None:
        """Say it."""
        duplicates = self._status.get("duplicates", 0)
        unfinished = [
            producer
            for producer in self._status.get("producers", ())
            if not producer["ended"] and producer["producer_id"] not in self._reports
        ]
        output.json(
            {
                "event": "ended",
                "stored": self._stored,
                "stored_before": self._before,
                "duplicates": duplicates,
                "complete": self._is_complete,
                "producers": [
                    {key: report[key] for key in _REPORTED} for report in self._reports.values()
                ],
                "unfinished": [
                    {key: producer[key] for key in ("producer_id", "name", "stored")}
                    for producer in unfinished
                ],
            }
        )
        stored = f"{counted(self._stored, 'result')} stored"
        in_all = f" ({self._before + self._stored:,} in all)" if self._before else ""
        dropped = f", {counted(duplicates, 'duplicate')} dropped" if duplicates else ""
        output.line(stored + in_all + dropped)
        for report in self._reports.values():
            output.line(f"  {_report_text(report)}")
        for producer in unfinished:
            output.line(
                f"  {_whose(producer)}: {counted(producer['stored'], 'result')}, and it has not "
                "said that it has no more"
            )


def _report_text(report: dict[str, Any]) -> str:
    expected, lacking = report["succeeded"], report["lacking"]
    have = f"{expected - lacking:,} of {expected:,} results"
    failed = report["count"] - expected
    others = f"; {counted(failed, 'task')} without one" if failed else ""
    if not lacking:
        return f"{_whose(report)}: complete: {have}{others}"
    which = f", missing {listed(report['missing'])}" if report["missing"] else ""
    return f"{_whose(report)}: incomplete: {have}{which}{others}"


def _whose(producer: dict[str, Any]) -> str:
    """A producer for people: its label, and its run if it is one."""
    run, name = producer["producer_id"], str(producer["name"])
    return name if is_node_id(run) else f"{name}, run {run}"
