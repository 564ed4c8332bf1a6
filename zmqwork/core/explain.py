"""What a producer says of its tasks, and of itself: plain values and words, for people.

Pure: all of it is read from the books. What is O(n) here is asked by people, not in the hot path.
"""

from __future__ import annotations

import difflib
from bisect import bisect
from typing import TYPE_CHECKING, Any

from zmqwork.config import ProducerConfig
from zmqwork.core import explain_outlets
from zmqwork.core.advice import SEE_DOCTOR, advice, serving
from zmqwork.core.dialer import Dialer
from zmqwork.core.functions import ANY, SEPARATOR, allows
from zmqwork.core.lanes import Lane
from zmqwork.core.ledger import Entry
from zmqwork.core.lifecycle import ALIVE, ASKED, DISPATCHED, RESTING, STARTED, SUCCEEDED, WAITING
from zmqwork.core.peer import Peer
from zmqwork.core.trouble import Trouble
from zmqwork.core.workers import Group, Worker, Workforce

if TYPE_CHECKING:
    from zmqwork.core.books import Books

_NAMES_SHOWN = 5
# With more names than this only those are looked at that begin alike.
_NAMES_COMPARED = 128
# In one explanation: a screen holds no more, and the message stays small.
_WORKERS_SHOWN = 100
_REFUSALS_SHOWN = 20
_LANES_SHOWN = 50
_TEXT_CHARACTERS_MAX = 300


def peers(dialer: Dialer) -> dict[str, int]:
    """How many known peers are in each state."""
    counts: dict[str, int] = {}
    for peer in dialer.peers.values():
        counts[peer.state] = counts.get(peer.state, 0) + 1
    return counts


def lane(waiting: Lane, books: Books) -> tuple[str, str]:
    """Why nobody serves this lane: (kind of notice, text), both empty if somebody does.

    Without a kind nobody needs to be told: it was asked for.
    """
    if waiting.queue in books.paused:
        what = f"{waiting.item_count()} x task {_plain(waiting.name)!r}"
        return "", f"{what} wait: queue {waiting.queue!r} is paused"
    if any(group.serves(waiting) for group in books.workforce.groups.values()):
        lack = explain_outlets.lack(waiting, books.outlets)
        what = f"{waiting.item_count()} x task {_plain(waiting.name)!r} wait: {lack}"
        return ("no_sink", f"{what}; start one with: zmqwork sink") if lack else ("", "")
    return _unserved(waiting, books.workforce, books.dialer)


def _unserved(waiting: Lane, workforce: Workforce, dialer: Dialer) -> tuple[str, str]:
    name = _plain(waiting.name)  # of chunks of `map` the items are counted
    is_function = waiting.fingerprint == ANY
    what = "function" if is_function else "task"
    head = f"{waiting.item_count()} x {what} {name!r} (queue {waiting.queue!r})"
    refused = sorted({_said(p) for p in dialer.peers.values() if p.refusal})[:_NAMES_SHOWN]
    if not len(workforce):
        states = ", ".join(f"{count} {state}" for state, count in peers(dialer).items()) or "none"
        text = f"{head} wait: no worker was found (peers known: {states})"
        hint = SEE_DOCTOR
        if not refused:
            worker = _allowing(name) if is_function else serving(_plain(name), "NAME")
            hint = f"start one with: zmqwork worker {worker}"
        return "no_worker", "; ".join([text, *(f"refused: {why}" for why in refused), hint])
    able = [group for group in workforce.groups.values() if group.runs(waiting)]
    if able:
        return _barred(head, waiting, able)
    if is_function:
        return _refused(head, name, waiting.queue, workforce)
    known = sorted({name for group in workforce.groups.values() for name in group.tasks})
    if waiting.name not in known:
        hint = _nearest(waiting.name, known)
        return "unknown_task", f"{head} wait: no worker knows this task; {hint}"
    prints = {group.tasks.get(waiting.name) for group in workforce.groups.values()}
    if waiting.fingerprint not in prints:
        return "other_signature", (
            f"{head} wait: workers know it with another signature; restart them with the same "
            "version of the code"
        )
    return "no_worker", f"{head} wait: no worker serves this queue together with this task"


def _barred(head: str, waiting: Lane, able: list[Group]) -> tuple[str, str]:
    """Why those that know the task do not run it."""
    if waiting.unfit and any(group.delivers or not waiting.to_sink for group in able):
        return "rejected", (
            f"{head} wait: each worker that could run it has rejected it ({len(waiting.unfit)} "
            "have so far); mend what their handlers complain of, and start another worker"
        )
    return "no_worker", (
        f"{head} wait: the workers bring no results to sinks; start one of this version of zmqwork"
    )


def _refused(head: str, name: str, queue: str, workforce: Workforce) -> tuple[str, str]:
    allowed = {pattern: None for group in workforce.groups.values() for pattern in group.patterns}
    if allows(allowed, name):
        return "no_worker", f"{head} wait: workers that allow it do not serve queue {queue!r}"
    text = f"{head} wait: no worker allows this function; {_listed(list(allowed), 'allowed')}"
    return "unknown_task", f"{text}; start one with: zmqwork worker {_allowing(name)}"


def _allowing(name: str) -> str:
    return f"--allow '{name.partition(SEPARATOR)[0]}.*'"


def _plain(name: str) -> str:
    """The user's name of a task, or of the one whose calls `map` has put into chunks."""
    return name.removesuffix("[]")


def _nearest(name: str, known: list[str]) -> str:
    """What could have been meant; `known` is sorted.

    Comparing takes half a millisecond for two long names, and workers may have 20,000 of them.
    """
    at = bisect(known, name) if len(known) > _NAMES_COMPARED else 0
    compared = known[max(0, at - _NAMES_COMPARED // 2) :][:_NAMES_COMPARED]
    near = difflib.get_close_matches(name, compared, n=1)
    return f"did you mean {_plain(near[0])!r}?" if near else _listed(known)


def _listed(names: list[str], known: str = "known") -> str:
    names = [name for name in names if not name.endswith("[]")]
    shown = ", ".join(repr(name) for name in names[:_NAMES_SHOWN])
    more = "" if len(names) <= _NAMES_SHOWN else f" and {len(names) - _NAMES_SHOWN} more"
    return f"{known} are {shown}{more}" if names else f"none are {known}"


# -- one task ---------------------------------------------------------------------------------


def task(seq: int, books: Books, now: float) -> dict[str, Any]:
    """What is known of one task, and why it does not run.

    Always: ``seq``, ``state`` (one of `lifecycle`'s, ``settled`` if no more than that is known,
    ``unknown``), ``text`` (one line), ``attempt``, ``no_worker`` (nobody connected could run it).

    Of one that is unsettled also: ``task``, ``queue``, ``is_chunk``, ``failures``,
    ``max_retries``, ``crashes``, ``crash_limit``, ``losses``, ``rejections``, ``evidence``,
    ``waiting`` (how many wait in its lane), ``retry_in`` and ``expires_in`` (seconds, or None),
    ``held_by``, ``workers`` (each connected one, and what it is to this task), ``peers``,
    ``refusals``, and ``advice``.
    """
    entry = books.ledger.get(seq)
    if entry is None:
        return _ended(seq, books)
    waiting = books.lanes.of(entry.spec)
    options = entry.spec.options
    served = bool(waiting.node) or any(
        group.serves(waiting) for group in books.workforce.groups.values()
    )
    trouble = entry.trouble or Trouble()
    about: dict[str, Any] = {
        "seq": seq,
        "task": _plain(waiting.name),
        "is_chunk": waiting.name.endswith("[]"),
        "queue": waiting.queue,
        "priority": waiting.priority,
        "state": entry.state,
        "attempt": entry.attempt,
        "no_worker": entry.state == WAITING and not served,
        "failures": trouble.failures,
        "max_retries": options.max_retries,
        "crashes": trouble.crashes,
        "crash_limit": books.config.crash_limit,
        "losses": trouble.losses,
        "rejections": trouble.rejections,
        "evidence": [_shortened(record) for record in trouble.evidence],
        "waiting": waiting.size,
        "retry_in": _remaining(books.timers.at(("rest", seq)), now),
        "expires_in": _remaining(entry.deadline_at, now),
        "held_by": entry.worker.label if entry.worker is not None else None,
        "workers": [
            _view(worker, entry, waiting)
            for _, worker in zip(range(_WORKERS_SHOWN), books.workforce, strict=False)
        ],
        "peers": peers(books.dialer),
        "refusals": _refusals(books.dialer),
    }
    about["text"] = _text(entry, waiting, about, books)
    about["advice"] = list(advice(entry, waiting, about, books))
    return about


def _ended(seq: int, books: Books) -> dict[str, Any]:
    ledger = books.ledger
    about = {"seq": seq, "attempt": 0, "no_worker": False}
    ending = ledger.endings.get(seq)
    if ending is not None:
        text = f"it is settled as {ending['state']}: {ending['text']}"
        return about | ending | {"task": _plain(ending["task"]), "text": text}
    if not 1 <= seq <= ledger.newest:
        had = f"its newest is number {ledger.newest}" if ledger.newest else "it has had none"
        return about | {"state": "unknown", "text": f"this producer never had it: {had}"}
    counts = ledger.settled_counts
    if sum(counts.values()) - counts[SUCCEEDED] <= len(ledger.endings):  # none was forgotten
        return about | {"state": SUCCEEDED, "text": "it is settled as succeeded"}
    text = "it is settled: as succeeded, or it ended otherwise so long ago that it was forgotten"
    return about | {"state": "settled", "text": text}


def _resting(entry: Entry, remaining: float | None, books: Books) -> str:
    if entry.seq in books.withheld:
        return "it may be at a worker of the producer's earlier process: that is being found out"
    if remaining is None:
        return "it is being written to the journal"
    due = f"in {remaining:.1f} s"
    if not entry.attempt:
        return f"it is not time yet: it is due {due}"
    last = entry.trouble.evidence[-1] if entry.trouble and entry.trouble.evidence else {}
    if last.get("attempt") != entry.attempt or last.get("cause") != "failed":
        return f"attempt {entry.attempt} put it off; the next one is due {due}"
    said = str(last.get("text"))[:_TEXT_CHARACTERS_MAX]
    return f"attempt {entry.attempt} failed ({last.get('type')}: {said}); a retry is due {due}"


def _text(entry: Entry, waiting: Lane, about: dict[str, Any], books: Books) -> str:
    if entry.state == RESTING:
        return _resting(entry, about["retry_in"], books)
    worker = entry.worker
    if entry.state in (DISPATCHED, STARTED) and worker is not None:
        verb = "runs on" if entry.state == STARTED else "is queued at"
        state = worker.peer.state
        doubt = "" if state == ALIVE else f", which is {state}"
        said = f": {entry.headway}" if entry.headway is not None else ""
        return f"attempt {entry.attempt} {verb} worker {worker.label}{doubt}{said}"
    if entry.state == ASKED:
        return explain_outlets.asked(entry)
    if waiting.node and waiting.queue not in books.paused:
        return "it waits for a free slot of the one worker that it is for, as part of a broadcast"
    said = ""
    if waiting.unfit and entry.trouble is not None and entry.trouble.evidence:
        said = f"; the last of them: {entry.trouble.evidence[-1].get('text')}"
    return (lane(waiting, books)[1] or "it waits for a free slot") + said


def _view(worker: Worker, entry: Entry, waiting: Lane) -> dict[str, Any]:
    """A worker, seen from a task that might run there."""
    return {
        "node_id": worker.node_id,
        "name": worker.name,
        "state": worker.peer.state,
        "slots": worker.slots,
        "held": len(worker.held),
        "credit": worker.limit,
        "has_it": worker is entry.worker,
        "why_not": _why_not(worker, entry, waiting),
    }


def _why_not(worker: Worker, entry: Entry, waiting: Lane) -> str:
    """Why a worker does not run this task now; empty: it does, or could."""
    if worker is entry.worker:
        return ""
    if worker.node_id in waiting.unfit:
        return "has rejected it"
    return _cannot(worker, waiting) or _will_not(worker, entry)


def _cannot(worker: Worker, waiting: Lane) -> str:
    if waiting.node not in ("", worker.node_id):
        return "is not the worker that it is for: each part of a broadcast is for one"
    tasks, queues = worker.group.tasks, worker.group.queues
    takes = worker.group.takes(waiting.queue)
    if waiting.name not in tasks:
        return f"does not know the task: {_nearest(waiting.name, sorted(tasks))}"
    if tasks[waiting.name] != waiting.fingerprint:
        return "knows the task with another signature"
    if not takes:
        served = ", ".join(sorted(queues)[:_NAMES_SHOWN])
        but = f", but {served}" if served else ": it was told to leave that out"
        return f"does not serve queue {waiting.queue!r}{but}"
    if waiting.to_sink and not worker.group.delivers:
        return "does not bring results to sinks: it has an older version of zmqwork"
    return ""


def _will_not(worker: Worker, entry: Entry) -> str:
    load, size_bytes = worker.load, len(entry.args)
    if worker.draining:
        return "is draining: it takes nothing new"
    if not worker.usable:
        return f"is {worker.peer.state}: it is given nothing new"
    if load >= worker.limit:
        none = "" if worker.limit else " (it is paused, or has just come)"
        return f"has no credit left: it holds {load}, and has granted {worker.limit}{none}"
    if worker.held and worker.held_bytes + size_bytes > worker.limit_bytes:
        return f"has no room for {size_bytes} bytes of arguments"
    return ""


def _refusals(dialer: Dialer) -> list[dict[str, Any]]:
    refused = [peer for peer in dialer.peers.values() if peer.refusal][:_REFUSALS_SHOWN]
    return [{"peer": p.label, "endpoint": p.endpoint, "why": _said(p)} for p in refused]


def _said(peer: Peer) -> str:
    return peer.refusal[:_TEXT_CHARACTERS_MAX]


def _remaining(at: float | None, now: float) -> float | None:
    return None if at is None else max(0.0, at - now)


def _shortened(record: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value[:_TEXT_CHARACTERS_MAX] if isinstance(value, str) else value
        for key, value in record.items()
    }


# -- the whole producer -----------------------------------------------------------------------


def status(config: ProducerConfig, books: Books) -> dict[str, Any]:
    """What a producer says of itself; plain values."""
    pinned = (w for lanes in books.lanes.pinned.values() for w in lanes.values())
    waiting = sorted((w for w in (*books.lanes, *pinned) if w.size), key=_size, reverse=True)
    return {
        "node_id": config.node_id,
        "name": config.name,
        "role": "producer",
        "realm": config.realm,
        "host": config.host,
        "pid": config.pid,
        "version": config.version,
        "insecure": config.insecure,
        "pending": len(books.ledger),
        "newest": books.ledger.newest,
        "letters": len(books.letters),
        "queues": sorted({w.queue for w in waiting[:_LANES_SHOWN]}),
        "paused": list(books.paused),
        "tasks_by_state": books.ledger.counts() | books.ledger.settled_counts,
        "lanes": [_lane_view(w, books) for w in waiting[:_LANES_SHOWN]],
        "workers": [
            {
                "node_id": worker.node_id,
                "name": worker.name,
                "host": worker.host,
                "state": worker.peer.state,
                "held": len(worker.held),
                "credit": worker.limit,
                "slots": worker.slots,
                "done": worker.done,
                "endpoint": worker.peer.reached,
                "round_trip": worker.peer.round_trip,
            }
            for worker in books.workforce
        ],
        "sinks": explain_outlets.status(books.outlets),
        "peers": peers(books.dialer),
        "refusals": _refusals(books.dialer),
        "counters": dict(books.counters),
    }


def _lane_view(waiting: Lane, books: Books) -> dict[str, Any]:
    """Tasks of one kind that wait; ``why`` is empty if somebody could run them."""
    why = lane(waiting, books)[1]
    name = _plain(waiting.name)
    return {
        "task": name, "queue": waiting.queue, "priority": waiting.priority,
        "waiting": waiting.size, "why": why,
    }  # fmt: skip


def _size(waiting: Lane) -> int:
    return waiting.size
