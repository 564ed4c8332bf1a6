"""Obeys the orders of observers at a producer: lists tasks and dead letters, and acts on them.

What changes something is answered behind the records of it, so that "done" outlives the process.
Lists are pages: a producer may have a million tasks, and a message holds a thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from zmqwork.core.books import Books
from zmqwork.core.client import Client
from zmqwork.core.effects import Resubmit
from zmqwork.core.events import Resubmitted
from zmqwork.core.kept import Result
from zmqwork.core.ledger import Entry
from zmqwork.core.letters import DeadLetter
from zmqwork.core.lifecycle import DISPATCHED, RESTING, STARTED, WAITING
from zmqwork.core.listener import Listener
from zmqwork.core.messages import BATCH_BYTES_MAX
from zmqwork.core.orders import (
    ORDER_TASKS_MAX,
    PRODUCER,
    REFUSED,
    ROSTER,
    ROWS_MAX,
    UNFIT,
    UNKNOWN_TASK,
    Order,
    Ordered,
    refusal,
)
from zmqwork.core.rosters import Rosters

_ROWS = 100
_STATES = (STARTED, DISPATCHED, RESTING, WAITING)
_CONDITIONS = ("tasks", "task", "older_than", "newer_than")
_TEXT_CHARACTERS_MAX = 2_000
_EVIDENCE_CHARACTERS_MAX = 300


class Steward:
    """Does what observers order.

    Args:
        books: the producer's.
        listener: where observers are.
        later: calls this when all that was decided so far is recorded.
        withdraw: cancels: numbers, whether running ones as well, whether hard; those that were.
        pause: pauses a queue or resumes it; False: there are too many.
        revive: sends these dead letters again.

    Attributes:
        rosters: those that observers bring.
    """

    __slots__ = (
        "_books",
        "_handlers",
        "_later",
        "_listener",
        "_pause",
        "_revive",
        "_withdraw",
        "rosters",
    )

    def __init__(
        self,
        books: Books,
        listener: Listener,
        *,
        later: Callable[[Callable[[], None]], None],
        withdraw: Callable[[Iterable[int], bool, bool], list[int]],
        pause: Callable[[str, bool, float], bool],
        revive: Callable[[list[int], float], object],
    ) -> None:
        self._books = books
        self._listener = listener
        self._later = later
        self._withdraw = withdraw
        self._pause = pause
        self._revive = revive
        self.rosters = Rosters(listener, books.out)
        self._handlers: dict[str, Callable[[Client, Order, float], Ordered | None]] = {
            "tasks": self._tasks,
            "letters": self._letters,
            "result": self._result,
            "cancel": self._cancel,
            "pause": self._paused,
            "resume": self._paused,
            "revive": self._revived,
            "remove": self._removed,
            "edit": self._edited,
            ROSTER: self._rostered,
        }

    def obey(self, client: Client, order: Order, now: float) -> None:
        """An observer has ordered something."""
        answer = refusal(PRODUCER, order)
        if answer is None:
            answer = self._handlers[order.verb](client, order, now)
        if answer is not None:
            said = answer
            self._later(lambda: self._listener.send(client, said))

    def _rostered(self, client: Client, order: Order, now: float) -> None:
        self.rosters.brought(client, order)
        del now

    # -- tasks --------------------------------------------------------------------------------

    def _tasks(self, client: Client, order: Order, now: float) -> Ordered:
        """Tasks in a state, in the order of their numbers where these are that of their coming.

        O(tasks) at worst; what workers have is found with them.
        """
        del client
        state = order.arguments["state"]
        if state not in _STATES:
            return Ordered(order.request, UNFIT, f"a state is one of {', '.join(_STATES)}")
        books = self._books
        after, count = _page(order)
        found: Iterable[Entry] = books.ledger
        if state in (STARTED, DISPATCHED):
            held = (entry for worker in books.workforce for entry in worker.held.values())
            found = sorted(held, key=_seq)
        there = (entry for entry in found if entry.state == state and entry.seq > after)
        rows = [self._row(entry, now) for entry in islice(there, count + 1)]
        return Ordered(order.request, value={"rows": rows[:count], "more": len(rows) > count})

    def _row(self, entry: Entry, now: float) -> dict[str, Any]:
        options = entry.spec.options
        row: dict[str, Any] = {
            "seq": entry.seq,
            "task": entry.spec.name,
            "queue": options.queue,
            "priority": options.priority,
            "state": entry.state,
            "attempt": entry.attempt,
        }
        if entry.worker is not None:
            row["worker"] = entry.worker.name
            row["worker_id"] = entry.worker.node_id
        if entry.state == STARTED:
            row["running_for"] = max(0.0, now - entry.started_at)
        if entry.headway is not None:
            row |= entry.headway.shown
        if (due_at := self._books.timers.at(("rest", entry.seq))) is not None:
            row["due_in"] = max(0.0, due_at - now)
        if entry.deadline_at is not None:
            row["expires_in"] = max(0.0, entry.deadline_at - now)
        return row

    def _result(self, client: Client, order: Order, now: float) -> Ordered | None:
        """How a task has ended; its waiters are told when it does."""
        del now
        seq, books = order.arguments["seq"], self._books
        entry = books.ledger.get(seq)
        if entry is not None and not order.arguments.get("wait"):
            return Ordered(order.request, value={"state": entry.state})
        if entry is not None:

            def tell(result: Result) -> None:
                answer = _ended(order.request, result)
                self._later(lambda: self._listener.send(client, answer))

            if books.kept.wait(seq, client, tell):
                return None
            return Ordered(order.request, REFUSED, "too many wait for results")
        remembered = self._remembered(seq)
        if remembered is not None:
            return _ended(order.request, remembered)
        text = "it is settled, and its result is not kept, or not any more: see result_ttl"
        if not 1 <= seq <= books.ledger.newest:
            text = "this producer never had it"
        return Ordered(order.request, UNKNOWN_TASK, text)

    def _remembered(self, seq: int) -> Result | None:
        """How a task has ended that is settled: as it is kept, or why it failed."""
        books = self._books
        letter, ending = books.letters.get(seq), books.ledger.endings.get(seq)
        found = books.kept.get(seq)
        if found is None and letter is not None:
            found = Result(seq, letter.state, letter.attempt, None, letter.error)
        elif found is None and ending is not None:
            error = {"text": ending["text"], "attempts": ending["attempt"]}
            found = Result(seq, ending["state"], ending["attempt"], None, error)
        return found

    def _cancel(self, client: Client, order: Order, now: float) -> Ordered:
        del client, now
        said = order.arguments
        hard = said.get("hard", False)
        running = said.get("running", False) or hard
        cancelled = self._withdraw(dict.fromkeys(said["tasks"]), running, hard)
        return Ordered(order.request, value={"tasks": cancelled})

    def _paused(self, client: Client, order: Order, now: float) -> Ordered:
        del client
        if not self._pause(order.arguments["queue"], order.verb == "pause", now):
            return Ordered(order.request, REFUSED, "too many queues are paused")
        return Ordered(order.request, value={"paused": list(self._books.paused)})

    # -- dead letters -------------------------------------------------------------------------

    def _letters(self, client: Client, order: Order, now: float) -> Ordered:
        del client
        after, count = _page(order)
        full = order.arguments.get("full", False)
        chosen = (letter for letter in self._chosen(order, now) if letter.seq > after)
        rows: list[dict[str, Any]] = []
        data: list[bytes] = []
        size_bytes, more = 0, False
        for letter in chosen:
            row = _letter(letter, now, full=full)
            size_bytes += len(str(row)) + (len(letter.args) if full else 0)
            if len(rows) == count or (rows and size_bytes > BATCH_BYTES_MAX):
                more = True
                break
            rows.append(row)
            if full:
                data.append(letter.args)
        return Ordered(order.request, value={"rows": rows, "more": more}, data=data)

    def _revived(self, client: Client, order: Order, now: float) -> Ordered:
        del client
        if (wrong := _choice(order)) is not None:
            return wrong
        seqs, more = self._some(order, now)
        self._revive(seqs, now)
        return Ordered(order.request, value={"tasks": seqs, "more": more})

    def _removed(self, client: Client, order: Order, now: float) -> Ordered:
        del client
        if (wrong := _choice(order)) is not None:
            return wrong
        seqs, more = self._some(order, now)
        self._books.letters.remove(seqs)
        return Ordered(order.request, value={"tasks": seqs, "more": more})

    def _edited(self, client: Client, order: Order, now: float) -> Ordered | None:
        """Only who numbers tasks can make a new one: the answer comes with its number."""
        del now
        seq = order.arguments["seq"]
        letter = self._books.letters.get(seq)
        if letter is None:
            return Ordered(order.request, UNKNOWN_TASK, f"there is no dead letter of task {seq}")
        asked = (client, order.request, seq)
        self._books.out.append(Resubmit(letter.spec, order.data[0], asked))
        return None

    def resubmitted(self, event: Resubmitted, now: float) -> None:
        """A new task takes the place of a dead letter."""
        del now
        client, request, seq = event.request
        if event.seq is None:
            answer = Ordered(request, REFUSED, event.text)
        else:
            self._books.letters.remove([seq])
            answer = Ordered(request, value={"tasks": [event.seq]})
        self._later(lambda: self._listener.send(client, answer))

    def _some(self, order: Order, now: float) -> tuple[list[int], bool]:
        """The numbers of those that are meant, as many as one order is for; whether more are."""
        after = order.arguments.get("after", 0)
        seqs = [letter.seq for letter in self._chosen(order, now) if letter.seq > after]
        return seqs[:ORDER_TASKS_MAX], len(seqs) > ORDER_TASKS_MAX

    def _chosen(self, order: Order, now: float) -> list[DeadLetter]:
        """The dead letters that an order means, by their numbers."""
        said = order.arguments
        letters = self._books.letters
        found: Iterable[DeadLetter] = letters
        if "tasks" in said:
            some = (letters.get(seq) for seq in dict.fromkeys(said["tasks"]))
            found = [letter for letter in some if letter is not None]
        name, older, newer = (said.get(key) for key in ("task", "older_than", "newer_than"))
        return sorted(
            (
                letter
                for letter in found
                if (name is None or letter.spec.name == name)
                and (older is None or _age(letter, now) > older)
                and (newer is None or _age(letter, now) < newer)
            ),
            key=_seq,
        )


def _ended(request: int, result: Result) -> Ordered:
    value: dict[str, Any] = {"state": result.state, "attempts": result.attempt}
    if result.error is not None:
        value["error"] = result.error
    data = [] if result.value is None else [result.value]
    return Ordered(request, value=value, data=data)


def _choice(order: Order) -> Ordered | None:
    """All of them are meant only where that is said."""
    said = order.arguments
    if said.get("all") or any(name in said for name in _CONDITIONS):
        return None
    return Ordered(order.request, UNFIT, f"{order.verb} needs tasks, a condition, or all")


def _page(order: Order) -> tuple[int, int]:
    said = order.arguments
    return said.get("after", 0), min(said.get("count", _ROWS) or _ROWS, ROWS_MAX)


def _seq(numbered: Entry | DeadLetter) -> int:
    return numbered.seq


def _age(letter: DeadLetter, now: float) -> float:
    return 0.0 if letter.died_at is None else now - letter.died_at


def _letter(letter: DeadLetter, now: float, *, full: bool) -> dict[str, Any]:
    error = letter.error
    row: dict[str, Any] = {
        "seq": letter.seq,
        "task": letter.spec.name,
        "queue": letter.spec.options.queue,
        "state": letter.state,
        "attempts": error.get("attempts") or letter.attempt,
        "age": _age(letter, now),
        "type": str(error.get("type") or "")[:_EVIDENCE_CHARACTERS_MAX],
        "text": str(error.get("text") or "")[:_TEXT_CHARACTERS_MAX],
        "size_bytes": len(letter.args),
    }
    if full:
        row["headers"] = dict(letter.spec.options.headers_pairs)
        row["traceback"] = str(error.get("traceback") or "")[-_TEXT_CHARACTERS_MAX:]
        row["evidence"] = [
            {
                key: value[:_EVIDENCE_CHARACTERS_MAX] if isinstance(value, str) else value
                for key, value in record.items()
            }
            for record in error.get("evidence") or ()
        ]
    return row
