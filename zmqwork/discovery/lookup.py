"""From a DNS name to endpoints. It waits for resolvers, so it is for threads that may wait."""

from __future__ import annotations

import importlib.util
import re
import socket
from dataclasses import dataclass

from zmqwork.errors import ConfigError

# Of one name; a service that large has other ways.
ADDRESSES_MAX = 1_024
# A resolver that does not answer an SRV query within this is asked again later.
_SRV_TIMEOUT = 5.0

_LABEL = r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_NAME_CHARACTERS_MAX = 253
# What getaddrinfo says of a name that has no address; all else is a resolver in trouble.
_NOBODY = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


@dataclass(frozen=True, slots=True)
class Name:
    """A name to look up.

    Attributes:
        text: as it was typed.
        name: without scheme and port.
        port: that of A and AAAA records; 0: SRV records tell.
    """

    text: str
    name: str
    port: int


def is_name(peer: str) -> bool:
    """Whether this is for DNS, and not an endpoint."""
    return peer.lower().startswith(("dns://", "dns+srv://"))


def parse_name(text: str) -> Name:
    """``dns://NAME:PORT`` or ``dns+srv://_SERVICE._tcp.NAME``.

    Raises:
        ConfigError: it is neither, or dnspython is missing for SRV records.
    """
    scheme, _, rest = text.strip().partition("://")
    if scheme.lower() == "dns+srv":
        if not _is_good(rest):
            raise ConfigError(f"peer {text!r}: write dns+srv://_zmqwork._tcp.EXAMPLE, and no port")
        if importlib.util.find_spec("dns") is None:
            raise ConfigError(
                f"peer {text!r}: SRV records need dnspython: pip install 'zmqwork[dns]'. "
                "dns://NAME:PORT does without"
            )
        return Name(text.strip(), rest, 0)
    name, colon, port = rest.rpartition(":")
    if not colon or not _is_good(name):
        raise ConfigError(f"peer {text!r}: write dns://NAME:PORT")
    if not (re.fullmatch(r"[0-9]{1,5}", port) and 1 <= int(port) <= 65_535):
        raise ConfigError(f"peer {text!r}: a port is a number from 1 to 65535, not {port!r}")
    return Name(text.strip(), name, int(port))


def look_up(name: Name) -> tuple[str, ...]:
    """The endpoints behind a name now, IPv4 first; none if the name is known to have none.

    Raises:
        OSError: the resolver cannot tell.
    """
    targets = [(name.name, name.port)] if name.port else _services(name.name)
    found: list[str] = []
    for target, port in targets:
        # SRV records name their targets with a dot at the end, /etc/hosts knows names without.
        found += _endpoints(target, port) or _endpoints(target.rstrip("."), port)
    found.sort(key=lambda endpoint: "[" in endpoint)
    return tuple(dict.fromkeys(found))[:ADDRESSES_MAX]


def _endpoints(name: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno in _NOBODY:
            return []
        raise
    except UnicodeError:
        return []  # a label that cannot be
    hosts = [str(address[4][0]) for address in found]
    return [f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}" for host in hosts]


def _services(name: str) -> list[tuple[str, int]]:
    """Target and port of each SRV record, the preferred ones first."""
    from dns import exception, resolver  # noqa: PLC0415 - an extra

    try:
        answer = resolver.resolve(name, "SRV", lifetime=_SRV_TIMEOUT)
    except (resolver.NXDOMAIN, resolver.NoAnswer):
        return []
    except exception.DNSException as error:
        raise OSError(f"no SRV answer for {name}: {error}") from error
    records = sorted((it.priority, -it.weight, str(it.target), it.port) for it in answer)
    # "." means: decidedly not available here (RFC 2782).
    return [(target, port) for _, _, target, port in records if target != "."]


def _is_good(name: str) -> bool:
    return len(name) <= _NAME_CHARACTERS_MAX and bool(_NAME.fullmatch(name))
