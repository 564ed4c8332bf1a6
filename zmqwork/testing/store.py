"""What sinks store in: places where results take effect, and stores that take their time for it.

The promises that a store can see broken are here, one function each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from zmqwork.core.delivery import Parcel
from zmqwork.core.effects import Deliver, Marks
from zmqwork.core.events import Event, Stored, StoreFailed
from zmqwork.core.ranges import Ranges
from zmqwork.testing.clock import FakeClock
from zmqwork.testing.truth import Truth, Violation

# From the commit to the moment when the machine hears of it.
_TELLING = (0.0, 0.002)

# How often a stopped process, or store, is looked at, whether it goes on.
_STOPPED_DELAY = 0.25


class Place:
    """Where results take effect. An inbox is one that outlives its sinks, and remembers.

    Attributes:
        id: the inbox's; of a sink without, the node id.
        inbox: whether it is an inbox.
        taken: what an inbox remembers, by producer id, the latest last.
        effects: producer id -> number -> how often it took effect here.
    """

    def __init__(self, place_id: str, truth: Truth, *, inbox: bool) -> None:
        self.id = place_id
        self.inbox = inbox
        self.taken: dict[str, Ranges] = {}
        self.effects: dict[str, dict[int, int]] = {}
        self._truth = truth

    def __repr__(self) -> str:
        return f"<{'Inbox' if self.inbox else 'Place'} {self.id}>"

    def has(self, producer_id: str, number: int) -> bool:
        """Whether the result with this number took effect."""
        return number in self.effects.get(producer_id, ())

    def remembered(self) -> dict[str, Ranges]:
        """What a sink that opens it is told."""
        return {producer_id: Ranges(ranges) for producer_id, ranges in self.taken.items()}

    def counts(self) -> dict[str, int]:
        """How many results of each producer it has, as a sink that opens it is told."""
        return {producer_id: len(self.effects.get(producer_id, ())) for producer_id in self.taken}

    def commit(self, parcels: list[Parcel], marks: Marks) -> None:
        """All of this takes effect, and is remembered."""
        for parcel in parcels:
            for number, value in zip(parcel.sink_seqs, parcel.values, strict=True):
                self._take(parcel.producer_id, number, value)
        if not self.inbox:
            return
        for producer_id, first, last in marks.taken:
            self._remember(producer_id, first, last)
        for producer_id, floor in marks.floors.items():
            self._remember(producer_id, 1, floor - 1)

    def _take(self, producer_id: str, number: int, value: bytes) -> None:
        effects = self.effects.setdefault(producer_id, {})
        effects[number] = effects.get(number, 0) + 1
        self._truth.effects.setdefault(value, []).append(self.id)
        expected = self._truth.numbers.get((producer_id, self.id, number))
        what_comes_was_meant_for_here(self, value, expected)
        an_inbox_takes_each_number_once(self, producer_id, number)

    def _remember(self, producer_id: str, first: int, last: int) -> None:
        ranges = self.taken.pop(producer_id, None) or Ranges()
        ranges.add(first, last)
        self.taken[producer_id] = ranges


def what_comes_was_meant_for_here(place: Place, value: bytes, expected: bytes | None) -> None:
    """The result that has a number is that of the task to which the number was given."""
    if value != expected:
        text = f"{value!r} came to {place}, in the place of {expected!r}"
        raise Violation(what_comes_was_meant_for_here.__name__, text)


def an_inbox_takes_each_number_once(place: Place, producer_id: str, number: int) -> None:
    """Whatever dies, and however often: no number takes effect a second time in an inbox."""
    if place.inbox and place.effects[producer_id][number] > 1:
        text = f"number {number} of {producer_id} took effect again in {place}"
        raise Violation(an_inbox_takes_each_number_once.__name__, text)


def one_batch_at_a_time(store: ScriptedStore, load: Deliver) -> None:
    """Nothing is handed over before the batch in front of it is stored, or given up."""
    if store.is_busy:
        text = f"batch {load.number} came to {store.place} before the last one was stored"
        raise Violation(one_batch_at_a_time.__name__, text)


@dataclass(slots=True)
class Habits:
    """How a store works.

    Attributes:
        seconds: the shortest and the longest time that a batch takes.
        failing: how probable it is that a try fails, and is repeated.
        retries: tries beyond the first; then it gives up for good.
        retry_delay: seconds before each.
    """

    seconds: tuple[float, float] = (0.0001, 0.002)
    failing: float = 0.0
    retries: int = 3
    retry_delay: float = 1.0


class ScriptedStore:
    """The handler thread of a sink, in virtual time.

    Attributes:
        place: what it stores in.
        habits: may be changed at any instant.
        stopped_until: nothing is stored before this instant.
    """

    def __init__(
        self,
        place: Place,
        habits: Habits,
        clock: FakeClock,
        random: Random,
        post: Callable[[Event], None],
        is_stopped: Callable[[], bool],
    ) -> None:
        self.place = place
        self.habits = habits
        self.stopped_until = 0.0
        self._clock = clock
        self._random = random
        self._post = post
        self._is_stopped = is_stopped  # whether its process is
        self._load: Deliver | None = None
        self._tries = 0
        self._closed = False

    @property
    def is_busy(self) -> bool:
        """Whether it has something to store."""
        return self._load is not None

    def deliver(self, load: Deliver) -> None:
        """Store this; it has nothing else to do."""
        one_batch_at_a_time(self, load)
        self._load = load
        self._tries = 0
        self._later(self._random.uniform(*self.habits.seconds))

    def close(self) -> None:
        """Its process is gone: what it was about to store took effect, or it did not."""
        load, self._load = self._load, None
        if load is not None and not self._closed and self._random.random() < 0.5:
            self.place.commit(load.parcels, load.marks)
        self._closed = True

    def _later(self, delay: float) -> None:
        self._clock.call_later(delay, self._try)

    def _try(self) -> None:
        load = self._load
        if load is None or self._closed:
            return
        now = self._clock.now
        if self._is_stopped() or now < self.stopped_until:
            self._later(_STOPPED_DELAY)  # (whoever stopped it may have changed his mind by then)
            return
        habits, random = self.habits, self._random
        self._tries += 1
        if random.random() < habits.failing:
            final = self._tries > habits.retries
            if not self.place.inbox and random.random() < 0.5:
                # What has no transaction may do one half, and that again.
                self.place.commit(load.parcels[: len(load.parcels) // 2], load.marks)
            self._closed = final
            self._post(StoreFailed(load.number, "scripted", final))
            self._later(habits.retry_delay)
            return
        self.place.commit(load.parcels, load.marks)
        self._load = None
        self._clock.call_later(random.uniform(*_TELLING), self._tell, load.number)

    def _tell(self, number: int) -> None:
        if not self._closed:
            self._post(Stored(number))
