"""Why a task is dead, from the evidence of its attempts."""

from __future__ import annotations

from zmqwork.core.trouble import REJECTED_THERE, WORKER_LOST, Trouble

_REASON_CHARACTERS_MAX = 100


def crashes(trouble: Trouble) -> str:
    """What killed a task's workers, as one line."""
    causes = []
    for record in trouble.evidence:
        if "signal" in record:
            causes.append(f"child died by {record['signal']} on {record['worker']}")
        elif "exit_code" in record:
            causes.append(f"child exited with {record['exit_code']} on {record['worker']}")
        elif record["cause"] == WORKER_LOST:
            causes.append(f"worker {record['worker']} was lost")
    return f"{trouble.crashes} of its attempts ended in a crash ({'; '.join(causes)})"


def rejections(trouble: Trouble) -> str:
    """Why its workers would not run a task, as one line."""
    said = [
        f"{record['worker']}: {record['text'][:_REASON_CHARACTERS_MAX]}"
        for record in trouble.evidence
        if record["cause"] == REJECTED_THERE
    ]
    return f"{trouble.rejections} of its attempts were rejected ({'; '.join(said)})"
