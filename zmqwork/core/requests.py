"""What the application and observers ask of a producer, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Collection

from zmqwork.config import ProducerConfig
from zmqwork.core import explain, welcome
from zmqwork.core.books import Books
from zmqwork.core.effects import Answer
from zmqwork.core.events import (
    CancelRequested,
    Claimed,
    ClaimRequested,
    LettersRequested,
    RevivalRequested,
    StatusRequested,
)
from zmqwork.core.ledger import Entry
from zmqwork.core.letters import DeadLetter
from zmqwork.core.lifecycle import DISPATCHED, STARTED, WAITING
from zmqwork.core.listener import Client, Listener
from zmqwork.core.messages import Hello, Info, Message, Status


class Requests:
    """Answers questions, and withdraws tasks that are asked for.

    Args:
        config: the producer's.
        books: its books.
        listener: where observers are.
        report: tells whom it concerns what is settled.
        answer: answers behind that.
    """

    __slots__ = ("_answer", "_books", "_config", "_listener", "_report")

    def __init__(
        self,
        config: ProducerConfig,
        books: Books,
        listener: Listener,
        report: Callable[[], None],
        answer: Callable[[Answer], None],
    ) -> None:
        self._config = config
        self._books = books
        self._listener = listener
        self._report = report
        self._answer = answer

    # -- the application ----------------------------------------------------------------------

    def cancel(self, event: CancelRequested, now: float) -> None:
        """As with concurrent.futures, what has begun is not cancelled unless that is asked for."""
        ledger = self._books.ledger
        cancelled = []
        for seq in list(ledger.entries) if event.seqs is None else event.seqs:
            entry = ledger.get(seq)
            if entry is not None and (event.running or entry.state != STARTED):
                self._books.withdraw(
                    entry, "cancelled", "CancelledError", "it was cancelled", hard=event.hard
                )
                cancelled.append(seq)
        self._report()  # whoever asked finds the futures cancelled
        self._answer(Answer(event.request, cancelled))
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
                claimed = Claimed(entry.spec, entry.args, entry.attempt + 1, entry.deadline_at)
                entry.owner = event.heir
                books.withdraw(
                    entry, "cancelled", "CancelledError", "the task that waits for it runs it"
                )
        books.out.append(Answer(event.request, claimed))
        del now

    def letters(self, event: LettersRequested, now: float) -> None:
        """Dead letters, with their ages."""
        found = self._letters(event.seqs)
        if event.remove:
            self._books.letters.remove([letter.seq for letter in found])
        value = [(letter, now - (letter.died_at or now)) for letter in found]
        self._answer(Answer(event.request, value))

    def revived(self, event: RevivalRequested) -> list[Entry]:
        """Entries of dead letters that are to be tried again: they begin anew."""
        entries = []
        for letter in self._letters(event.seqs):
            self._books.letters.take(letter.seq)
            entry = Entry(letter.seq, letter.spec, letter.args, event.make_owner(letter.seq))
            entry.attempt = letter.attempt  # of which workers may have heard
            # (Others are not taken any more, if a floor has passed them, or another sink takes it.)
            if letter.spec.inbox and (self._config.producer_id or self._books.journaled):
                entry.sink_seq = letter.sink_seq
            entries.append(entry)
        return entries

    def _letters(self, seqs: Collection[int] | None) -> list[DeadLetter]:
        letters = self._books.letters
        if seqs is None:
            return list(letters)
        return [letter for seq in dict.fromkeys(seqs) if (letter := letters.get(seq)) is not None]

    def status(self, event: StatusRequested, now: float) -> None:
        """What is known of everything, or of one task."""
        books = self._books
        if event.seq is None:
            books.out.append(Answer(event.request, explain.status(self._config, books)))
        else:
            books.out.append(Answer(event.request, explain.task(event.seq, books, now)))

    # -- observers ----------------------------------------------------------------------------

    def opened(self, client: Client, hello: Hello) -> None:
        """Somebody wants to know how we are."""
        introduction = welcome.of_node(self._config, "producer", hello)
        introduction.neighbours = self._listener.news_for(client)
        self._listener.send(client, introduction)

    def message(self, client: Client, message: Message, now: float) -> None:
        """Only questions are expected here."""
        if isinstance(message, Info):
            status = explain.status(self._config, self._books)
            if message.seq:
                status["task"] = explain.task(message.seq, self._books, now)
            self._listener.send(client, Status(message.request, status))
        else:
            self._listener.counters.strays += 1
