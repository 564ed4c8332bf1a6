"""What a person could do about a task that does not run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zmqwork.core import explain_outlets
from zmqwork.core.functions import COMMAND_TASK
from zmqwork.core.lanes import Lane
from zmqwork.core.ledger import Entry
from zmqwork.core.lifecycle import ALIVE, ASKED, RESTING, WAITING
from zmqwork.core.trouble import CHILD_DIED, REJECTED_THERE

if TYPE_CHECKING:
    from zmqwork.core.books import Books

# Where another worker would not help, most likely.
SEE_DOCTOR = "see: zmqwork doctor"


def serving(name: str, realm: str) -> str:
    """What a worker is told to have this task; that of commands has no module."""
    return f"--realm {realm} --exec 'CMD {{}}'" if name == COMMAND_TASK else "MODULE:APP"


def advice(entry: Entry, waiting: Lane, about: dict[str, Any], books: Books) -> list[str]:
    """What a person could do about it."""
    out = []
    evidence = about["evidence"]
    if any(record.get("signal") == "SIGKILL" for record in evidence):
        out.append("a child was killed by SIGKILL: did its memory run out? (dmesg, -c 1)")
    if any(
        r["cause"] == CHILD_DIED and r.get("signal") != "SIGKILL" and "stderr" not in r
        for r in evidence
    ):
        out.append("its process died: run the handler by itself, with python -X faulthandler")
    if entry.state == WAITING and waiting.queue in books.paused:
        out.append(f"resume its queue where it was paused: app.resume({waiting.queue!r})")
    elif about["no_worker"]:
        out += _worker_advice(waiting, about, books)
    elif entry.state == ASKED:
        out.append("start its sink again, if it is not there; it is asked as soon as it is")
    elif entry.state == WAITING and explain_outlets.lack(waiting, books.outlets):
        out.append("start its sink: zmqwork sink MODULE:APP")
    elif entry.state == WAITING and not waiting.node:
        out.append("start more workers, or some with more slots (-c), if this takes too long")
    elif entry.state == RESTING and entry.failures:
        out.append("correct what failed; the retry comes by itself")
    elif entry.worker is not None and entry.worker.peer.state != ALIVE:
        then = "ends as lost, too" if waiting.node else "is dispatched again"
        out.append(f"wait: if the worker is lost, the task {then}")
    return out


def _worker_advice(waiting: Lane, about: dict[str, Any], books: Books) -> list[str]:
    realm = books.config.realm
    if not len(books.workforce):
        return [
            f"start a worker of realm {realm!r}: zmqwork worker {serving(waiting.name, realm)}",
            f"if there should be one: zmqwork doctor --realm {realm}",
        ]
    if waiting.unfit:
        said = {str(r["text"]) for r in about["evidence"] if r["cause"] == REJECTED_THERE}
        return [f"mend this, and start the worker again: {text}" for text in sorted(said)]
    if any("another signature" in view["why_not"] for view in about["workers"]):
        return ["restart these workers with the producer's version of the code"]
    if any("serve queue" in view["why_not"] for view in about["workers"]):
        return [f"start a worker that serves it: zmqwork worker ... -Q {waiting.queue}"]
    return ["start a worker whose module has the task, or correct its name"]
