"""What a ventilator is to do: its options, and what they lead to."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from zmqwork.app import App
from zmqwork.cli.calls import Calls
from zmqwork.cli.formats import JsonLines, NumberLines, Numbers, PlainLines
from zmqwork.cli.inputs import Input, open_input
from zmqwork.cli.output import complain
from zmqwork.cli.parser import nearest
from zmqwork.cli.records import Format
from zmqwork.cli.rows import Rows
from zmqwork.cli.runs import find_run
from zmqwork.cli.target import load_app
from zmqwork.commands import command_app
from zmqwork.core.functions import COMMAND_TASK
from zmqwork.errors import UsageError
from zmqwork.task import Task


@dataclass(frozen=True, slots=True)
class Plan:
    """A run, before it begins.

    Attributes:
        app: whose workers are looked for.
        stages: the tasks that they run, one after the other, with the options of the command line.
        calls: makes calls of the first.
        source: what is read; None: the numbers are on the command line.
        form: cuts it into records.
        shape: how, in words: what numbers the records, and what a record means.
    """

    app: App
    stages: list[Task[..., Any]]
    calls: Calls
    source: Input | None
    form: Format
    shape: str

    def find_run(self, name: str | None, *, resume: bool) -> tuple[str, bool]:
        """The run's id, and whether it will have it again. A file is read to its end for it.

        Raises:
            UsageError: `resume`, and there is nothing to know the run by; or `name` can be none.
        """
        source = self.source if self.source is not None else ""
        # (A name has no line end.)
        tasks = "\n".join([self.calls.name, *(stage.name for stage in self.stages[1:])])
        return find_run(tasks, self.shape, source, name=name, resume=resume)

    @property
    def name(self) -> str:
        """The tasks, for people."""
        return " > ".join([self.calls.name, *(stage.name for stage in self.stages[1:])])

    @property
    def input_name(self) -> str:
        """The input, for people."""
        return self.source.name if self.source is not None else self.shape


@contextlib.contextmanager
def planned(args: argparse.Namespace) -> Iterator[Plan]:
    """What the options lead to; the input is open within it.

    Raises:
        UsageError: there is no such app, task or file.
    """
    app, stages = _stages_of(args)
    calls = Calls(None if args.target is None else stages[0], as_one=args.as_one)
    if args.array is not None and not isinstance(args.array, str):
        form: Format = Numbers(args.array)
        yield Plan(app, stages, calls, None, form, _shape(args))
        return
    with open_input(_path_of(args)) as source:
        if source.is_terminal:
            complain("reading from the terminal: one record a line; Ctrl-D ends it")
        form = _form_of(args, source.name, source.read, calls)
        yield Plan(app, stages, calls, source, form, _shape(args))


def _stages_of(args: argparse.Namespace) -> tuple[App, list[Task[..., Any]]]:
    options = {
        "max_retries": args.retries, "queue": args.queue, "priority": args.priority,
        "expires": args.expires,
    }  # fmt: skip
    given: Any = {name: value for name, value in options.items() if value is not None}
    if args.target is None:
        app = command_app(args.realm)
        return app, [app.tasks[COMMAND_TASK].using(**given)]
    app = load_app(args.target)
    if not args.tasks:
        known = ", ".join(sorted(app.tasks)) or "none"
        raise UsageError(f"name the task: those of app {app.name!r} are {known}")
    return app, [_task_of(app, name).using(**given) for name in args.tasks]


def _task_of(app: App, name: str) -> Task[..., Any]:
    if name not in app.tasks:
        known = ", ".join(sorted(app.tasks)) or "none"
        near = nearest(name, app.tasks) or f": its tasks are {known}"
        raise UsageError(f"app {app.name!r} has no task {name!r}{near}")
    return app.tasks[name]


def _path_of(args: argparse.Namespace) -> str:
    for path in (args.lines, args.jsonl, args.csv):
        if path is not None:
            return str(path)
    return str(args.array).removeprefix("@")


def _form_of(
    args: argparse.Namespace, name: str, read: Callable[[int], bytes], calls: Calls
) -> Format:
    if args.lines is not None:
        return PlainLines(read, b"\0" if args.null else b"\n")
    if args.jsonl is not None:
        return JsonLines(read)
    if args.csv is not None:
        return Rows(name, read, calls.columns, args.delimiter or ",")
    return NumberLines(read)


def _shape(args: argparse.Namespace) -> str:
    """It is part of the run's id: what stands here must not change."""
    as_one = " --as-one" if args.as_one else ""
    if args.lines is not None:
        return f"--lines{' --null' if args.null else ''}"
    if args.jsonl is not None:
        return f"--jsonl{as_one}"
    if args.csv is not None:
        return f"--csv --delimiter {args.delimiter or ','!r}{as_one}"
    return "--array @" if isinstance(args.array, str) else f"--array {args.array}"
