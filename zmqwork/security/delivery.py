"""A roster that a peer brings, who has proved to be an admin: `zmqwork keys push`."""

from __future__ import annotations

from zmqwork.errors import KeysError
from zmqwork.security import contents, files
from zmqwork.security.custody import custody
from zmqwork.security.keyring import Keyring
from zmqwork.security.roster import Roster, decode


def take(keyring: Keyring, data: bytes) -> tuple[int, bool]:
    """Put a roster into a node's keys directory, whose nodes then find it there.

    Args:
        keyring: what the node uses now.
        data: the roster's text.

    Returns:
        The serial that the directory has now, and whether it is another one than before.

    Raises:
        KeysError: it cannot be taken, and nothing has changed.
    """
    try:
        roster = decode(data.decode())
    except UnicodeDecodeError:
        raise KeysError("a roster is text in UTF-8") from None
    # The nodes would not read it there.
    files.check_directory(keyring.place)
    # At once or not at all: this is the thread of the node's sockets.
    with custody(keyring.place, patience=0.0):
        there = _there(keyring)
        ours = max((there, keyring.roster), key=lambda known: known.serial if known else 0)
        assert ours is not None
        if roster.cluster != ours.cluster:
            raise KeysError(f"it is of cluster {roster.cluster}, and this node of {ours.cluster}")
        if roster.serial < ours.serial:
            raise KeysError(f"roster {roster.serial} is older than {ours.serial}, which is here")
        if roster.serial == ours.serial and roster != ours:
            raise KeysError(f"another roster {ours.serial} is here: change it in one place only")
        if roster == there:
            return roster.serial, False
        contents.write_roster(keyring.place, roster)
        return roster.serial, True


def _there(keyring: Keyring) -> Roster | None:
    """The roster in the directory; None if it is spoiled, or has nothing to do with this node."""
    try:
        there = contents.read_roster(keyring.place)
    except KeysError:
        return None
    return there if there.cluster == keyring.roster.cluster else None
