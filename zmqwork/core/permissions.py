"""Who may say what: one table of roles and verbs, and deny by default.

A node speaks in one **role**, which its HELLO or WELCOME claims. Where there are keys, the key that
its link has proved must have that role in the roster; without keys the claim stands alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from zmqwork.core.delivery import End, Ended, Floor, Has, Have, Results, ResultsAck, Route
from zmqwork.core.messages import (
    Bye,
    Cancel,
    Credit,
    Demand,
    Done,
    DoneAck,
    Draining,
    Hello,
    Info,
    Message,
    Ping,
    Pong,
    Recall,
    Refused,
    Return,
    Started,
    Status,
    Tasks,
    Welcome,
)
from zmqwork.core.orders import Order, Ordered
from zmqwork.core.progress import Parts, PartsAck, Progress

PRODUCER: Final = "producer"
WORKER: Final = "worker"
SINK: Final = "sink"
OBSERVER: Final = "observer"
# No node is one: an observer whose key has this role may give orders.
ADMIN: Final = "admin"

ROLES: Final = (PRODUCER, WORKER, SINK, OBSERVER, ADMIN)


@dataclass(frozen=True, slots=True)
class Access:
    """What the roster says of a key.

    Attributes:
        name: of the member that has it.
        roles: those in which it may speak.
    """

    name: str
    roles: frozenset[str]

    def may_be(self, role: str) -> bool:
        """Whether a node with this key may have that role; whoever may order may look, too."""
        return role != ADMIN and (role in self.roles or (role == OBSERVER and self.may_order))

    @property
    def may_order(self) -> bool:
        """Whether an observer with this key may give orders."""
        return ADMIN in self.roles


Verbs = frozenset[type[Message]]

_DIALS: Verbs = frozenset({Hello, Ping, Pong, Bye})
_ANSWERS: Verbs = frozenset({Welcome, Refused, Ping, Pong, Bye})
_ASKS: Verbs = _DIALS | {Info}

# What any two nodes may say that meet by mistake, and part again: where there are no keys.
GREETINGS: Verbs = _DIALS | _ANSWERS

# (who speaks, to whom): what may be said. Pairs that do not stand here have nothing to say.
SAYS: Mapping[tuple[str, str], Verbs] = {
    # Connecting sides.
    (PRODUCER, WORKER): _DIALS | {Demand, Tasks, DoneAck, Recall, Cancel, PartsAck, Route},
    (PRODUCER, SINK): _DIALS | {Have, Floor, End},
    (WORKER, SINK): _DIALS | {Results},
    (OBSERVER, PRODUCER): _ASKS,
    (OBSERVER, WORKER): _ASKS,
    (OBSERVER, SINK): _ASKS,
    (ADMIN, PRODUCER): _ASKS | {Order},
    (ADMIN, WORKER): _ASKS | {Order},
    (ADMIN, SINK): _ASKS | {Order},
    # Bound sides.
    (WORKER, PRODUCER): _ANSWERS | {Credit, Started, Done, Return, Draining, Progress, Parts},
    (SINK, PRODUCER): _ANSWERS | {Has, Ended, Draining},
    (SINK, WORKER): _ANSWERS | {Credit, ResultsAck, Draining},
    (PRODUCER, OBSERVER): _ANSWERS | {Status, Ordered, Draining},
    (WORKER, OBSERVER): _ANSWERS | {Status, Ordered, Draining},
    (SINK, OBSERVER): _ANSWERS | {Status, Ordered, Draining},
}

_NONE: Verbs = frozenset()


def verbs(speaker: str, listener: str) -> Verbs:
    """What a node of role `speaker` may say to one of role `listener`."""
    return SAYS.get((speaker, listener), _NONE)


def admitted(listener: str) -> frozenset[str]:
    """The roles whose nodes may dial a node of that role."""
    return frozenset(
        speaker for (speaker, heard), says in SAYS.items() if heard == listener and Hello in says
    )
