"""The directory for sockets and records, which nobody but this user may enter."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from zmqwork.errors import TransportError

# sun_path holds 108 bytes on Linux and 104 on macOS, the closing NUL among them; libzmq adds
# nothing. 100 leaves room for both.
SOCKET_PATH_BYTES_MAX = 100
# 48 and 64 bits of SHA-256: names are short, and a collision costs a look at the record inside.
_REALM_DIGITS = 12
_NODE_DIGITS = 16
_SOCKET_SUFFIX = ".sock"

_PRIVATE = 0o700
_UNSET = "$XDG_RUNTIME_DIR is not set"


@dataclass(frozen=True, slots=True)
class Choice:
    """Where the directories of all realms are.

    Attributes:
        base: the directory that holds them.
        why: how it was chosen, for people.
        passed_over: why ``XDG_RUNTIME_DIR``, which is set, is not used; else empty.
    """

    base: Path
    why: str
    passed_over: str = ""

    @property
    def warning(self) -> str:
        """What a person should know of this choice, or nothing."""
        if not self.passed_over:
            return ""
        return f"{self.why}. Instead it is {self.base}, where only nodes with the same choice meet"


def runtime_directory(realm: str) -> Path:
    """The directory of one realm, made if it is missing.

    It lies in ``$XDG_RUNTIME_DIR/zmqwork/``, or in ``zmqwork-<uid>/`` of the system's temporary
    directory where that variable is not set, or cannot be used: `choose` says why.

    Raises:
        TransportError: the directory exists and belongs to somebody else, others may enter it,
            or it cannot be made.
    """
    base = base_directory()
    directory = base / hashed(realm, _REALM_DIGITS)
    make_private(directory)
    return directory


def base_directory() -> Path:
    """The directory that holds those of all realms, made if it is missing.

    Raises:
        TransportError: as `runtime_directory`.
    """
    base = choose().base
    make_private(base)
    return base


def node_stem(node_id: str) -> str:
    """The file name, without suffix, of a node's record and socket."""
    return hashed(node_id, _NODE_DIGITS)


def socket_of(directory: Path, stem: str) -> Path:
    """Where the node of that stem binds its ipc socket."""
    return directory / (stem + _SOCKET_SUFFIX)


def hashed(text: str, digits: int) -> str:
    """Hexadecimal digits that stand for any text: no length, no slash, no encoding to mind."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:digits]


def choose() -> Choice:
    """Which directory holds those of all realms; nothing is made.

    Raises:
        TransportError: every name is too long for a socket's path.
    """
    uid = os.getuid()
    xdg = os.environ.get("XDG_RUNTIME_DIR", "")
    why_not = _unusable(xdg, uid) if xdg else ""
    if xdg and not why_not:
        return Choice(Path(xdg) / "zmqwork", "in $XDG_RUNTIME_DIR")
    why = f"$XDG_RUNTIME_DIR ({xdg!r}) is not used: {why_not}" if xdg else _UNSET
    import tempfile  # noqa: PLC0415 - few need it, and it takes long to load

    # TMPDIR may be long as well (macOS, build systems); the last one is short everywhere.
    for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 - owner and mode are checked
        base = Path(parent) / f"zmqwork-{uid}"
        if _fits(base):
            return Choice(base, why, why_not)
    raise TransportError(f"no directory whose name is short enough for a socket: {base}")


def _unusable(xdg: str, uid: int) -> str:
    """Why the directory of the user's choice cannot be used, or nothing."""
    path = Path(xdg)
    if not path.is_absolute():
        return "it is not an absolute path"
    try:
        return _unusable_directory(path, uid)
    except OSError as error:
        return f"it cannot be looked at ({error.strerror})"


def _unusable_directory(path: Path, uid: int) -> str:
    found = path.stat()
    if not stat.S_ISDIR(found.st_mode):
        return "it is not a directory"
    # `su` and `sudo` leave the variable of the user before.
    if found.st_uid != uid:
        return f"it belongs to user {found.st_uid}, and this process is user {uid}"
    if not os.access(path, os.W_OK | os.X_OK):
        read_only = os.statvfs(path).f_flag & os.ST_RDONLY
        what = "its file system is read-only" if read_only else "its mode"
        return f"it cannot be written ({what})"
    if not _fits(path / "zmqwork"):
        return f"it is too long: a socket's path may have {SOCKET_PATH_BYTES_MAX} bytes"
    return ""


def _fits(base: Path) -> bool:
    longest = socket_of(base / ("f" * _REALM_DIGITS), "f" * _NODE_DIGITS)
    return len(os.fsencode(longest)) <= SOCKET_PATH_BYTES_MAX


def make_private(path: Path) -> None:
    """Make a directory that only this user may enter, if it is missing; or check that it is one.

    Raises:
        TransportError: as `runtime_directory`.
    """
    try:
        path.mkdir(mode=_PRIVATE, exist_ok=True)
        # lstat: a link that somebody put there would lead into a directory of his choice.
        found = path.lstat()
    except OSError as error:
        raise TransportError(f"cannot make the directory {path}: {error.strerror}") from error
    if not stat.S_ISDIR(found.st_mode):
        raise TransportError(f"{path} is not a directory: remove it, or set XDG_RUNTIME_DIR")
    if found.st_uid != os.getuid():
        raise TransportError(
            f"{path} belongs to user {found.st_uid}, and this process is user {os.getuid()}: "
            "somebody else could read the tasks. Set XDG_RUNTIME_DIR to a directory of your own"
        )
    if stat.S_IMODE(found.st_mode) & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        raise TransportError(
            f"{path} has mode {mode:04o}, so other users may enter it: chmod 700 {path}"
        )
