"""How a machine becomes a node of a cluster, or gets newer keys of it: it joins with a bundle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from zmqwork.errors import KeysError
from zmqwork.security import bundle as bundles
from zmqwork.security import contents, files
from zmqwork.security.bundle import Bundle
from zmqwork.security.contents import DISCOVERY_FILE, NEXT_FILE, NODE_FILE, ROSTER_FILE
from zmqwork.security.custody import custody
from zmqwork.security.keyring import Keyring, load
from zmqwork.security.roster import Roster


def join(place: Path, path: Path, *, overwrite: bool = False) -> Keyring:
    """Put the keys of a bundle into a keys directory.

    Keys of the same node of the same cluster are replaced by newer ones; the roster with the higher
    serial stays.

    Args:
        place: the directory; it is made if it is missing.
        path: the bundle.
        overwrite: give up keys of another node or cluster that are there, and newer ones.

    Raises:
        KeysError: the bundle cannot be used, or other keys are there; then nothing has changed.
    """
    bundle = bundles.read(path)
    files.make_directory(place)
    with custody(place):
        if not overwrite:
            bundle = replace(bundle, roster=_newest(place, bundle, path))
        _check_known(bundle, path)
        contents.write_discovery_key(place, bundle.discovery_key)
        contents.write_roster(place, bundle.roster)
        contents.write_node(place / NODE_FILE, bundle.name, bundle.pair)  # last: now it is whole
        (place / NEXT_FILE).unlink(missing_ok=True)
        return load(place)


def _newest(place: Path, bundle: Bundle, path: Path) -> Roster:
    """The bundle's roster, or that of the directory, if it is newer; both of one cluster."""
    theirs = bundle.roster
    what = f"{path} is of {bundle.name} in cluster {theirs.cluster}"
    hint = "--keys DIR keeps both, --overwrite gives up what is there"
    if (place / NODE_FILE).exists():
        name, _ = contents.read_node(place / NODE_FILE)
        if name != bundle.name:
            raise KeysError(f"{place} has the keys of {name}, and {what}: {hint}")
    if not (place / ROSTER_FILE).exists():
        return theirs
    ours = contents.read_roster(place)
    if ours.cluster != theirs.cluster:
        raise KeysError(f"{place} has keys of cluster {ours.cluster}, and {what}: {hint}")
    if (place / DISCOVERY_FILE).exists():
        key = contents.read_discovery_key(place)
        if key != bundle.discovery_key:
            raise KeysError(f"{place} has keys of another cluster {ours.cluster}: {hint}")
    if ours.serial == theirs.serial and ours != theirs:
        raise KeysError(
            f"there are two rosters {ours.serial} of {ours.cluster}, here and in {path}: one of "
            "them was made from an old copy of the other. Change it in one place, and join anew"
        )
    return max(ours, theirs, key=lambda roster: roster.serial)


def _check_known(bundle: Bundle, path: Path) -> None:
    """Refuse a bundle whose time is over, or whose roster does not go with it."""
    member = bundle.roster.find(bundle.name)
    where = f"roster {bundle.roster.serial} of {bundle.roster.cluster}"
    if member is None or all(key.public != bundle.pair.public for key in member.keys):
        raise KeysError(f"{path}: {where} does not know this key of {bundle.name} (any more)")
    if member.revoked:
        raise KeysError(f"{path}: {bundle.name} was revoked, as {where} says")
