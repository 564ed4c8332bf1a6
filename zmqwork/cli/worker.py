"""Run tasks of an app, in child processes unless told otherwise, until told to stop.

Producers find this worker by themselves; the order of starts does not matter. Ctrl-C (or
SIGTERM) lets it finish what it runs and leave; a second one, or the end of --drain-timeout,
cancels that and gives it back to the producers; a third one, or SIGQUIT, leaves at once.
"""

from __future__ import annotations

import argparse
import logging
import os
import threading
from typing import TYPE_CHECKING, Any

from zmqwork import __version__
from zmqwork.app import App
from zmqwork.cli.output import Output
from zmqwork.cli.parser import Parser, add_output, add_search, seconds, whole
from zmqwork.cli.search import search_options
from zmqwork.cli.target import load_app, search_current_directory
from zmqwork.errors import UsageError
from zmqwork.execution import context
from zmqwork.executor import DEFAULT_REALM
from zmqwork.nodes.signals import StopSignals
from zmqwork.whereabouts import Whereabouts

if TYPE_CHECKING:
    from zmqwork.worker import Worker

EXAMPLES = """
zmqwork worker thumbs:app                      the app called `app` in thumbs.py
zmqwork worker thumbs -c 4 -Q images,mails     four tasks at a time, of two queues
zmqwork worker --allow 'pkg.*'                 for zmqwork.Executor(): functions of pkg, no app
zmqwork worker thumbs:app --bind 'tcp://127.0.0.1:*'      reachable over tcp as well
zmqwork worker thumbs:app --insecure-lan       found by everybody on a network that you trust
"""

_POOLS = ("process", "thread", "asyncio", "inline")
_LEVELS = ("debug", "info", "warning", "error")
_LEAVING = """\
Ctrl-C finishes what runs and leaves; again: gives it back; a third time: leaves at once."""


def configure(parser: Parser) -> None:
    """Add the options of ``worker``."""
    parser.add_argument(
        "target",
        nargs="?",
        metavar="MODULE:APP",
        help="where the app is: thumbs:app; not needed with --allow",
    )
    parser.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="PATTERN",
        help="run functions that an Executor sends by name, if they match: 'pkg.*'; may be given "
        "again",
    )
    parser.add_argument(
        "-c",
        "--concurrency",
        type=whole(1, 10_000),
        metavar="N",
        help="tasks that run at the same time (default: one per processor)",
    )
    parser.add_argument(
        "--pool",
        choices=_POOLS,
        default="process",
        metavar="POOL",
        help="process (default: a crash costs one task), thread, asyncio or inline",
    )
    parser.add_argument(
        "-Q", "--queues", type=_names, default=(), metavar="A,B", help="queues to serve (all)"
    )
    parser.add_argument(
        "--drain-timeout",
        type=seconds,
        default=30.0,
        metavar="SECONDS",
        help="on leaving, give back what still runs after this long (default: 30)",
    )
    parser.add_argument("-n", "--name", metavar="NAME", help="a label for people")
    parser.add_argument(
        "--log-level", choices=_LEVELS, default="info", metavar="LEVEL", help=", ".join(_LEVELS)
    )
    # For those who start workers: this one ends with its starter, however that ends.
    parser.add_argument("--until-eof", action="store_true", help=argparse.SUPPRESS)
    add_output(parser)
    add_search(parser, realm="serve this realm, not the app's own")
    group = parser.add_argument_group("being reached from elsewhere")
    group.add_argument(
        "--bind",
        action="append",
        default=[],
        metavar="ENDPOINT",
        help="listen here as well: tcp://127.0.0.1:*; may be given again",
    )


def run(args: argparse.Namespace) -> int:
    """Serve until a signal ends it; 0 after a drain, 130 or 143 when it was cut short."""
    logging.basicConfig(
        level=args.log_level.upper(), format="%(asctime)s %(levelname)s %(message)s"
    )
    if args.log_level != "debug":
        # Its tracebacks of packets that a cable did not carry; what mDNS can do is in `ps`.
        logging.getLogger("zeroconf").setLevel(logging.CRITICAL)
    app = _app(args.target, args.allow)
    search = search_options(args)
    worker = app.worker(
        args.concurrency,
        args.pool,
        args.queues,
        name=args.name,
        bind=args.bind,
        drain_timeout=args.drain_timeout,
        allow=args.allow,
        **search,
    )
    # Tasks that run in this process submit others as this worker is told to find its peers.
    context.home = app.home(Whereabouts.of(**search))
    with StopSignals(worker) as signals:
        worker.start()
        if args.until_eof:
            threading.Thread(target=_leave_at_eof, args=(worker,), daemon=True).start()
        _show(Output(args.output), worker.status(), worker, args.pool)
        # A lock that is waited for without end would not let the signals in on all platforms.
        while not worker.wait(3600.0):
            pass
    return signals.exit_code


def _app(target: str | None, allow: list[str]) -> App:
    if target is not None:
        return load_app(target)
    if not allow:
        raise UsageError(
            "nothing to run: name an app (MODULE:APP), or with --allow 'pkg.*' the functions that "
            "an Executor may send"
        )
    search_current_directory()
    return App(DEFAULT_REALM)


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
            "tasks": status.get("tasks", []),
            "allow": status.get("allow", []),
            "version": __version__,
        }
    )
    output.line(f"zmqwork {__version__} worker {status.get('name')}")
    found = (
        f"{source['source']} {source['state']}"
        + (f" ({source['where']})" if source["where"] else "")
        for source in status.get("sources", [])
    )
    output.lines(
        [
            ("realm", status.get("realm")),
            ("node id", status.get("node_id")),
            ("process", status.get("pid")),
            ("endpoints", ", ".join(worker.endpoints)),
            ("discovery", "; ".join(found)),
            ("pool", f"{pool}, {status.get('slots')} at a time"),
            ("queues", ", ".join(status.get("queues") or ()) or "all"),
            ("tasks", _tasks(status)),
            *[("functions", ", ".join(allow)) for allow in [status.get("allow")] if allow],
        ]
    )
    output.line(_LEAVING)


def _tasks(status: dict[str, Any]) -> str:
    none = "none" if status.get("allow") else "none: is the right module named?"
    return ", ".join(status.get("tasks") or ()) or none


def _leave_at_eof(worker: Worker) -> None:
    # Not sys.stdin: at the interpreter's end a thread that holds its lock is fatal.
    while os.read(0, 4096):
        pass
    worker.request_stop()


def _names(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise argparse.ArgumentTypeError("name at least one queue")
    return names
