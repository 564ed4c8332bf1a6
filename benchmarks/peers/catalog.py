"""Which peers there are, and what each one needs."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

DRIVERS = Path(__file__).resolve().parent / "drivers"

HIREDIS = "hiredis==3.5.0"  # the fast parser of the redis client: who wants speed installs it


@dataclass(frozen=True)
class Peer:
    """A peer by its name.

    Attributes:
        name: as it is typed.
        requires: what pip installs into its environment, with versions, so that a record can be
            repeated. Empty: it runs in zmqwork's own.
        redis: does it need a Redis?
    """

    name: str
    requires: tuple[str, ...] = ()
    redis: bool = False

    @property
    def module(self) -> str:
        """Its driver. A peer may have the name of what it imports: the folder tells them apart."""
        return f"benchmarks.peers.drivers.{self.name.replace('-', '_')}"

    @property
    def distributions(self) -> list[str]:
        """The packages whose versions are told."""
        return [re.split(r"[\[=<>]", words)[0] for words in self.requires]

    def settings(self) -> str:
        """What its driver's docstring says, which is read without importing the peer."""
        text = (DRIVERS / f"{self.module.rpartition('.')[2]}.py").read_text("utf-8")
        return ast.get_docstring(ast.parse(text)) or ""


# All others are compared with this one.
REFERENCE = "zmqwork"

PEERS = {
    peer.name: peer
    for peer in (
        Peer(REFERENCE),
        Peer("zmqwork-process"),
        Peer("raw"),
        Peer("pool"),
        Peer("executor"),
        Peer("joblib", ("joblib==1.6.0",)),
        Peer("celery", ("celery[msgpack,redis]==5.7.0", HIREDIS), redis=True),
        Peer("dramatiq", ("dramatiq[redis]==2.2.1", HIREDIS), redis=True),
        Peer("rq", ("rq==3.0.0", HIREDIS), redis=True),
        Peer("huey", ("huey==3.5.4", "redis==8.1.0", HIREDIS), redis=True),
        Peer("taskiq", ("taskiq==0.13.0", "taskiq-redis==1.2.4", HIREDIS), redis=True),
        Peer("saq", ("saq[redis]==0.26.4", "typing_extensions==4.16.0", HIREDIS), redis=True),
        Peer("dask", ("distributed==2026.8.0",)),
        Peer("parsl", ("parsl==2026.10.26",)),
        Peer("ipyparallel", ("ipyparallel==9.2.0",)),
        Peer("ray", ("ray==2.60.0",)),
        Peer("hyperqueue", ("hyperqueue==0.27.0",)),
    )
}
