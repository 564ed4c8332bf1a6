"""A cluster, as whoever has its keys with the role `admin` makes it and changes it.

Every change is one more serial, made while nobody else changes the directory, and on the disk
before it is told. Other machines hear of it by `keys push`, or by a bundle.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from zmqwork.core.permissions import ADMIN, ROLES, Access
from zmqwork.disk import reason, sync_directory
from zmqwork.errors import KeysError
from zmqwork.security import changes, contents, files
from zmqwork.security.bundle import Bundle
from zmqwork.security.contents import DISCOVERY_KEY_BYTES, NEXT_FILE, NODE_FILE
from zmqwork.security.custody import custody
from zmqwork.security.keyring import Keyring, check_place, is_there, load, today
from zmqwork.security.pairs import Pair, fingerprint, new_pair
from zmqwork.security.roster import Key, Member, Roster, check_cluster_name, check_member_name
from zmqwork.security.undisturbed import undisturbed

# Who is everybody in a cluster with one key.
EVERYBODY = "everybody"


def create(place: Path, cluster: str, name: str, *, shared: bool = False) -> Keyring:
    """Make a cluster whose first member, with all roles, is this node.

    Args:
        place: the keys directory.
        cluster: what people call it.
        name: of the member.
        shared: there is one key, which everybody gets.

    Raises:
        KeysError: there are keys already, or the directory cannot be used.
    """
    check_cluster_name(cluster)
    files.make_directory(place)
    with custody(place):
        _refuse_present(place)
        pair = new_pair()
        first = Member(check_member_name(name), ROLES, (Key(pair.public),))
        contents.write_discovery_key(place, secrets.token_bytes(DISCOVERY_KEY_BYTES))
        contents.write_roster(place, Roster(cluster, 1, (first,), shared))
        contents.write_node(place / NODE_FILE, name, pair)  # last: now it is whole
        return load(place)


def add(place: Path, name: str, roles: Iterable[str], bundle: Path) -> Keyring:
    """Add a member, and write the bundle that its machine joins with.

    Raises:
        KeysError: it cannot be added, this node may not do that, or a file cannot be written; then
            nothing has changed.
    """
    pair = new_pair()
    return _with_bundle(
        place, name, pair, bundle, lambda r: changes.added(r, name, roles, pair.public, today())
    )


def revoke(place: Path, name: str) -> Keyring:
    """Let a member's keys be refused from now on. Raises `KeysError`, as `add`."""
    return _changed(place, name, lambda roster: changes.revoked(roster, name, today()))


def give_roles(place: Path, name: str, roles: Iterable[str]) -> Keyring:
    """Let a member be something else from now on. Raises `KeysError`, as `add`."""
    return _changed(place, name, lambda roster: changes.with_roles(roster, name, roles, today()))


def rotate(place: Path, name: str, overlap: float, bundle: Path) -> Keyring:
    """Give another member a new key, in a bundle; its old ones are good for `overlap` seconds.

    Raises:
        KeysError: as `add`.
    """
    pair = new_pair()
    return _with_bundle(
        place,
        name,
        pair,
        bundle,
        lambda roster: changes.rotated(roster, name, pair.public, overlap, today()),
    )


def rotate_own(place: Path, overlap: float, *, at_once: bool) -> tuple[Keyring, bool]:
    """Give this node a new key; whether it is in use already.

    The others take the new key only when they have heard of it, and they hear of it from whoever
    has the old one. So it waits in NEXT_FILE until `use_next`; unless it is wanted at once, or
    there are no others.

    Raises:
        KeysError: as `add`; or a key waits already.
    """
    with _changing(place, may_wait=at_once) as keyring:
        name, roster, now = keyring.name, keyring.roster, today()
        waiting = next_key(keyring)
        others = any(m.name != name and not m.revoked for m in roster.members)
        used = at_once or not (others or roster.shared)
        if waiting is None:
            if not (overlap or used):
                raise KeysError(
                    "the others hear of the new key from whoever has the old one, so it cannot end "
                    "now; with --now the new one is used at once, and they need a bundle each"
                )
            pair = new_pair()
            roster = changes.rotated(roster, name, pair.public, overlap, now)
            contents.write_node(place / NEXT_FILE, name, pair)
            contents.write_roster(place, roster)
        elif not at_once:
            raise KeysError(
                f"the key {waiting} waits for `zmqwork keys push` already; with --now it is used "
                "without that"
            )
        if used:
            _use_next(place)
        return load(place), used


def next_key(keyring: Keyring) -> str | None:
    """The fingerprint of the key that waits to be this node's; None: none does.

    Raises:
        KeysError: its file cannot be used.
    """
    path = keyring.place / NEXT_FILE
    if not path.exists():
        return None
    _, pair = contents.read_node(path)
    # One that the roster does not know was left by a command that was killed.
    found = fingerprint(pair.public)
    return found if keyring.public_of(found) is not None else None


def use_next(place: Path) -> Keyring:
    """Put the key into use that waits. Raises `KeysError`: none does."""
    with custody(place):
        if next_key(load(place)) is None:
            raise KeysError(f"no key waits in {place}")
        _use_next(place)
        return load(place)


def export(place: Path, bundle: Path) -> Keyring:
    """Write this node's own keys as a bundle. Raises `KeysError`: it is there, or cannot be."""
    keyring = load(place)
    with undisturbed():
        Bundle(keyring.name, keyring.pair, keyring.roster, keyring.discovery_key).write(bundle)
    return keyring


def check_admin(keyring: Keyring) -> None:
    """Raise `KeysError` unless this node may change the roster."""
    access = keyring.accesses().get(keyring.fingerprint)
    if _is_admin(access):
        return
    refused = f"{keyring.name} may not change the roster of {keyring.roster.cluster}"
    if access is None and next_key(keyring) is not None:
        raise KeysError(
            f"{refused}: its key is not valid, and the one that waits is: zmqwork keys rotate --now"
        )
    how = "its key is not valid" if access is None else f"it is {', '.join(sorted(access.roles))}"
    admins = sorted({m.name for _, m in keyring.roster.keys(today()) if ADMIN in m.roles})
    raise KeysError(
        f"{refused}: {how}; it takes a node with the role {ADMIN}: "
        f"{', '.join(admins) or 'there is none'}"
    )


def _is_admin(access: Access | None) -> bool:
    return access is not None and ADMIN in access.roles


@contextmanager
def _changing(place: Path, *, may_wait: bool = False) -> Iterator[Keyring]:
    """Within it, the roster is this node's alone to change.

    Args:
        place: the keys directory.
        may_wait: the key that waits will do. The one in use may have ended meanwhile: by the
            clock, or because a command was killed that was about to put the new one into use.
    """
    check_place(place)
    with custody(place):
        keyring = load(place)
        waiting = next_key(keyring) if may_wait else None
        if waiting is None or not _is_admin(keyring.accesses()[waiting]):
            check_admin(keyring)
        yield keyring


def _changed(place: Path, name: str, change: Callable[[Roster], Roster]) -> Keyring:
    with _changing(place) as keyring:
        roster = change(keyring.roster)
        if name == keyring.name:
            raise KeysError(f"{name} is this node itself: let another one do it that is {ADMIN}")
        contents.write_roster(place, roster)
        return load(place)


def _with_bundle(
    place: Path, name: str, pair: Pair, path: Path, change: Callable[[Roster], Roster]
) -> Keyring:
    with _changing(place) as keyring:
        roster = change(keyring.roster)
        # First, because a member without its secret key is of no use.
        Bundle(name, pair, roster, keyring.discovery_key).write(path)
        try:
            contents.write_roster(place, roster)
        except BaseException:
            # It can be in its place all the same: then the bundle has the only key of a member.
            if contents.read_roster(place) != roster:
                path.unlink(missing_ok=True)
            raise
        return load(place)


def _use_next(place: Path) -> None:
    try:
        (place / NEXT_FILE).replace(place / NODE_FILE)
        sync_directory(place)
    except OSError as error:
        raise KeysError(f"cannot write {place / NODE_FILE}: {reason(error)}") from error


def _refuse_present(place: Path) -> None:
    if not is_there(place):
        return
    if not (place / NODE_FILE).exists():
        roster = contents.read_roster(place)
        if roster.serial == 1 and len(roster.members) == 1:
            return  # of a cluster that was never finished: nobody has its only key
    raise KeysError(f"{place} has keys already: zmqwork keys show")
