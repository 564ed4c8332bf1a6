"""A node's keyring: its own key, and the roster that says whom it trusts; read from a directory.

::

    $XDG_CONFIG_HOME/zmqwork/keys/      0700; or where ZMQWORK_KEYS, or an option, says
        node.toml                       0600: the name and the key pair of this node
        roster.toml                     0600: whom it trusts
        discovery.key                   0600: seals what is said by mDNS
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from zmqwork.config import NO_KEYS
from zmqwork.core.permissions import Access
from zmqwork.errors import KeysError
from zmqwork.security import contents, files
from zmqwork.security.contents import DISCOVERY_FILE, NODE_FILE, ROSTER_FILE
from zmqwork.security.cores import forbid_core_dumps
from zmqwork.security.pairs import Pair, fingerprint
from zmqwork.security.roster import Roster

KEYS_VARIABLE = "ZMQWORK_KEYS"

# What to do where there are no keys.
MAKE_KEYS = "zmqwork keys init, or zmqwork keys join FILE"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Keyring:
    """What a node has of its cluster.

    Attributes:
        place: the directory.
        name: of the member that it is.
        pair: its own key.
        roster: whom it trusts.
        discovery_key: seals what is said by mDNS: DISCOVERY_KEY_BYTES.
    """

    place: Path
    name: str
    pair: Pair
    roster: Roster
    discovery_key: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Of its own key."""
        return fingerprint(self.pair.public)

    def accesses(self) -> dict[str, Access]:
        """What each key that is valid now may be, by its fingerprint; `Watched` keeps it."""
        return self.roster.accesses(today())

    def public_of(self, key: str) -> str | None:
        """The public key of this fingerprint, if it is valid now."""
        for known, _ in self.roster.keys(today()):
            if known.fingerprint == key:
                return known.public
        return None


def today() -> float:
    """Seconds since 1970."""
    # Until when a key is valid must mean the same after a restart, and on other machines.
    return time.time()  # noqa: TID251


def keys_of(place: str | os.PathLike[str] | bool | None = None) -> Watched | None:
    """The keyring of a node that is about to be made; None: it has no keys.

    Args:
        place: the directory; None or True: `default_place`, if there are keys in it; False: none.

    Raises:
        KeysError: keys are there, and cannot be used; or they are not where they should be.
    """
    if place is False or (place is None and os.environ.get(KEYS_VARIABLE) == NO_KEYS):
        return None
    usual = place is None or place is True
    chosen = default_place() if usual else files.expanded(cast("str", place))
    if is_there(chosen):
        return Watched(chosen)
    if place is not None or os.environ.get(KEYS_VARIABLE):
        raise KeysError(f"there are no keys in {chosen}: {MAKE_KEYS}")
    return None


@contextmanager
def using(place: str) -> Iterator[None]:
    """Let what is made and started within the block use these keys; NO_KEYS: none."""
    before = os.environ.get(KEYS_VARIABLE)
    os.environ[KEYS_VARIABLE] = place
    try:
        yield
    finally:
        if before is None:
            del os.environ[KEYS_VARIABLE]
        else:
            os.environ[KEYS_VARIABLE] = before


def default_place() -> Path:
    """Where the keys of this user are, or would be: ZMQWORK_KEYS, or the directory above.

    Raises:
        KeysError: this user has no home.
    """
    named = os.environ.get(KEYS_VARIABLE)
    if named and named != NO_KEYS:
        return files.expanded(named)
    config = os.environ.get("XDG_CONFIG_HOME", "")
    base = Path(config) if config.startswith("/") else files.expanded("~/.config")
    return base / "zmqwork" / "keys"


def is_there(place: Path) -> bool:
    """Whether a directory has keys; one that was begun and not finished has."""
    return any((place / name).exists() for name in (NODE_FILE, ROSTER_FILE))


def check_place(place: Path) -> None:
    """Check that keys are there, in a directory that this user alone can enter.

    Raises:
        KeysError: they are not, and what to do.
    """
    if place.is_dir():
        files.check_directory(place)
    if not is_there(place):
        raise KeysError(f"there are no keys in {place}: {MAKE_KEYS}")


def load(place: Path) -> Keyring:
    """Read a node's keyring.

    Raises:
        KeysError: a file is missing, unsafe or wrong, and which. No secret is in the text, or in
            what a crash report shows of the error.
    """
    forbid_core_dumps()
    check_place(place)
    name, pair = _guarded(lambda: contents.read_node(place / NODE_FILE))
    roster = contents.read_roster(place)
    discovery_key = _guarded(lambda: contents.read_discovery_key(place))
    return Keyring(place, name, pair, roster, discovery_key)


def _guarded(read: Callable[[], T]) -> T:
    """What `read` gives; an error of it leads to no frame whose variables hold a secret."""
    try:
        return read()
    except KeysError as error:
        text = str(error)
    raise KeysError(text)


_Stamp = tuple[tuple[int, ...] | None, ...]


class Watched:
    """The keyring of a running node, read again when its files change.

    A change that cannot be used changes nothing: the old keys stay, and `trouble` says why. So
    does a roster with a lower serial: revoked nodes would be back.

    Attributes:
        keyring: what is in use.
        accesses: what each key may be, by its fingerprint.
        trouble: what is wrong with the files; empty: nothing.
    """

    def __init__(self, place: Path, read: Callable[[Path], Keyring] = load) -> None:
        self._place = place
        self._read = read
        self._stamp = self._look()
        self.keyring = read(place)
        self.trouble = ""
        self._permit()

    def describe(self) -> dict[str, Any]:
        """For the status of its node: who it is, in which roster, and what is wrong."""
        keyring = self.keyring
        return {
            "member": keyring.name,
            "fingerprint": keyring.fingerprint,
            "cluster": keyring.roster.cluster,
            "serial": keyring.roster.serial,
            "trouble": self.trouble,
        }

    def poll(self) -> bool:
        """Look at the files; whether `keyring`, `accesses` or `trouble` is another one now."""
        stamp = self._look()
        if stamp != self._stamp:
            self._stamp = stamp
            self._take()
        elif self._permitted_at <= today() < self._ends_at:
            return False
        self._permit()
        return True

    def _permit(self) -> None:
        now = today()
        self.accesses = self.keyring.roster.accesses(now)
        self._ends_at = self.keyring.roster.ends_at(now)
        # Before that the wall clock was set back: a key that had ended by it may be good again.
        self._permitted_at = now

    def _take(self) -> None:
        try:
            fresh = self._read(self._place)
        except KeysError as error:
            self.trouble = str(error)
            return
        except Exception as error:  # noqa: BLE001 - a file must not end a node that runs
            self.trouble = f"the keys cannot be read: {type(error).__name__}"
            return
        old, new = self.keyring.roster, fresh.roster
        if new.cluster != old.cluster:
            self.trouble = f"the roster is of cluster {new.cluster!r}, not of {old.cluster!r}"
        elif new.serial < old.serial:
            self.trouble = f"the roster has serial {new.serial}, which is older than {old.serial}"
        elif new.serial == old.serial and new != old:
            self.trouble = f"the roster has changed, and its serial {new.serial} has not"
        else:
            self.trouble = ""
            self.keyring = fresh

    def _look(self) -> _Stamp:
        paths = (self._place / name for name in (NODE_FILE, ROSTER_FILE, DISCOVERY_FILE))
        return (_rights(self._place), *map(_stamp, paths))


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode, found.st_uid


def _rights(directory: Path) -> tuple[int, ...] | None:
    """Whoever follows the advice of an error and changes these waits for the node to see it."""
    try:
        found = directory.stat()
    except OSError:
        return None
    return found.st_mode, found.st_uid
