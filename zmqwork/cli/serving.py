"""What ``zmqwork worker`` does once its options are known."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from zmqwork import __version__
from zmqwork.app import App
from zmqwork.cli import command, exits
from zmqwork.cli.output import Output, OutputFailed, complain, lead_nowhere
from zmqwork.cli.queues import queue_options, queues_text
from zmqwork.cli.search import search_options
from zmqwork.cli.staying import health_check, stay_options
from zmqwork.cli.target import load_app, search_current_directory
from zmqwork.errors import UsageError
from zmqwork.execution import context
from zmqwork.execution.logs import log_to_stderr
from zmqwork.executor import DEFAULT_REALM
from zmqwork.nodes.signals import PauseSignals, Stoppable, StopSignals
from zmqwork.nodes.systemd import Notifier
from zmqwork.whereabouts import Whereabouts

if TYPE_CHECKING:
    from zmqwork.nodes.bound import BoundNode
    from zmqwork.worker import Worker

_log = logging.getLogger("zmqwork")

# Said where they are not the default.
_OF_QUEUES = ("weights", "strict", "exclude_queues")

_LEAVING = """\
Ctrl-C finishes what runs and leaves; again: gives it back; a third time: leaves at once."""


def serve(args: argparse.Namespace) -> int:
    """Serve until a signal ends it; 0 after a drain, 130 or 143 when it was cut short.

    70 if it failed by itself, 75 if it is unfit.
    """
    log_to_people(args.log_level, args.log_format)
    with ExitStack() as stack:
        where = Whereabouts.of(**search_options(args))
        if command.is_given(args):
            worker = command.make_worker(args, where, stack)
        else:
            worker = _worker_of_app(args, where)
        signals = stack.enter_context(StopSignals(worker))
        stack.enter_context(PauseSignals(worker))
        check = health_check(args)
        if check is not None and (why := check.run()):
            complain(f"this worker is unfit, and does not begin: {why}")
            return exits.UNFIT
        worker.notifier = Notifier.of(os.environ)
        worker.start()
        worker.tell_ready()
        if check is not None:
            check.watch(worker.declare_unfit)
            stack.callback(check.end)
        if args.until_eof:
            threading.Thread(target=leave_at_eof, args=(worker,), daemon=True).start()
        _introduce(Output(args.output), worker, args.pool)
        # The kernel may give a signal to another thread than this one, as it does when the process
        # was stopped; only this one handles it, and while it waits it does not know.
        while not worker.wait(0.5):
            pass
    return worker.exit_code or signals.exit_code


def log_to_people(level: str, form: str) -> None:
    """Show on standard error what is logged, of this level and above."""
    log_to_stderr(level, form)
    if level != "debug":
        # Its tracebacks of packets that a cable did not carry; what mDNS can do is in `ps`.
        logging.getLogger("zeroconf").setLevel(logging.CRITICAL)


def _worker_of_app(args: argparse.Namespace, where: Whereabouts) -> Worker:
    app = _app(args.target, args.allow)
    # Tasks that run in this process submit others as this worker is told to find its peers.
    context.home = app.home(where)
    return app.worker(
        args.concurrency,
        args.pool,
        **queue_options(args),
        name=args.name,
        bind=args.bind,
        drain_timeout=args.drain_timeout,
        allow=args.allow,
        **search_options(args),
        **stay_options(args),
    )


def _app(target: str | None, allow: list[str]) -> App:
    if target is not None:
        return load_app(target)
    if not allow:
        raise UsageError(
            "nothing to run: name an app (MODULE:APP), or with --allow 'pkg.*' the functions that "
            "an Executor may send, or with --exec 'CMD {}' a command"
        )
    search_current_directory()
    return App(DEFAULT_REALM)


def _introduce(output: Output, worker: Worker, pool: str) -> None:
    """Print the banner; a worker that cannot is none the worse for it."""
    status = worker.status()
    try:
        _show(output, status, worker, pool)
    except (OutputFailed, BrokenPipeError) as error:
        lead_nowhere(sys.stdout.fileno())
        _log.warning("serving without a banner: %s", error)


def _show(output: Output, status: dict[str, Any], worker: Worker, pool: str) -> None:
    """The banner: who serves what, and where."""
    output.json(
        {
            "event": "started",
            **{key: status.get(key) for key in ("node_id", "name", "realm", "pid", "slots")},
            "pool": pool,
            "endpoints": list(worker.endpoints),
            "discovery": status.get("sources", []),
            "queues": status.get("queues", []),
            **{key: status[key] for key in _OF_QUEUES if key in status},
            "tasks": status.get("tasks", []),
            "allow": status.get("allow", []),
            **({"command": status["command"]} if "command" in status else {}),
            "insecure": worker.insecure,
            "version": __version__,
        }
    )
    output.line(f"zmqwork {__version__} worker {status.get('name')}")
    output.lines(
        [
            ("realm", status.get("realm")),
            ("node id", status.get("node_id")),
            ("process", status.get("pid")),
            ("endpoints", ", ".join(worker.endpoints)),
            ("discovery", found_by(status)),
            *insecurity(worker),
            ("pool", f"{pool}, {status.get('slots')} at a time"),
            ("queues", queues_text(status)),
            ("tasks", _tasks(status)),
            *[("command", status["command"]) for _ in [0] if "command" in status],
            *[("functions", ", ".join(allow)) for allow in [status.get("allow")] if allow],
        ]
    )
    output.line(_LEAVING)


def found_by(status: dict[str, Any]) -> str:
    """Where a node looks for others and is found, for people."""
    return "; ".join(
        f"{source['source']} {source['state']}"
        + (f" ({source['where']})" if source["where"] else "")
        for source in status.get("sources", [])
    )


def insecurity(node: BoundNode[Any]) -> list[tuple[str, str]]:
    """The line of a banner that says who else can use the node; secure ones have none."""
    who = f"without keys: others on the network can {node.danger}"
    return [("INSECURE", who)] if node.insecure else []


def _tasks(status: dict[str, Any]) -> str:
    none = "none" if status.get("allow") else "none: is the right module named?"
    return ", ".join(status.get("tasks") or ()) or none


def leave_at_eof(node: Stoppable) -> None:
    """Let a node leave when standard input ends; for a thread."""
    # Not sys.stdin: at the interpreter's end a thread that holds its lock is fatal.
    while os.read(0, 4096):
        pass
    node.request_stop()
