"""Files that hold secrets: written whole or not at all, read only if nobody else can.

As ssh does it, a file that others can read, or that somebody else owns, is refused: whoever could
write it would decide whom this node trusts.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path

from zmqwork.disk import sync_directory
from zmqwork.errors import KeysError

_PRIVATE_FILE = 0o600
_PRIVATE_DIRECTORY = 0o700
_OTHERS = 0o077


def expanded(text: str | os.PathLike[str]) -> Path:
    """The path that a person means, who may have written ~.

    Raises:
        KeysError: there is no such user, or this one has no home.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise KeysError(f"{os.fspath(text)} leads to the home of a user who has none") from None


def make_directory(path: Path) -> None:
    """Make a directory for secrets, if it is missing; or check that it is fit.

    Raises:
        KeysError: others may enter it, somebody else owns it, or it cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=_PRIVATE_DIRECTORY, exist_ok=True)
    except OSError as error:
        raise KeysError(f"cannot make {path}: {error.strerror}") from error
    check_directory(path)


def check_directory(path: Path) -> None:
    """Raise `KeysError` unless this user alone can enter the directory."""
    try:
        found = path.stat()
    except OSError as error:
        raise KeysError(f"cannot look at {path}: {error.strerror}") from error
    if not stat.S_ISDIR(found.st_mode):
        raise KeysError(f"{path} is no directory")
    _check_owner(path, found)
    if found.st_mode & _OTHERS:
        raise KeysError(f"others may enter {path}: chmod 700 {path}")


def read(path: Path, bytes_max: int) -> str:
    """The text of a secret file.

    Raises:
        KeysError: it is missing, a link, too long, no text, or not this user's alone.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise KeysError(f"cannot read {path}: {_reason(error)}") from error
    try:
        check_file(path, fd)
        with open(fd, "rb", closefd=False) as file:
            data = file.read(bytes_max + 1)
    finally:
        os.close(fd)
    if len(data) > bytes_max:
        raise KeysError(f"{path} is longer than the {bytes_max} bytes that it may have")
    text = data.decode(errors="replace")
    # (The error of a strict decoding has the data, which may be secret.)
    if "\ufffd" in text:
        raise KeysError(f"{path} is no text")
    return text


def check_file(path: Path, fd: int) -> None:
    """Raise `KeysError` unless what is open here is a file that this user alone can use."""
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        raise KeysError(f"{path} is no file")
    _check_owner(path, found)
    if found.st_mode & _OTHERS:
        raise KeysError(f"others can read {path}: chmod 600 {path}")


def write(path: Path, text: str, *, replace: bool = True) -> None:
    """Write a secret file: the old one or the new one is there, whatever happens.

    Raises:
        KeysError: it cannot be written; or it is there, and not to be replaced.
    """
    if not path.name:
        raise KeysError(f"{path} is a directory, and no file")
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE_FILE)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(fd)
            if replace:
                draft.replace(path)
            else:
                os.link(draft, path)
            sync_directory(path.parent)
        finally:
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()
    except FileExistsError as error:
        raise KeysError(
            f"{path} is there already, and is not overwritten: remove it, or choose another name"
        ) from error
    except OSError as error:
        raise KeysError(f"cannot write {path}: {_reason(error)}") from error


def _check_owner(path: Path, found: os.stat_result) -> None:
    if found.st_uid != os.getuid():
        raise KeysError(
            f"{path} belongs to user {found.st_uid}, and this process is user {os.getuid()}"
        )


def _reason(error: OSError) -> str:
    if error.errno == errno.ELOOP:  # by O_NOFOLLOW
        return "it is a symbolic link, which is not followed"
    return str(error.strerror)
