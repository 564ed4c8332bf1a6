"""A roster that an observer has brought: looked at, and kept where this node's keys are."""

from __future__ import annotations

import logging

from zmqwork.core.effects import TakeRoster
from zmqwork.core.events import RosterTaken
from zmqwork.errors import KeysError
from zmqwork.security import delivery
from zmqwork.security.keyring import Watched

_log = logging.getLogger("zmqwork")


def take_roster(keys: Watched | None, effect: TakeRoster) -> RosterTaken:
    """Perform a `TakeRoster`; the node finds the file by itself, like all others that use it."""
    if keys is None:
        return RosterTaken(effect.request, "this node has no keys, and so no use for a roster")
    before = keys.keyring.roster.serial
    try:
        serial, written = delivery.take(keys.keyring, effect.text)
    except KeysError as error:
        return RosterTaken(effect.request, str(error))
    except Exception:  # noqa: BLE001 - it came from elsewhere, and must not end this node
        _log.exception("a roster could not be looked at")
        return RosterTaken(effect.request, "it could not be looked at: the log says why")
    return RosterTaken(effect.request, "", before, serial, written)
