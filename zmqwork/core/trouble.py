"""What goes wrong with a task before it ends, by cause, with the evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

EVIDENCE_MAX = 10

# A task that so many workers have rejected is dead: it is no fault of theirs.
REJECTIONS_MAX = 16

# Workers that were given up on with attempts of one task, and may come back.
HOLDERS_MAX = 16

# Causes of a crash.
WORKER_LOST = "worker lost"
CHILD_DIED = "child died"
# What a worker tells of a child that died: how, the processor time and memory that it had used, and
# its last words.
EVIDENCE = ("signal", "exit_code", "cpu_seconds", "memory_mib", "stderr")
# And of a rejection.
REJECTED_THERE = "rejected"


@dataclass(slots=True)
class Trouble:
    """What went wrong with a task so far; few tasks have one.

    Attributes:
        failures: attempts whose handler raised.
        crashes: attempts that were running when their worker or child died.
        losses: attempts that ended with their worker, running or not.
        rejections: attempts whose handler said that its worker cannot run it.
        lost_at: when the last attempt was lost, until the next one starts.
        lost_attempt: which that was, if its worker may come back with it; else -1.
        moved: whether its result was to go elsewhere, or under another number, when it was
            dispatched first.
        evidence: one record per crash, failure or rejection, at most EVIDENCE_MAX, the newest.
        inherited: so many of these, the first, are of earlier processes: their attempts had the
            numbers that later ones have again.
        counted: whether the next failure is one that an earlier process has counted, perhaps.
        holders: the node ids of workers that were given up on with an attempt: its result may come
            yet. Bound: HOLDERS_MAX, the latest.
    """

    failures: int = 0
    crashes: int = 0
    losses: int = 0
    rejections: int = 0
    lost_at: float | None = None
    lost_attempt: int = -1
    moved: bool = False
    evidence: list[dict[str, Any]] = field(default_factory=list)
    inherited: int = 0
    counted: bool = False
    holders: tuple[str, ...] = ()

    @property
    def is_counted(self) -> bool:
        """Whether any attempt counts against the task."""
        return bool(self.failures or self.crashes or self.rejections)

    def lost_by(self, node_id: str) -> None:
        """This worker was given up on with an attempt."""
        self.holders = (*self.holders, node_id)[-HOLDERS_MAX:]

    def note(self, record: dict[str, Any]) -> None:
        """Keep a piece of evidence."""
        self.evidence.append(record)
        if len(self.evidence) > EVIDENCE_MAX:
            del self.evidence[0]
            self.inherited = max(0, self.inherited - 1)

    def absolve(self, attempt: int) -> None:
        """The worker of this attempt was not lost after all: it is no crash."""
        for record in self.evidence[self.inherited :]:
            if record["cause"] == WORKER_LOST and record["attempt"] == attempt:
                self.evidence.remove(record)
                self.crashes -= 1
                return
