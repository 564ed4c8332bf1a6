"""Which endpoints are for this machine alone, and which anybody on the network can reach."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence

from zmqwork.errors import ConfigError, InsecureBind

_PORT = re.compile(r"[0-9]{1,5}")


def split_tcp(endpoint: str) -> tuple[str, str]:
    """Host and port of ``tcp://host:port``; an IPv6 host without its brackets.

    Raises:
        ConfigError: it is not of that form.
    """
    host, colon, port = endpoint.removeprefix("tcp://").rpartition(":")
    good_port = port == "*" or (_PORT.fullmatch(port) is not None and int(port) < 65536)
    if not endpoint.startswith("tcp://") or not colon or not host or not good_port:
        raise ConfigError(
            f"{endpoint!r} is no endpoint to bind: use tcp://ADDRESS:PORT, for instance "
            "tcp://127.0.0.1:7071, or tcp://127.0.0.1:* for any free port"
        )
    return host.strip("[]"), port


def is_routable(host: str) -> bool:
    """Whether another machine could reach a socket bound to `host`; in doubt, it could.

    Names are not looked up: that may take long, and libzmq would look again, and could find another
    address. All but ``localhost`` are taken for routable: they may be those of interfaces, too.
    """
    try:
        return not ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host != "localhost"


_REMEDY = """\
  with keys, one command here:    zmqwork keys init
    and for each other machine:   zmqwork keys add NODE --role worker,sink,observer -o NODE.zwk
    carried over, and there:      zmqwork keys join NODE.zwk
  where another machine has keys already, join its cluster instead: the last two commands"""


def refuse_routable(
    endpoints: Sequence[str], *, insecure_lan: bool, keyed: bool = False
) -> list[str]:
    """Check endpoints before anything is bound; return those that are open to everybody.

    Raises:
        InsecureBind: one is routable, and `insecure_lan` is not set.
        ConfigError: one is not an endpoint.
    """
    exposed: list[str] = []
    for endpoint in endpoints:
        if endpoint.startswith("ipc://"):
            continue
        if is_routable(split_tcp(endpoint)[0]):
            exposed.append(endpoint)
    if keyed:
        return []
    if exposed and not insecure_lan:
        raise InsecureBind(
            f"refusing to bind {', '.join(exposed)}: other machines could reach it, and whoever "
            "reaches it could run the tasks of this app.\n"
            f"{_REMEDY}\n"
            "  on this machine only:           --bind tcp://127.0.0.1:*   (or no --bind at all)\n"
            "  without keys, on a network where you trust everybody: --insecure-lan"
        )
    return exposed


def refuse_to_dial(peers: Iterable[str]) -> None:
    """Check peers of a node without keys before anything is opened.

    Raises:
        InsecureBind: one is on another machine: whoever is there would see the tasks, and could
            answer what it likes.
    """
    far = [peer for peer in peers if not _is_here(peer)]
    if far:
        raise InsecureBind(
            f"refusing to connect to {', '.join(far[:3])} without keys: whoever answers there "
            "would get the tasks of this app.\n"
            f"{_REMEDY}\n"
            "  without keys, on a network where you trust everybody: --insecure-lan"
        )


def _is_here(peer: str) -> bool:
    if peer.startswith("ipc://"):
        return True
    host = peer.partition("://")[2].rpartition("@")[2]
    host = host.rpartition(":")[0] or host
    return not is_routable(host.strip("[]"))
