"""Endpoints and names that somebody typed: ``--peer`` and ``ZMQWORK_PEERS``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from zmqwork.discovery.lookup import is_name, parse_name
from zmqwork.errors import ConfigError

PEERS_VARIABLE = "ZMQWORK_PEERS"
# A list that long was not typed; each peer costs two descriptors (DESIGN 4).
PEERS_MAX = 1_000
# What libzmq takes for ipc: sun_path less its NUL.
_IPC_PATH_BYTES_MAX = 107

_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)
_HOST_PORT = re.compile(
    r"(?:(?P<member>[A-Za-z0-9][A-Za-z0-9_.-]{0,63})@)?(?P<host>\[[0-9A-Fa-f:.%\w]+\]|[^:\[\]/\s]+)(?::(?P<port>[^:]*))?"
)


def parse_peer(text: str) -> str:
    """One endpoint as libzmq takes it.

    ``tcp://host:port`` and ``ipc:///path`` stay as they are, ``host:port`` means tcp. Before the
    host may stand whose key is there: ``tcp://NODE@host:port``.
    ``dns://name:port`` and ``dns+srv://name``, which are for `dns.Dns`, stay as they are, too.

    Raises:
        ConfigError: it is not one of these; the text says what to write instead.
    """
    text = text.strip()
    if is_name(text):
        return parse_name(text).text
    split = _SCHEME.fullmatch(text)
    scheme, rest = (split["scheme"].lower(), split["rest"]) if split else ("tcp", text)
    if scheme == "ipc":
        return _parse_ipc(text, rest)
    if scheme != "tcp":
        raise ConfigError(
            f"peer {text!r}: {scheme}:// is not spoken here, write tcp://HOST:PORT, ipc:///PATH "
            "or dns://NAME:PORT"
        )
    return _parse_tcp(text, rest)


def source_of(peer: str) -> str:
    """The name of the source that such a peer is for."""
    return "dns" if is_name(peer.strip()) else "static"


def parse_peers(texts: Iterable[str]) -> tuple[str, ...]:
    """Endpoints from options, each of which may hold several between commas or blanks.

    Raises:
        ConfigError: one of them is none, or there are more than `PEERS_MAX`.
    """
    found = dict.fromkeys(
        parse_peer(part) for text in texts for part in re.split(r"[,\s]+", text) if part
    )
    if len(found) > PEERS_MAX:
        raise ConfigError(f"{len(found)} peers are more than the {PEERS_MAX} that are allowed")
    return tuple(found)


def peers_of_environment() -> tuple[str, ...]:
    """The endpoints in ``ZMQWORK_PEERS``.

    Raises:
        ConfigError: one of them is none; the text names the variable.
    """
    try:
        return parse_peers([os.environ.get(PEERS_VARIABLE, "")])
    except ConfigError as error:
        raise ConfigError(f"{PEERS_VARIABLE}: {error}") from error


def _parse_ipc(text: str, path: str) -> str:
    # "@name" is the abstract namespace of Linux: it has no owner, so any user may squat it.
    if not PurePosixPath(path).is_absolute() or "\0" in path:
        raise ConfigError(f"peer {text!r}: an ipc path starts with a slash, ipc:///PATH")
    if len(os.fsencode(path)) > _IPC_PATH_BYTES_MAX:
        raise ConfigError(
            f"peer {text!r}: the path of a socket has at most {_IPC_PATH_BYTES_MAX} bytes"
        )
    return f"ipc://{path}"


def _parse_tcp(text: str, rest: str) -> str:
    parts = _HOST_PORT.fullmatch(rest)
    if parts is None:
        raise ConfigError(f"peer {text!r}: write tcp://HOST:PORT, or tcp://[ADDRESS]:PORT for IPv6")
    host, port = parts["host"], parts["port"]
    if not port:
        raise ConfigError(f"peer {text!r} has no port: write tcp://{host}:PORT")
    if host == "*":
        raise ConfigError(f"peer {text!r}: * is where to bind, not whom to call: name a host")
    if not (re.fullmatch(r"[0-9]{1,5}", port) and 1 <= int(port) <= 65_535):
        raise ConfigError(f"peer {text!r}: a port is a number from 1 to 65535, not {port!r}")
    member = f"{parts['member']}@" if parts["member"] else ""
    return f"tcp://{member}{host}:{int(port)}"


def split_member(peer: str) -> tuple[str, str]:
    """An endpoint, and the member of the roster whose key is there; empty: anybody's."""
    scheme, _, rest = peer.partition("://")
    member, at, place = rest.rpartition("@")
    return (f"{scheme}://{place}", member) if at and scheme == "tcp" else (peer, "")
