"""What ``zmqwork sink`` does once its options are known."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Callable
from typing import Any

from zmqwork import __version__
from zmqwork.app import App
from zmqwork.cli import exits
from zmqwork.cli.output import Output, OutputFailed, complain, counted, lead_nowhere
from zmqwork.cli.parser import nearest
from zmqwork.cli.search import search_options
from zmqwork.cli.serving import found_by, insecurity, leave_at_eof, log_to_people
from zmqwork.cli.sink_end import SinkEnd
from zmqwork.cli.target import load_app
from zmqwork.definition import place
from zmqwork.errors import ConfigError, UsageError
from zmqwork.nodes.signals import SINK, StopSignals
from zmqwork.nodes.sink import Sink as Node
from zmqwork.nodes.store import Store
from zmqwork.sink import DEFAULT_NAME, Sink, is_store
from zmqwork.sinks import open_store
from zmqwork.sinks.opening import Unfit

_LEAVING = "Ctrl-C stores what is here and leaves; again: leaves it to the workers."


def store(args: argparse.Namespace) -> int:
    """Take results until it is done, or a signal ends it: an exit code.

    Raises:
        UsageError: there is no such app or sink.
        StoreError: the place where the results go cannot be used.
    """
    log_to_people(args.log_level, args.log_format)
    # What goes to standard output is the results' alone.
    output = Output(args.output, sys.stderr if args.out == "-" else None)
    sink = sink_of(args)
    node = sink.node(**_options(args))
    with StopSignals(node, SINK) as signals:
        node.start()
        if args.until_eof:
            threading.Thread(target=leave_at_eof, args=(node,), daemon=True).start()
        _say(lambda: _introduce(output, sink, node))
        node.wait_ended()
    ending = SinkEnd(args, node, signals)
    _say(lambda: ending.show(output))
    if getattr(sink.target, "reader_left", False):
        lead_nowhere(sys.stdout.fileno())
        return exits.BROKEN_PIPE
    return ending.exit_code


def _options(args: argparse.Namespace) -> dict[str, Any]:
    """The `NodeOptions` that the command line gives."""
    given = {"batch": args.batch, "linger": args.linger, "expect": args.expect}
    return {
        "name": args.name,
        "bind": args.bind,
        "once": args.once,
        "drain_timeout": args.drain_timeout,
        **{name: value for name, value in given.items() if value is not None},
        **search_options(args),
    }


def sink_of(args: argparse.Namespace) -> Sink:
    """The sink that is meant. UsageError: there is none."""
    app = App(args.realm) if args.target is None else load_app(args.target)
    name = args.which or args.sink
    if args.which is not None and args.out is not None:
        raise UsageError(
            f"{args.which!r} names a sink of the app, and --out is another one: to take results "
            f"under that name, say --sink {args.which}"
        )
    if args.out is not None:
        return app.sink(_place(args), name=name or DEFAULT_NAME)
    known = ", ".join(sorted(app.sinks))
    if not known:
        raise UsageError(
            f"app {app.name!r} has no sink: make one of a function (@app.sink), or say where "
            "results go with --out FILE"
        )
    if name is None and len(app.sinks) == 1:
        return next(iter(app.sinks.values()))
    if name is None:
        raise UsageError(f"app {app.name!r} has several sinks: name one, {known}")
    if name not in app.sinks:
        near = nearest(name, app.sinks) or f": its sinks are {known}"
        raise UsageError(f"app {app.name!r} has no sink {name!r}{near}")
    return app.sinks[name]


def _place(args: argparse.Namespace) -> Store:
    """Where `--out` leads. UsageError: nowhere, or not with the other options."""
    try:
        return open_store(
            args.out,
            args.format,
            append=args.append,
            bare=args.bare,
            columns=args.columns,
            id=args.inbox,
        )
    except Unfit as error:
        option = {"id": "inbox"}.get(error.option, error.option)
        form = "" if error.what == args.out else f", which is {error.what}"
        raise UsageError(f"--{option} does not go with --out {args.out}{form}") from None
    except ConfigError as error:
        raise UsageError(str(error)) from None


def _say(show: Callable[[], object]) -> None:
    """Print something; a sink that cannot is none the worse for it."""
    try:
        show()
    except (OutputFailed, BrokenPipeError) as error:
        lead_nowhere(sys.stdout.fileno())
        complain(f"zmqwork sink: going on in silence: {error}")


def _introduce(output: Output, sink: Sink, node: Node) -> None:
    """The banner: who takes what, and where it goes."""
    status = node.status()
    config = node.config
    before = node.stored_before
    values = {
        "node_id": config.node_id,
        "name": config.name,
        "realm": config.realm,
        "pid": config.pid,
        "endpoints": list(node.endpoints),
        "discovery": status.get("sources", []),
        "sinks": list(config.sinks),
        "inbox": config.inbox or None,
        "out": place_of(sink),
        "stored_before": before,
        "insecure": node.insecure,
        "version": __version__,
    }
    output.json({"event": "started", **values})
    output.line(f"zmqwork {__version__} sink {config.name}")
    has = f", which has {counted(before, 'result')} already" if before else ""
    output.lines(
        [
            ("realm", config.realm),
            ("node id", config.node_id),
            ("process", config.pid),
            ("endpoints", ", ".join(node.endpoints)),
            ("discovery", found_by(status)),
            *insecurity(node),
            ("takes", f"results for {', '.join(config.sinks)}"),
            ("puts them", f"{place_of(sink)}{has}"),
            ("inbox", config.inbox or "none: after a crash some results come twice"),
        ]
    )
    output.line(_LEAVING)


def place_of(sink: Sink) -> str:
    """Where a sink's results go, for people."""
    target, inbox = sink.target, sink.inbox
    if not is_store(target):
        path = getattr(inbox, "path", None)
        within = f", in {path}" if path is not None else ""
        return f"to {getattr(target, '__qualname__', target)} ({place(target)}){within}"  # type: ignore[arg-type]
    path = getattr(target, "path", None)
    return f"into {path}" if path is not None else "to standard output"
