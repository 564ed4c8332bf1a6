"""What a producer hears of attempts that run: how far they are, checkpoints, parts.

Parts are taken by their numbers, whichever attempt yields them: the first that brings the next one
counts, and what comes again is passed over. A worker keeps what was not acked, an attempt begins
from a checkpoint that came behind the parts it counts: so none is ever missing between.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from zmqwork.core.effects import AddParts, MarkProgress, Notice
from zmqwork.core.lifecycle import DISPATCHED
from zmqwork.core.messages import Cancel
from zmqwork.core.peer import OPEN
from zmqwork.core.progress import ALL_PARTS, PARTS_MAX, Parts, PartsAck, PartsTaken, Progress

if TYPE_CHECKING:
    from zmqwork.core.books import Books
    from zmqwork.core.ledger import Entry
    from zmqwork.core.workers import Worker

# Parts that nobody has begun to read after so many seconds are spoken of; of so many tasks at most.
_UNREAD_TIMEOUT = 10.0
_UNREAD_MAX = 256

# A worker sends no more than PARTS_MAX that were not acked; this is one that does not count.
_UNTAKEN_MAX = 2 * PARTS_MAX


class Headway:
    """What the attempts of a task have said so far.

    Attributes:
        said: as `progress.Progress` has it.
        received: how many parts there are.
        taken: how many of them the application has taken.
        attempt, base: the newest attempt that brought some, and how many there were before it.
        sizes: of those that were not taken. Bound: what `parts` takes in.
        senders: the node ids of the workers that sent some. Bound: the attempts.
    """

    __slots__ = ("attempt", "base", "received", "said", "senders", "sizes", "taken")

    def __init__(self) -> None:
        self.said: dict[str, Any] = {}
        self.received = 0
        self.attempt = self.base = 0
        self.taken = 0
        self.sizes: deque[int] = deque()
        self.senders: dict[str, None] = {}

    def __str__(self) -> str:
        fraction, note = self.said.get("fraction"), self.said.get("note")
        words = [] if fraction is None else [f"{fraction:.0%} done"]
        words += [note] if note else []
        if self.unread:
            words.append(f"{self.unread} parts wait to be read")
        return ", ".join(words) or "it has left a checkpoint"

    @property
    def shown(self) -> dict[str, Any]:
        """What of it observers are told."""
        shown = {key: self.said[key] for key in ("fraction", "note") if key in self.said}
        return shown | ({"unread_parts": self.unread} if self.unread else {})

    @property
    def unread(self) -> int:
        """How many parts wait for the application."""
        return max(0, self.received - self.taken)

    @property
    def next_options(self) -> dict[str, Any]:
        """What the next attempt is told: the options that TASKS has for it."""
        told: dict[str, Any] = {
            key: self.said[key] for key in ("checkpoint", "part") if key in self.said
        }
        unread = min(told.get("part", 0), self.received) - self.taken
        if unread > 0:
            told |= {"unread": unread, "unread_bytes": sum(self.sizes)}
        return told

    def take(self, count: int) -> None:
        """The application has taken all parts below this number."""
        while self.sizes and self.taken < count:
            self.sizes.popleft()
            self.taken += 1
        self.taken = max(self.taken, count)

    @property
    def size_bytes(self) -> int:
        """What of it travels with the next attempt."""
        return len(self.said.get("checkpoint", b""))


class Progression:
    """Keeps what is said, and tells the application.

    Args:
        books: the producer's.
    """

    __slots__ = ("_books", "_unread")

    def __init__(self, books: Books) -> None:
        self._books = books
        # Since when parts are here of which none was read, by task. Bound: _UNREAD_MAX.
        self._unread: dict[int, float] = {}

    def progress(self, worker: Worker, message: Progress, now: float) -> None:
        """Running attempts say how they get on; of one that is not the newest nobody wants it."""
        entries = []
        for seq, attempt, said in zip(message.seqs, message.attempts, message.said, strict=True):
            entry = worker.held.get(seq)
            if entry is None or entry.attempt != attempt:
                continue
            self._runs(entry, now)
            headway = entry.headway
            if headway is None:
                headway = entry.headway = Headway()
            headway.said |= said
            entries.append(entry)
        if entries:
            self._books.out.append(MarkProgress(entries))

    def parts(self, worker: Worker, message: Parts, now: float) -> None:
        """An attempt has yielded parts."""
        entry = self._books.ledger.get(message.seq)
        if entry is None or not self._may_come_from(worker, entry):
            # It has ended, elsewhere: a generator that waits for its reader would do so for ever.
            self._books.dialer.send(worker.peer, Cancel([message.seq]))
            return
        if entry.worker is worker:
            self._runs(entry, now)
        headway = entry.headway
        if headway is None:
            headway = entry.headway = Headway()
        headway.senders[worker.node_id] = None
        self._take_in(entry, headway, message, now)
        if headway.taken > message.first:
            self._ack(worker, message.seq, headway)

    def _may_come_from(self, worker: Worker, entry: Entry) -> bool:
        """Whether it was given the task, though it may have been given up on since."""
        return entry.worker is worker or self._books.may_come_from(entry, worker.node_id, 0)

    def _take_in(self, entry: Entry, headway: Headway, message: Parts, now: float) -> None:
        if headway.attempt != entry.attempt:
            headway.attempt, headway.base = entry.attempt, headway.received
        if message.first > headway.received:
            # What is between went to an earlier process, with those who wanted it.
            headway.take(ALL_PARTS)
        elif headway.received < max(headway.taken, headway.base) + _UNTAKEN_MAX:
            fresh = message.values[headway.received - message.first :]
            headway.received += len(fresh)
            headway.sizes.extend(map(len, fresh))
            if headway.taken == ALL_PARTS:
                headway.sizes.clear()
            elif fresh:
                self._books.out.append(AddParts(entry, fresh))
                if not headway.taken and len(self._unread) < _UNREAD_MAX:
                    self._unread.setdefault(entry.seq, now)
                    self._books.timers.set_default(("unread", None), now + _UNREAD_TIMEOUT)

    def taken(self, event: PartsTaken, now: float) -> None:
        """The application has taken parts."""
        entry = self._books.ledger.get(event.seq)
        if self._unread.pop(event.seq, None) is not None and not self._unread:
            self._books.timers.cancel(("unread", None))
        if entry is None:
            return
        headway = entry.headway
        if headway is None:
            headway = entry.headway = Headway()
        headway.take(event.count)
        for node_id in headway.senders:
            worker = self._books.workforce.get(node_id)
            if worker is not None:
                self._ack(worker, event.seq, headway)
        del now

    def due(self, now: float) -> None:
        """Some parts may have been here for long."""
        books, unread = self._books, self._unread
        self._unread = {}
        for seq, since in unread.items():
            entry = books.ledger.get(seq)
            if entry is None:
                continue
            if now < since + _UNREAD_TIMEOUT:
                self._unread[seq] = since
                books.timers.set_default(("unread", None), since + _UNREAD_TIMEOUT)
                continue
            text = (
                f"nobody reads what task {seq} ({entry.spec.name}) yields, so it waits, or will: "
                "iterate over future.stream(), or wait for future.result() if its parts are not "
                "wanted"
            )
            books.out.append(Notice("unread_parts", text, {"seq": seq}))

    def _ack(self, worker: Worker, seq: int, headway: Headway) -> None:
        if worker.peer.stage == OPEN:
            self._books.dialer.send(worker.peer, PartsAck(seq, headway.taken))

    def _runs(self, entry: Entry, now: float) -> None:
        if entry.state == DISPATCHED:
            self._books.mark_started(entry, now)
