"""What a node's own key may not be: others refuse it, and its owner wonders why."""

from __future__ import annotations

from zmqwork.core.permissions import ROLES
from zmqwork.security.keyring import Watched


def objection(keys: Watched, role: str) -> str:
    """Why others will refuse this node in that role, and what helps; empty: they will not.

    It knows its own roster alone: another machine may have a newer one.
    """
    keyring = keys.keyring
    access = keys.accesses.get(keyring.fingerprint)
    if access is None or access.may_be(role):
        return ""  # (Of a key that is not there at all, `keys check` tells more.)
    name, roster = keyring.name, keyring.roster
    roles = [known for known in ROLES if known in access.roles]
    return (
        f"the key of this node, {name}, may not be {role}, so others refuse it: in roster "
        f"{roster.serial} of {roster.cluster} it is {', '.join(roles)}; on a machine of an admin: "
        f"zmqwork keys roles {name} --role {','.join([*roles, role])} && zmqwork keys push"
    )
