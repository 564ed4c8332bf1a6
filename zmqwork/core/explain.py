"""Why a task is not running, in words: pure text from what the producer's machine knows."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from zmqwork.config import ProducerConfig
from zmqwork.core.dialer import Dialer
from zmqwork.core.functions import ANY, SEPARATOR, allows
from zmqwork.core.lanes import Lane, Lanes
from zmqwork.core.ledger import WORKER_LOST, Entry, Trouble
from zmqwork.core.lifecycle import DISPATCHED, RESTING, STARTED
from zmqwork.core.workers import Workforce

if TYPE_CHECKING:
    from zmqwork.core.books import Books

_NAMES_SHOWN = 5


def peers(dialer: Dialer) -> dict[str, int]:
    """How many known peers are in each state."""
    counts: dict[str, int] = {}
    for peer in dialer.peers.values():
        counts[peer.state] = counts.get(peer.state, 0) + 1
    return counts


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


def lane(waiting: Lane, workforce: Workforce, dialer: Dialer) -> tuple[str, str]:
    """Why nobody serves this lane: (kind of notice, text)."""
    name = waiting.name.removesuffix("[]")  # of chunks of `map` the items are counted
    is_function = waiting.fingerprint == ANY
    what = "function" if is_function else "task"
    head = f"{waiting.item_count()} x {what} {name!r} (queue {waiting.queue!r})"
    refused = sorted({p.refusal for p in dialer.peers.values() if p.refusal})
    if not len(workforce):
        states = ", ".join(f"{count} {state}" for state, count in peers(dialer).items()) or "none"
        text = f"{head} wait: no worker was found (peers known: {states})"
        hint = "start one with: zmqwork worker " + (
            _allowing(name) if is_function else "MODULE:APP"
        )
        return "no_worker", "; ".join([text, *(f"refused: {why}" for why in refused), hint])
    if is_function:
        return _refused(head, name, waiting.queue, workforce)
    known = sorted({name for group in workforce.groups.values() for name in group.tasks})
    if waiting.name not in known:
        near = difflib.get_close_matches(waiting.name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else _listed(known)
        return "unknown_task", f"{head} wait: no worker knows this task; {hint}"
    prints = {group.tasks.get(waiting.name) for group in workforce.groups.values()}
    if waiting.fingerprint not in prints:
        return "other_signature", (
            f"{head} wait: workers know it with another signature; restart them with the same "
            "version of the code"
        )
    return "no_worker", f"{head} wait: no worker serves this queue together with this task"


def _refused(head: str, name: str, queue: str, workforce: Workforce) -> tuple[str, str]:
    allowed = {pattern: None for group in workforce.groups.values() for pattern in group.patterns}
    if allows(allowed, name):
        return "no_worker", f"{head} wait: workers that allow it do not serve queue {queue!r}"
    text = f"{head} wait: no worker allows this function; {_listed(list(allowed), 'allowed')}"
    return "unknown_task", f"{text}; start one with: zmqwork worker {_allowing(name)}"


def _allowing(name: str) -> str:
    return f"--allow '{name.partition(SEPARATOR)[0]}.*'"


def _listed(names: list[str], known: str = "known") -> str:
    names = [name for name in names if not name.endswith("[]")]
    shown = ", ".join(repr(name) for name in names[:_NAMES_SHOWN])
    more = "" if len(names) <= _NAMES_SHOWN else f" and {len(names) - _NAMES_SHOWN} more"
    return f"{known} are {shown}{more}" if names else f"none are {known}"


def entry(
    task: Entry | None, lanes: Lanes, workforce: Workforce, dialer: Dialer, now: float
) -> dict[str, Any]:
    """What is known of one task: ``state``, ``text``, ``attempt``, ``no_worker``."""
    if task is None:
        return {"state": "settled", "text": "it is settled", "attempt": 0, "no_worker": False}
    about: dict[str, Any] = {"state": task.state, "attempt": task.attempt, "no_worker": False}
    if task.state == RESTING:
        why = task.trouble.evidence[-1] if task.trouble and task.trouble.evidence else {}
        about["text"] = (
            f"attempt {task.attempt} failed ({why.get('type')}: {why.get('text')}); "
            "a retry is due soon"
        )
    elif task.state in (DISPATCHED, STARTED) and task.worker is not None:
        verb = "runs on" if task.state == STARTED else "is queued at"
        about["text"] = f"attempt {task.attempt} {verb} worker {task.worker.label}"
    else:
        waiting = lanes.of(task.spec)
        if any(group.serves(waiting) for group in workforce.groups.values()):
            about["text"] = "it waits for a free slot"
        else:
            about["no_worker"] = True
            about["text"] = lane(waiting, workforce, dialer)[1]
    del now
    return about


def status(config: ProducerConfig, books: Books) -> dict[str, Any]:
    """What a producer says of itself; plain values. O(n): for people."""
    return {
        "node_id": config.node_id,
        "name": config.name,
        "role": "producer",
        "realm": config.realm,
        "host": config.host,
        "pid": config.pid,
        "version": config.version,
        "tasks_by_state": books.ledger.counts() | books.ledger.settled_counts,
        "workers": [
            {
                "node_id": worker.node_id,
                "name": worker.name,
                "state": worker.peer.state,
                "held": len(worker.held),
                "credit": worker.limit,
                "slots": worker.slots,
                "done": worker.done,
            }
            for worker in books.workforce
        ],
        "peers": peers(books.dialer),
        "counters": dict(books.counters),
    }
