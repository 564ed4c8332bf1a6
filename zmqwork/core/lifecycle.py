"""The life of a task and the life of a peer, as data. The pictures in docs/ are drawn from here.

Rule 1: whatever changes a state goes through these tables. Rule 2: late and duplicate messages
are rows, or are dropped before they get here; a missing row is a bug of ours and raises KeyError.
The states are plain strings, because an Enum member hashes in Python code, three times per task.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WAITING: Final = "waiting"
RESTING: Final = "resting"
DISPATCHED: Final = "dispatched"
STARTED: Final = "started"
ASKED: Final = "asked"
SUCCEEDED: Final = "succeeded"
FAILED: Final = "failed"
DEAD: Final = "dead"
CANCELLED: Final = "cancelled"
EXPIRED: Final = "expired"

SETTLED: Final = (SUCCEEDED, FAILED, DEAD, CANCELLED, EXPIRED)
UNSETTLED: Final = (WAITING, RESTING, DISPATCHED, STARTED, ASKED)

# cause -> state -> next state
TASK: Final[Mapping[str, Mapping[str, str]]] = {
    "dispatched": {WAITING: DISPATCHED},
    "started": {DISPATCHED: STARTED},
    "succeeded": {
        DISPATCHED: SUCCEEDED,
        STARTED: SUCCEEDED,
        # The worker that we gave up on had finished after all.
        WAITING: SUCCEEDED,
        RESTING: SUCCEEDED,
        ASKED: SUCCEEDED,
    },
    # The handler raised, and a retry is left, or not.
    "retried": {DISPATCHED: RESTING, STARTED: RESTING},
    "failed": {DISPATCHED: FAILED, STARTED: FAILED},
    # The handler says that it is too early; or whoever submitted it did.
    "snoozed": {DISPATCHED: RESTING, STARTED: RESTING},
    "postponed": {WAITING: RESTING},
    "rested": {RESTING: WAITING},
    # Worker or child gone; `buried` when it was running and the crash limit is reached, or
    # that of rejections.
    "lost": {DISPATCHED: WAITING, STARTED: WAITING},
    "buried": {DISPATCHED: DEAD, STARTED: DEAD},
    # The only worker that may run it is gone.
    "stranded": {WAITING: DEAD, RESTING: DEAD},
    # Its worker cannot run it; another one may.
    "rejected": {DISPATCHED: WAITING, STARTED: WAITING},
    # Given back unstarted, or never arrived.
    "returned": {DISPATCHED: WAITING, STARTED: WAITING},
    # Its worker is gone, and its sink is asked whether it has the result; it has not, or is silent.
    "doubted": {DISPATCHED: ASKED, STARTED: ASKED},
    "missed": {ASKED: WAITING},
    # A worker that we gave up on is back, and holds the attempt still; or we are back, and it does.
    "adopted": {WAITING: DISPATCHED, ASKED: DISPATCHED, RESTING: DISPATCHED},
    # There is no room for it in the journal.
    "refused": {RESTING: FAILED},
    "cancelled": {
        WAITING: CANCELLED,
        RESTING: CANCELLED,
        DISPATCHED: CANCELLED,
        STARTED: CANCELLED,
        ASKED: CANCELLED,
    },
    "expired": {WAITING: EXPIRED, RESTING: EXPIRED, DISPATCHED: EXPIRED, ASKED: EXPIRED},
}

NEW: Final = "new"
ALIVE: Final = "alive"
SUSPECT: Final = "suspect"
LOST: Final = "lost"
REFUSED: Final = "refused"
LEFT: Final = "left"

PEER: Final[Mapping[str, Mapping[str, str]]] = {
    "welcomed": {
        NEW: ALIVE,
        ALIVE: ALIVE,
        SUSPECT: ALIVE,
        LOST: ALIVE,
        REFUSED: ALIVE,
        LEFT: ALIVE,
    },
    "heard": {SUSPECT: ALIVE},
    "silent": {ALIVE: SUSPECT},
    "unlinked": {ALIVE: SUSPECT, SUSPECT: SUSPECT},
    "given_up": {SUSPECT: LOST},
    "refused": {NEW: REFUSED, ALIVE: REFUSED, SUSPECT: REFUSED, LOST: REFUSED, REFUSED: REFUSED,
                LEFT: REFUSED},
    "said_bye": {ALIVE: LEFT, SUSPECT: LEFT},
}  # fmt: skip


def picture(table: Mapping[str, Mapping[str, str]], start: str) -> str:
    """The table as a Mermaid state diagram, the same text for the same table."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for cause, moves in table.items():
        for state, following in moves.items():
            if state != following:
                arrows.setdefault((state, following), []).append(cause)
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {start}"]
    lines += [f"    {a} --> {b}: {', '.join(causes)}" for (a, b), causes in arrows.items()]
    ends = sorted({b for _, b in arrows} - {a for a, _ in arrows})
    lines += [f"    {end} --> [*]" for end in ends]
    return "\n".join([*lines, "```"])
