"""What the application and observers ask of a producer, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from zmqwork.config import ProducerConfig
from zmqwork.core import explain, welcome
from zmqwork.core.books import Books
from zmqwork.core.client import Client
from zmqwork.core.effects import Answer, Reopen
from zmqwork.core.events import (
    CancelRequested,
    Claimed,
    ClaimRequested,
    Event,
    Resubmitted,
    RosterTaken,
    StatusRequested,
)
from zmqwork.core.happenings import CLAIMED, Happenings, ListenRequested
from zmqwork.core.journaling import Journaling
from zmqwork.core.ledger import Entry
from zmqwork.core.letters import DeadLetter, LettersRequested, RevivalRequested
from zmqwork.core.lifecycle import DISPATCHED, STARTED, WAITING
from zmqwork.core.listener import Listener
from zmqwork.core.messages import Hello, Info, Message, Status
from zmqwork.core.orders import Order
from zmqwork.core.pauses import Pauses
from zmqwork.core.steward import Steward


class Requests:
    """Answers questions, and withdraws tasks that are asked for.

    Args:
        config: the producer's.
        books: its books.
        listener: where observers are.
        report: tells whom it concerns what is settled.
        journaling: answers what changes something behind its records; None: there is no journal.
        admit: takes dead letters in again.
        pauses: pauses queues.
        make_owner: makes the owner of a task that nobody here has asked for, of its number.
    """

    __slots__ = (
        "_admit",
        "_answer",
        "_books",
        "_config",
        "_listener",
        "_report",
        "steward",
    )

    def __init__(
        self,
        config: ProducerConfig,
        books: Books,
        listener: Listener,
        report: Callable[[], None],
        journaling: Journaling | None,
        *,
        admit: Callable[[list[Entry], float], None],
        pauses: Pauses,
        make_owner: Callable[[int], object],
    ) -> None:
        self._config = config
        self._books = books
        self._listener = listener
        self._report = report
        self._answer = books.out.append if journaling is None else journaling.answer
        self._admit = admit
        self.steward = Steward(
            books,
            listener,
            later=_at_once if journaling is None else journaling.later,
            withdraw=self._withdraw,
            pause=pauses.pause,
            revive=lambda seqs, now: self._revive(seqs, make_owner, now),
        )

    def handlers(self) -> dict[type[Event], Callable[[Any, float], None]]:
        """Which events are for it."""
        return {
            CancelRequested: self.cancel,
            ClaimRequested: self.claim,
            LettersRequested: self.letters,
            ListenRequested: self.listen,
            Resubmitted: self.steward.resubmitted,
            RevivalRequested: self.revival,
            RosterTaken: self.steward.rosters.taken,
            StatusRequested: self.status,
        }

    # -- the application ----------------------------------------------------------------------

    def cancel(self, event: CancelRequested, now: float) -> None:
        """As with concurrent.futures, what has begun is not cancelled unless that is asked for."""
        seqs = list(self._books.ledger.entries) if event.seqs is None else event.seqs
        cancelled = self._withdraw(seqs, event.running, event.hard)
        self._answer(Answer(event.request, cancelled))
        del now

    def _withdraw(self, seqs: Iterable[int], running: bool, hard: bool) -> list[int]:
        ledger = self._books.ledger
        cancelled = []
        for seq in seqs:
            entry = ledger.get(seq)
            if entry is not None and (running or entry.state != STARTED):
                self._books.withdraw(
                    entry, "cancelled", "CancelledError", "it was cancelled", hard=hard
                )
                cancelled.append(seq)
        self._report()  # whoever asked finds the futures cancelled
        return cancelled

    def listen(self, event: ListenRequested, now: float) -> None:
        """Note from now on what the application listens for."""
        if self._books.happenings is None:
            self._books.happenings = Happenings(event.kinds)
        self._books.happenings.kinds = event.kinds
        if event.request is not None:
            self._books.out.append(Answer(event.request, None))
        del now

    def claim(self, event: ClaimRequested, now: float) -> None:
        """Give up a task that nobody has begun, for the application to run it."""
        books = self._books
        entry = books.ledger.get(event.seq)
        states = (WAITING, DISPATCHED) if event.from_worker else (WAITING,)
        claimed = None
        if entry is not None and entry.state in states and entry.spec.name in event.names:
            options = entry.spec.options
            ours = options.queue in event.queues and options.queue not in books.paused
            # (What a journal has must not end with the caller.)
            if ours and not (books.journaled or options.goes_to_sink or entry.spec.node):
                claimed = Claimed(
                    entry.spec, entry.args, entry.attempt + 1, entry.deadline_at, entry.told()
                )
                entry.owner = event.heir
                books.withdraw(entry, "cancelled", CLAIMED, "the task that waits for it runs it")
        books.out.append(Answer(event.request, claimed))
        del now

    def letters(self, event: LettersRequested, now: float) -> None:
        """Dead letters, with their ages."""
        found = self._letters(event.seqs)
        if event.remove:
            self._books.letters.remove([letter.seq for letter in found])
        value = [(letter, now - (letter.died_at or now)) for letter in found]
        self._answer(Answer(event.request, value))

    def revival(self, event: RevivalRequested, now: float) -> None:
        """Dead letters are to be tried again: they begin anew."""
        revived = self._revive(event.seqs, event.make_owner, now)
        self._answer(Answer(event.request, revived))

    def _revive(
        self, seqs: Collection[int] | None, make_owner: Callable[[int], object], now: float
    ) -> list[int]:
        entries = []
        for letter in self._letters(seqs):
            self._books.letters.take(letter.seq)
            entry = Entry(letter.seq, letter.spec, letter.args, make_owner(letter.seq))
            entry.attempt = letter.attempt  # of which workers may have heard
            # (Others are not taken any more, if a floor has passed them, or another sink takes it.)
            if letter.spec.inbox and (self._config.producer_id or self._books.journaled):
                entry.sink_seq = letter.sink_seq
            entries.append(entry)
        self._books.out.append(Reopen(entries))
        self._admit(entries, now)
        return [entry.seq for entry in entries]

    def _letters(self, seqs: Collection[int] | None) -> list[DeadLetter]:
        letters = self._books.letters
        if seqs is None:
            return list(letters)
        return [letter for seq in dict.fromkeys(seqs) if (letter := letters.get(seq)) is not None]

    def status(self, event: StatusRequested, now: float) -> None:
        """What is known of everything, or of one task."""
        books = self._books
        if event.seq is None:
            books.out.append(Answer(event.request, self._status()))
        else:
            books.out.append(Answer(event.request, explain.task(event.seq, books, now)))

    # -- observers ----------------------------------------------------------------------------

    def opened(self, client: Client, hello: Hello) -> None:
        """Somebody wants to know how we are."""
        introduction = welcome.of_node(self._config, "producer", hello)
        introduction.neighbours = self._listener.news_for(client)
        self._listener.send(client, introduction)

    def message(self, client: Client, message: Message, now: float) -> None:
        """Questions and orders are expected here."""
        if isinstance(message, Info):
            status = self._status()
            if message.seq:
                status["task"] = explain.task(message.seq, self._books, now)
            self._listener.send(client, Status(message.request, status))
        elif isinstance(message, Order) and client.role == "observer":
            self.steward.obey(client, message, now)
        else:
            self._listener.counters.strays += 1

    def _status(self) -> dict[str, Any]:
        return self._listener.trust.status() | explain.status(self._config, self._books)


def _at_once(call: Callable[[], None]) -> None:
    call()
