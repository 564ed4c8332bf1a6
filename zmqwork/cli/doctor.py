"""Look for what keeps nodes apart, on this machine and on the network, and say what to try.

Checked are versions, limits, the clock, the local directory, ipc and tcp, keys, multicast on each
interface, who else speaks mDNS, and each peer that is found or named. Nothing is changed.
"""

from __future__ import annotations

import argparse
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from zmqwork.app import App
from zmqwork.cli import doctor_keys, doctor_peers, exits
from zmqwork.cli import doctor_machine as machine
from zmqwork.cli.doctor_network import Network
from zmqwork.cli.finding import FAIL, OK, WARN, Finding
from zmqwork.cli.output import Output
from zmqwork.cli.parser import Parser, add_output, add_search, seconds
from zmqwork.cli.signals import terminable
from zmqwork.cli.survey import Search, Survey
from zmqwork.cli.target import load_app
from zmqwork.errors import ConfigError, KeysError, TransportError

EXAMPLES = """
zmqwork doctor
zmqwork doctor thumbs:app --timeout 15         listen longer for who else is there
zmqwork doctor --realm thumbs --peer tcp://gpu-1:7071
zmqwork doctor --interface lo -o json | jq '.findings[] | select(.state != "ok")'
"""

_PERMIT = (
    "with keys: zmqwork keys init, or zmqwork keys join FILE; on this machine only: --interface lo",
    "without keys, on a network where you trust everybody: --insecure-lan",
)

# A realm that nobody has: who is asked in its name refuses, and tells his own.
_NO_REALM = "(none: asked by zmqwork doctor)"
_SECONDS_MAX = 600.0


def configure(parser: Parser) -> None:
    """Add the options of ``doctor``."""
    parser.add_argument(
        "target", metavar="MODULE:APP", nargs="?", help="look for the workers of this app"
    )
    add_output(parser)
    parser.add_argument(
        "--timeout",
        type=seconds,
        default=3.0,
        metavar="SECONDS",
        help="how long to listen, and to wait for each answer (default: 3)",
    )
    add_search(parser, realm="look for nodes of this realm, not of all on this machine")


def run(args: argparse.Namespace) -> int:
    """Check, print, and say what to try; 1 if something failed."""
    if args.timeout > _SECONDS_MAX:
        raise ConfigError(f"--timeout {args.timeout:g}: {_SECONDS_MAX:g} are enough for anybody")
    logging.getLogger("zmqwork").setLevel(logging.ERROR)
    output = Output(args.output)
    with terminable():
        findings = list(_examine(args))
    counts = {state: sum(f.state == state for f in findings) for state in (OK, WARN, FAIL)}
    output.json(
        {"ok": not counts[FAIL], "counts": {state.lower(): n for state, n in counts.items()},
         "findings": [finding.as_json() for finding in findings]}
    )  # fmt: skip
    output.table(("", "CHECK", "FOUND"), [(f.state, f.check, f.text) for f in findings])
    _show_advice(output, findings)
    output.line()
    output.line(f"{counts[OK]} ok, {counts[WARN]} to look at, {counts[FAIL]} failed")
    return exits.FAILED if counts[FAIL] else exits.OK


def _show_advice(output: Output, findings: list[Finding]) -> None:
    """What to try; what helps against several things is said once."""
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for finding in findings:
        if finding.advice:
            groups.setdefault(finding.advice, []).append(finding)
    if groups:
        output.line()
        output.line("what to try")
    for advice, troubled in groups.items():
        for finding in troubled:
            output.line(f"  {finding.state}  {finding.check}")
        for line in advice:
            output.line(f"        {line}")


def _examine(args: argparse.Namespace) -> Iterator[Finding]:
    app = load_app(args.target) if args.target else None
    try:
        search = Search(args, app.name if app is not None else None, any_realm=True)
    except KeysError as error:
        # (A worker would end here. Whoever asks what is the matter is told, and of all the rest.)
        yield from _machine(args.timeout)
        yield Finding("own keys", FAIL, str(error), doctor_keys.UNUSABLE)
        return
    network = Network(args.interface)
    yield from _machine(args.timeout)
    yield from doctor_keys.keys(search.keys)
    # Both wait for others, so they wait together.
    given_up = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        listening = threads.submit(
            lambda: list(network.sound(args.timeout, lambda: not given_up.is_set()))
        )
        try:
            found = list(_peers(search, app, args.timeout))
            heard = listening.result()
        finally:
            given_up.set()
    yield from network.unusable()
    yield from heard
    yield from found


def _machine(timeout: float) -> Iterator[Finding]:
    yield from machine.versions()
    yield from machine.limits()
    yield from machine.clocks()
    yield from machine.local_directory()
    yield from machine.ports(timeout)


def _peers(search: Search, app: App | None, timeout: float) -> Iterator[Finding]:
    if "mdns" in search.sources:
        try:
            search.check_interfaces()
        except ConfigError as error:
            search = search.without("mdns")
            why, *_ = str(error).partition("\n")
            yield Finding("source mdns", WARN, f"not asked: {why}", _PERMIT)
    try:
        survey = search.survey(timeout) if search.realm else _survey_all(search, timeout)
    except KeysError as error:
        # It may well be a worker: who looks needs another role.
        said, _, advice = str(error).partition("; ")
        yield Finding("nodes", WARN, f"not asked: {said}", (advice,) if advice else ())
        return
    except TransportError as error:
        if not search.local:
            raise
        yield Finding("source local", FAIL, f"not asked: {error}")
        yield from _peers(search.without("local"), app, timeout)
        return
    yield from doctor_peers.peers(survey, search, timeout)
    if app is not None:
        yield from doctor_peers.app_tasks(app, survey)


def _survey_all(search: Search, timeout: float) -> Survey:
    """Ask all realms of this machine; and those who were named, without knowing theirs."""
    survey = search.without("static").survey(timeout)
    if search.peers:
        there = search.without("local", "mdns").within(_NO_REALM).survey(timeout)
        survey.unheard.extend(there.unheard)
        survey.sources.extend(there.sources)
    return survey
