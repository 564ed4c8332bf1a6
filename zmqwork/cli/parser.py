"""Options: argparse that names the nearest option, and help that teaches."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from zmqwork.cli import exits
from zmqwork.cli.output import writing
from zmqwork.discovery.source import parse_sources
from zmqwork.discovery.static import parse_peer
from zmqwork.errors import ConfigError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

# Of ``--log-level``.
LEVELS = ("debug", "info", "warning", "error")
# Of ``--log-format``; as `execution.logs` has them, which a parser need not load.
LOG_FORMATS = ("text", "json")


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors end with the nearest word that is right.

    Abbreviated options are refused: a script that uses one breaks when an option is added.
    """

    def __init__(self, *, examples: str = "", **options: object) -> None:
        super().__init__(
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
            epilog=f"{_indented(examples)}\n\n{exits.HELP}" if examples else exits.HELP,
            **options,  # type: ignore[arg-type]
        )

    def error(self, message: str) -> NoReturn:
        """Leave with code 2, one line that says what is wrong and one that says what to do."""
        self.exit(exits.USAGE, f"{self.prog}: {message}\nTry: {self.prog} --help\n")

    def parse_strictly(self, words: Sequence[str]) -> argparse.Namespace:
        """Parse all words; options may stand anywhere between the arguments."""
        args, rest = self.parse_known_intermixed_args(list(words))
        if rest:
            self._refuse(next((word for word in rest if word.startswith("-")), rest[0]))
        return args

    def _print_message(self, message: str, file: Any = None) -> None:
        # argparse takes help that nobody could write for help that was given.
        if file is None or file is not sys.stdout:
            super()._print_message(message, file)
            return
        with writing():
            file.write(message)

    def _refuse(self, word: str) -> NoReturn:
        options = sorted(self._option_string_actions)
        if word.startswith("-") and word != "-":
            near = nearest(word.partition("=")[0], options)
            self.error(f"unknown option {word}{near}")
        self.error(f"unexpected {word!r}")

    def _check_value(self, action: argparse.Action, value: object) -> None:
        if action.choices is not None and value not in action.choices:
            choices = [str(choice) for choice in action.choices]
            what = action.metavar or action.dest
            near = nearest(str(value), choices) or f": choose from {', '.join(choices)}"
            raise argparse.ArgumentError(None, f"unknown {what} {value!r}{near}")


def nearest(word: str, known: Iterable[str]) -> str:
    """`: did you mean …?`, or nothing."""
    import difflib  # noqa: PLC0415 - only for what is misspelt

    near = difflib.get_close_matches(word, list(known), n=1)
    return f": did you mean {near[0]}?" if near else ""


def add_output(parser: argparse.ArgumentParser) -> None:
    """Add ``-o table|json|quiet``."""
    parser.add_argument(
        "-o",
        "--output",
        choices=("table", "json", "quiet"),
        default="table",
        metavar="FORMAT",
        help="table for people, json for programs, quiet for the exit code alone (default: table)",
    )


def add_search(
    parser: argparse.ArgumentParser, *, realm: str, several_realms: bool = False
) -> None:
    """Add what says where nodes find each other: ``--realm``, ``--peer``, and `add_sources`."""
    group = parser.add_argument_group("finding each other")
    if several_realms:
        group.add_argument("--realm", metavar="NAME", action="append", default=[], help=realm)
    else:
        group.add_argument("--realm", metavar="NAME", help=realm)
    group.add_argument(
        "--peer",
        action="append",
        default=[],
        type=_peer,
        metavar="ENDPOINT",
        help="also try this worker, which names others: tcp://HOST:PORT; or all that a name stands "
        "for: dns://NAME:PORT, dns+srv://NAME; may be given again (and ZMQWORK_PEERS)",
    )
    add_sources(group)


def add_log_format(parser: argparse.ArgumentParser) -> None:
    """Add ``--log-format text|json``."""
    parser.add_argument(
        "--log-format",
        choices=LOG_FORMATS,
        default=LOG_FORMATS[0],
        metavar="FORMAT",
        help="of what is logged: text, or json: an object per line, with the task, the attempt and "
        "the peer that it is about (default: text)",
    )


def add_bind(parser: argparse.ArgumentParser) -> None:
    """Add ``--bind``."""
    group = parser.add_argument_group("being reached from elsewhere")
    group.add_argument(
        "--bind",
        action="append",
        default=[],
        metavar="ENDPOINT",
        help="listen here as well: tcp://127.0.0.1:*; may be given again",
    )


def add_sources(group: argparse._ActionsContainer) -> None:
    """Add how nodes find each other: ``--discovery``, ``--interface``, ``--insecure-lan``."""
    group.add_argument(
        "--discovery",
        type=_sources,
        metavar="SOURCES",
        help="local: this user's processes on this machine; static, dns: --peer; mdns: with keys, "
        "or --insecure-lan, the network, else the loopback interface (default: local,static,dns, "
        "and mdns with keys, --interface or --insecure-lan)",
    )
    group.add_argument(
        "--interface",
        action="append",
        default=[],
        metavar="NAME",
        help="where mdns speaks: eth0, or an address; may be given again (default: with keys, or "
        "--insecure-lan, all that lead to a network, without those of containers; else the "
        "loopback)",
    )
    group.add_argument(
        "--keys",
        metavar="DIR",
        help="the keys of this node, from `zmqwork keys`; none: use no keys (default: "
        "ZMQWORK_KEYS, or ~/.config/zmqwork/keys if there are any)",
    )
    group.add_argument(
        "--insecure-lan",
        action="store_true",
        help="allow addresses that others reach, without keys: whoever is on the network can run "
        "tasks, and sees them",
    )


def add_serving(parser: Parser, *, realm: str) -> None:
    """Add what all nodes have that serve until a signal ends them. `realm`: what ``--realm`` is."""
    parser.add_argument("-n", "--name", metavar="NAME", help="a label for people")
    parser.add_argument(
        "--log-level", choices=LEVELS, default="info", metavar="LEVEL", help=", ".join(LEVELS)
    )
    add_log_format(parser)
    # For those who start nodes: this one ends with its starter, however that ends.
    parser.add_argument("--until-eof", action="store_true", help=argparse.SUPPRESS)
    add_output(parser)
    add_search(parser, realm=realm)
    add_bind(parser)


def whole(low: int, high: int) -> Callable[[str], int]:
    """An argparse type: a whole number from `low` to `high`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{value} is not between {low} and {high}")
        return value

    return parse


def seconds(text: str) -> float:
    """An argparse type: a duration in seconds, more than 0."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds") from None
    # 10 years: what is longer was a mistake, and threading refuses it anyway.
    if not 0 < value <= 315_360_000:
        raise argparse.ArgumentTypeError(f"{text} is not a time to wait")
    return value


def duration(text: str) -> float:
    """An argparse type: seconds, or with a unit behind the number: 90s, 10m, 2h, 7d."""
    number, unit = text[:-1], text[-1:]
    if unit not in _UNITS:
        number, unit = text, "s"
    try:
        value = float(number) * _UNITS[unit]
    except ValueError:
        value = -1.0
    if not 0 <= value <= 315_360_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration, as 90s, 10m, 2h or 7d")
    return value


def _peer(text: str) -> str:
    try:
        return parse_peer(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _sources(text: str) -> tuple[str, ...]:
    try:
        return parse_sources(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _indented(examples: str) -> str:
    lines = [f"  {line}".rstrip() for line in examples.strip().splitlines()]
    return "\n".join(["examples:", *lines])
