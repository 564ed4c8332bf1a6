"""What the command line says of finding each other, as the options of a node."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, TypedDict

from zmqwork.discovery.static import PEERS_VARIABLE
from zmqwork.errors import UsageError

if TYPE_CHECKING:
    from zmqwork.app import DiscoveryName


class Search(TypedDict, total=False):
    """The options of `App.producer` and `App.worker` that win over what the module says."""

    realm: str | None
    peers: list[str]
    discovery: DiscoveryName | None


def search_options(args: argparse.Namespace) -> Search:
    """``--realm``, ``--peer`` and ``--discovery``, for the app that was imported.

    Raises:
        UsageError: the options contradict each other.
    """
    sources: tuple[str, ...] | None = args.discovery
    if sources is None:
        return Search(realm=args.realm, peers=args.peer, discovery=None)
    if "static" not in sources:
        if args.peer:
            raise UsageError("--peer is the source `static`, which --discovery leaves out")
        # Nobody shall be tried whom the command line leaves out.
        os.environ.pop(PEERS_VARIABLE, None)
    discovery: DiscoveryName = "local" if "local" in sources else "static"
    return Search(realm=args.realm, peers=args.peer, discovery=discovery)
