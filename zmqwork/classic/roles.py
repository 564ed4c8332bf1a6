"""Who may do what in a classic pipeline, where there are keys: what is not here is refused.

The roles are those of the roster. A ventilator is a producer, whoever it is that runs one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from zmqwork.core.permissions import PRODUCER, SINK, WORKER, Access
from zmqwork.security.keyring import Watched
from zmqwork.security.pairs import fingerprint
from zmqwork.wire.pipeline import End, Mark, Results, Start

# What is bound, beside the SINK of a sink.
VENTILATOR: Final = "ventilator"
CONTROL: Final = "control"

_NOBODY: frozenset[str] = frozenset()

# The role of an end: those whose keys may connect to what it binds. (A ventilator tells sinks START
# and END. Its own control endpoint is heard by workers; a sink's by ventilators too, if they like.)
ADMITTED: Mapping[str, frozenset[str]] = {
    PRODUCER: frozenset({WORKER}),
    SINK: frozenset({WORKER, PRODUCER}),
    WORKER: _NOBODY,
}

# What is dialled: those whose keys may be there. Whoever binds the control endpoint ends workers.
EXPECTED: Mapping[str, frozenset[str]] = {
    VENTILATOR: frozenset({PRODUCER}),
    SINK: frozenset({SINK}),
    CONTROL: frozenset({PRODUCER, SINK}),
}

# What a sink may be told: by whom.
SAYS: Mapping[type[Mark], frozenset[str]] = {
    Start: frozenset({PRODUCER}),
    End: frozenset({PRODUCER}),
    Results: frozenset({WORKER}),
}


def has_one(access: Access | None, roles: frozenset[str]) -> bool:
    """Whether a key with this access may be one of these."""
    return access is not None and any(access.may_be(role) for role in roles)


def may_be_at(keys: Watched, public: str, what: str) -> bool:
    """Whether this public key may be at what is dialled."""
    return has_one(keys.accesses.get(fingerprint(public)), EXPECTED[what])


def may_say(keys: Watched, key: str, kind: type[Mark] | None) -> bool:
    """Whether the key with this fingerprint may say that to a sink; None: a raw message."""
    roles = ADMITTED[SINK] if kind is None else SAYS.get(kind, _NOBODY)
    return has_one(keys.accesses.get(key), roles)
