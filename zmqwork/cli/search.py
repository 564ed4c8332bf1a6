"""What the command line says of finding each other, as the options of a node."""

from __future__ import annotations

import argparse
from typing import TypedDict

from zmqwork.discovery.static import source_of
from zmqwork.errors import UsageError


class Search(TypedDict, total=False):
    """The options of `App.producer` and `App.worker` that win over what the module says."""

    realm: str | None
    peers: list[str]
    discovery: tuple[str, ...] | None
    interface: list[str] | None
    insecure_lan: bool


def search_options(args: argparse.Namespace) -> Search:
    """``--realm``, ``--peer`` and those of `source_options`, for the app that was imported.

    Raises:
        UsageError: the options contradict each other.
    """
    for peer in args.peer if args.discovery is not None else ():
        source = source_of(peer)
        if source not in args.discovery:
            raise UsageError(
                f"--peer {peer} is for the source `{source}`, which --discovery leaves out"
            )
    return Search(realm=args.realm, peers=args.peer, **source_options(args))


def source_options(args: argparse.Namespace) -> Search:
    """``--discovery``, ``--interface`` and ``--insecure-lan``."""
    return Search(
        discovery=args.discovery,
        interface=args.interface or None,
        insecure_lan=args.insecure_lan,
    )


def source_words(args: argparse.Namespace) -> list[str]:
    """The same as words of a command line, for the workers that a command starts."""
    words = [f"--interface={name}" for name in args.interface]
    if args.discovery is not None:
        words.append(f"--discovery={','.join(args.discovery)}")
    if args.insecure_lan:
        words.append("--insecure-lan")
    return words
