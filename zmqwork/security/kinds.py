"""What an audit log tells of. Programs may look for these words: they do not change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

AUTH_ACCEPT: Final = "auth.accept"
AUTH_DENY: Final = "auth.deny"
ROLE_VIOLATION: Final = "role.violation"
PEER_SUSPENDED: Final = "peer.suspended"
ROSTER_CHANGE: Final = "roster.change"
ROSTER_REFUSED: Final = "roster.refused"
KEY_REVOKE: Final = "key.revoke"
KEYS_CREATED: Final = "keys.created"
KEYS_JOINED: Final = "keys.joined"
INSECURE_START: Final = "insecure.start"
TASK_QUARANTINE: Final = "task.quarantine"
DISCOVERY_BAD_ENDPOINT: Final = "discovery.bad_endpoint"
LIMIT_HIT: Final = "limit.hit"
SUPPRESSED: Final = "suppressed"

# In words, for people.
KINDS: Mapping[str, str] = {
    AUTH_ACCEPT: "a key was let in",
    AUTH_DENY: "a key was refused; `reason` is not told to it",
    ROLE_VIOLATION: "a key spoke in a role that it does not have, or not as its role may",
    PEER_SUSPENDED: "a key is not heard for a while, because it misbehaved",
    ROSTER_CHANGE: "another roster is in use: its `serial`",
    ROSTER_REFUSED: "a roster could not be used, and the old one stays; `reason` says why",
    KEY_REVOKE: "a key that was valid is not any more, and its links have ended",
    KEYS_CREATED: "`zmqwork keys` made a cluster, a member, a key or a bundle: `reason`",
    KEYS_JOINED: "`zmqwork keys join` made this user a member",
    INSECURE_START: "a node serves others on a network without keys; `endpoints`",
    TASK_QUARANTINE: "a task became a dead letter because its workers died of it",
    DISCOVERY_BAD_ENDPOINT: "somebody is announced where nobody may be, and is not dialled",
    LIMIT_HIT: "a peer reached a limit; `limit` says which",
    SUPPRESSED: "so many records are not here: `count` in all, by `kinds`, and `why`",
}
