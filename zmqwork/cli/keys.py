"""Make the keys of a cluster, and look after them: who is in it, and what each may be.

ACTION is one of:
  init            make a cluster; this node is its first member, and may change it
  add NODE        add a member, and write a bundle: the one file that its machine needs
  join FILE       become the node of a bundle; with a newer one of the same node: take it
  list            the members
  show [NODE]     one of them, this node by default, with its keys
  revoke NODE     refuse its keys from now on; its name is not given again
  roles NODE      let it be something else: --role
  rotate [NODE]   give it a new key; the old one is good for a while (--overlap). That of another
                  node is in a new bundle; that of this node waits for push, then rotate --now
  export          write the keys of this node as a bundle: a copy for a safe; after init --shared
                  what everybody gets
  check           say all that is wrong with the files
  push            bring the roster to the nodes that run: of other machines with --realm NAME

Keys are in ~/.config/zmqwork/keys, in ZMQWORK_KEYS, or in --keys. Only a member with the role admin
may change the cluster.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from zmqwork.cli import keys_changed, keys_pushed, keys_shown
from zmqwork.cli.control import add_patience
from zmqwork.cli.output import JSON, QUIET, TABLE, Output
from zmqwork.cli.parser import Parser, add_search, duration, nearest
from zmqwork.core.permissions import ROLES
from zmqwork.errors import UsageError
from zmqwork.security.files import expanded
from zmqwork.security.keyring import default_place

EXAMPLES = """
zmqwork keys init --cluster lab                       on the first machine
zmqwork keys add node7 --role worker,sink,observer -o node7.zwk
scp -p node7.zwk node7: && rm node7.zwk
zmqwork keys join node7.zwk && rm node7.zwk           on node7
zmqwork keys list -o json
zmqwork keys revoke node7 && zmqwork keys push --realm thumbs
zmqwork keys rotate && zmqwork keys push --realm thumbs && zmqwork keys rotate --now
zmqwork keys init --shared && zmqwork keys export -o lab.zwk     one key that everybody has
"""

_FORMATS = (TABLE, JSON, QUIET)

# Of push alone.
_ASKING = ("app", "realm", "peer", "discovery", "interface", "insecure_lan")


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can be done with keys.

    Attributes:
        run: does it; the exit code.
        words: the names of its arguments; one in brackets may lack.
        options: those that it has, beside the ones that all have.
        writes: whether ``-o`` is the file that it writes.
    """

    run: Callable[[argparse.Namespace, Path, Output], int]
    words: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    writes: bool = False


_ACTIONS = {
    "init": Action(keys_changed.init, (), ("cluster", "name", "shared")),
    "add": Action(keys_changed.add, ("NODE",), ("role",), writes=True),
    "join": Action(keys_changed.join, ("FILE",), ("overwrite",)),
    "list": Action(keys_shown.show_all),
    "show": Action(keys_shown.show, ("[NODE]",)),
    "revoke": Action(keys_changed.revoke, ("NODE",)),
    "roles": Action(keys_changed.roles, ("NODE",), ("role",)),
    "rotate": Action(keys_changed.rotate, ("[NODE]",), ("overlap", "now"), writes=True),
    "export": Action(keys_changed.export, (), (), writes=True),
    "check": Action(keys_shown.check),
    "push": Action(keys_pushed.push, (), _ASKING),
}


def configure(parser: Parser) -> None:
    """Add the options of ``keys``."""
    parser.description = __doc__
    parser.add_argument("action", metavar="ACTION", help=", ".join(_ACTIONS))
    parser.add_argument(
        "words", metavar="NODE", nargs="*", default=[], help="the name of a member, or a FILE"
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUTPUT",
        help="of add, rotate and export: the file of the bundle (default: NODE.zwk), which must "
        "not be there; of the others: table, json or quiet",
    )
    parser.add_argument(
        "--format",
        choices=_FORMATS,
        metavar="FORMAT",
        help="table for people, json for programs, quiet for the exit code alone (default: table)",
    )
    group = parser.add_argument_group("making and changing")
    group.add_argument("--cluster", metavar="NAME", help="what people call it (init)")
    group.add_argument("--name", metavar="NODE", help="of this node (init; default: the host's)")
    group.add_argument(
        "--shared",
        action="store_true",
        default=None,
        help="one key for all: everybody who has its file is everybody (init)",
    )
    group.add_argument(
        "--role",
        action="append",
        metavar="ROLES",
        help=f"what it may be: {', '.join(ROLES)}; with commas, or given again (add, roles)",
    )
    group.add_argument(
        "--overlap",
        type=duration,
        metavar="DURATION",
        help="how long the old key is good: 90s, 10m, 2h, 7d (rotate; default: 24h)",
    )
    group.add_argument(
        "--now",
        action="store_true",
        default=None,
        help="use the new key of this node now, also one that waits (rotate)",
    )
    group.add_argument(
        "--overwrite",
        action="store_true",
        default=None,
        help="give up keys of another node or cluster that are there (join)",
    )
    add_patience(parser)
    add_search(
        parser,
        realm="push in this realm; may be given again (default: those that live on this machine)",
        several_realms=True,
    )


def run(args: argparse.Namespace) -> int:
    """Do it."""
    action = _ACTIONS.get(args.action)
    if action is None:
        near = nearest(args.action, _ACTIONS) or f": choose from {', '.join(_ACTIONS)}"
        raise UsageError(f"unknown ACTION {args.action!r}{near}")
    _check_words(args, action)
    _check_options(args, action)
    place = expanded(args.keys) if args.keys else default_place()
    return action.run(args, place.absolute(), Output(_format(args, action)))


def _check_words(args: argparse.Namespace, action: Action) -> None:
    least = sum(not word.startswith("[") for word in action.words)
    if not least <= len(args.words) <= len(action.words):
        usage = " ".join(["zmqwork keys", args.action, *action.words])
        raise UsageError(f"{args.action} is called like this: {usage}")


def _check_options(args: argparse.Namespace, action: Action) -> None:
    known = {name for other in _ACTIONS.values() for name in other.options}
    for name in sorted(known.difference(action.options)):
        if getattr(args, name) not in (None, [], False):
            users = ", ".join(n for n, other in _ACTIONS.items() if name in other.options)
            raise UsageError(f"--{name.replace('_', '-')} is for {users}, not for {args.action}")


def _format(args: argparse.Namespace, action: Action) -> str:
    given: str | None = args.output
    if action.writes:
        if given in _FORMATS:
            raise UsageError(
                f"-o is the file of the bundle: for {given} say --format {given}, for a file of "
                f"that name -o ./{given}"
            )
        return args.format or TABLE
    if given is not None and given not in _FORMATS:
        near = nearest(given, _FORMATS) or f": choose from {', '.join(_FORMATS)}"
        raise UsageError(f"unknown OUTPUT {given!r}{near}")
    return given or args.format or TABLE
