from __future__ import annotations

import heapq
from types import SimpleNamespace

import pytest
from delivery_desk import DeliveryDesk
from desks import WorkerDesk

from zmqwork.config import WorkerConfig
from zmqwork.core import lender
from zmqwork.core.delivery import Results, ResultsAck
from zmqwork.core.effects import Execute, Send
from zmqwork.core.events import DrainRequested, Finished, StopRequested
from zmqwork.core.link_events import LinkDown
from zmqwork.core.messages import Credit, Demand, Done, DoneAck, Pong, Return
from zmqwork.core.pace import LONG_SECONDS


@pytest.fixture
def desk():
    return DeliveryDesk(slots=4)


def limits(desk, link=None):
    """The credit told in this turn, in attempts."""
    return [credit.attempts for credit in desk.sent(Credit, link)]


def said(desk):
    """Credit and DONE of this turn, in the order in which they were said."""
    messages = [effect.message for effect in desk.of(Send) if effect.link == desk.link]
    return [
        message.attempts if isinstance(message, Credit) else type(message)
        for message in messages
        if isinstance(message, Credit | Done)
    ]


def short(desk, seconds, round_trip=0.001):
    """Tasks last so long, and a producer answers within that."""
    desk.machine._feeder._pace.observe("f", 100, 100 * seconds)
    desk.machine._window.ran(1_000_000, 1_000_000 * seconds)
    desk.machine._window.acked(round_trip, desk.now)


def test_what_is_on_its_way_takes_no_slot(desk):
    desk.give(1, 2, 3, 4)
    desk.meet()
    desk.end(1, seconds=0.5)
    assert desk.sent(Credit) == [Credit(5, desk.config.credit_bytes, 1)]
    desk.give(5)
    assert (desk.returned(), desk.executed()) == ([], [5])
    desk.give(6)
    assert desk.returned() == [("over_credit", [6])]
    desk.end(2, 3, seconds=0.5)
    assert limits(desk) == [7]


def test_it_is_taken_back_before_the_done_is_said(desk):
    """The other way round the producer would send one more, which no slot waits for."""
    desk.give(1, 2, 3, 4)
    link = desk.meet()
    desk.end(1, 2, seconds=0.5)
    assert said(desk) == [6]
    desk.ack(link, 1)
    assert said(desk) == [4, Done]
    assert (desk.account().limit, desk.account().extra) == (4, 0)


def test_one_that_comes_for_one_that_goes_is_not_worth_a_word(desk):
    desk.give(1, 2, 3, 4)
    link = desk.meet()
    desk.end(1, seconds=0.5)
    desk.give(5)
    slot = desk.slot_of(2)
    desk.turn(Finished(slot, [(True, b"")], 0.5), desk.heard(link, ResultsAck(1)))
    assert said(desk) == [Done]


def test_results_given_back_are_taken_off(desk):
    desk.give(1, 2)
    desk.end(1, seconds=0.5)
    assert limits(desk) == [5]
    desk.live(129.9)
    desk.live(130.0)
    assert limits(desk) == [4]
    assert desk.account().extra == 0


def test_a_new_session_is_told_the_whole(desk):
    desk.give(1, 2)
    desk.end(1, seconds=0.5)
    desk.turn(LinkDown(desk.link))
    link = desk.hello(session=2)
    assert limits(desk, link) == [5]
    assert desk.account().extra == 1


@pytest.mark.parametrize("event", [DrainRequested(), StopRequested()])
def test_whoever_leaves_grants_nothing(desk, event):
    desk.give(1, 2)
    link = desk.meet()
    desk.end(1, seconds=0.5)
    desk.turn(event)
    desk.ack(link, 1)
    assert limits(desk) == []
    assert (desk.account().limit, desk.account().extra) == (0, 0)


def test_the_extra_is_bounded_over_all_producers(desk, monkeypatch):
    monkeypatch.setattr(lender, "EXTRA_MAX", 3)
    other = desk.hello("q")
    desk.say(desk.link, Demand(1))
    desk.say(other, Demand(1))
    desk.give(1, 2)
    desk.give(11, 12, link=other)
    desk.meet()
    desk.end(1, 2, seconds=0.5)
    assert limits(desk, desk.link) == [4]
    desk.end(11, 12, seconds=0.5)
    assert [desk.account(label).extra for label in "pq"] == [2, 1]
    desk.give(3, 4)
    desk.end(3, 4, seconds=0.5)
    assert sum(desk.account(label).extra for label in "pq") == 3


def test_the_extra_is_bounded_however_little_is_too_much(monkeypatch):
    """One was lent more than is left for the other, by less than what is worth a message."""
    monkeypatch.setattr(lender, "EXTRA_MAX", 30)

    class Desk:
        def send(self, client, credit):
            told.append((client, credit.attempts, credit.extra))

        def total(self):
            return 64

    def account(name, extra, finished):
        return SimpleNamespace(
            client=name, limit=32 + extra, extra=extra, finished=finished, backlog=1, held={}
        )

    told = []
    config = WorkerConfig(node_id="ab" * 16, name="w", realm="r", slots=4)
    accounts = [account("p", extra=0, finished=34), account("q", extra=18, finished=34)]
    lender.Lender(config, Desk(), Desk()).grant(accounts, ())
    assert [a.extra for a in accounts] == [18, 12]
    assert told == [("p", 50, 18), ("q", 44, 12)]


def test_what_no_slot_may_begin_is_not_granted(desk):
    """An account that keeps too many results gets no slot, so more attempts would only wait."""
    desk = DeliveryDesk(slots=4, outbox_bytes=300)
    desk.give(1, 2, 3, 4)
    desk.end(1, seconds=0.5)
    assert limits(desk) == [5]
    desk.end(2, seconds=0.5)
    assert limits(desk) == [6]
    desk.give(5)
    assert desk.executed() == []
    assert desk.account() in desk.machine._feeder.full
    desk.end(3, seconds=0.5)
    assert limits(desk) == []
    link = desk.meet()
    desk.ack(link, 1)
    assert desk.executed() == [5]
    assert limits(desk) == [4]


def finish(desk, count, seconds):
    """So many more attempts end in the only slot, in chunks; the credit told meanwhile."""
    told = []
    (slot,) = desk.machine._feeder.slots
    while count:
        chunk = min(count, len(slot.given))
        desk.turn(Finished(0, [(True, b"")] * chunk, seconds * chunk))
        told += limits(desk)
        count -= chunk
    return told


def test_a_window_with_prefetch_covers_what_is_on_its_way():
    desk = DeliveryDesk(slots=1, prefetch_max=40)
    short(desk, 0.001, 0.2)
    link = desk.hello(session=2)
    assert limits(desk, link) == [41]
    desk.give(*range(1, 42), link=link)
    assert finish(desk, 20, 0.001) == []
    assert finish(desk, 10, 0.001) == [], "10 more than a half are less than a quarter"
    assert finish(desk, 1, 0.001) == [52]
    desk.give(*range(42, 54), link=link)
    assert desk.returned() == [("over_credit", [53])]
    assert finish(desk, 15, 0.001) == [66]
    sink = desk.meet()
    desk.ack(sink, 1)
    assert limits(desk) == [41]


def test_a_credit_that_flickers_is_not_told():
    desk = DeliveryDesk(slots=1)
    short(desk, 0.00001, 0.2)
    link = desk.hello(session=2)
    assert limits(desk, link) == [16_385]
    desk.give(0, link=link)
    sink = desk.meet(credit=(65_536, 1 << 30))
    told = finish(desk, 1, 0.00001)
    for turn in range(20):
        desk.give(*range(1 + 600 * turn, 601 + 600 * turn), link=link)
        told += limits(desk) + finish(desk, 600, 0.00001)
        if turn % 5 == 4:
            desk.ack(sink, 10_000)
            told += limits(desk)
    assert desk.account().finished == 0
    assert told == []


def test_the_round_trip_begins_with_the_way_to_the_sink(desk):
    desk.give(1)
    link = desk.meet()
    desk.end(1, at=100.5)
    desk.ack(link, 1, at=100.55)
    desk.say(desk.link, DoneAck(1), at=100.56)
    assert desk.machine._window.round_trip == pytest.approx(0.06)


def test_a_usual_turn_tells_nothing():
    desk = WorkerDesk(slots=2)
    link = desk.hello()
    desk.say(link, desk.tasks(1, 2))
    desk.finish(1, seconds=1.0)
    assert limits(desk) == []


class Line:
    """A producer with tasks without end, a worker, and a sink that stores what has come together.

    Seconds: what a task lasts, what storing takes, and each way between producer and worker.
    """

    def __init__(self, *, slots, task, store, way=0.0005):
        self.desk = DeliveryDesk(slots=slots)
        self.task, self.store, self.way = task, store, way
        self.held, self.limit, self.extra, self.seq = 0, slots, 0, 1
        self.due, self.count = [], 0
        self.free_at = dict.fromkeys(range(slots), self.desk.now)
        self.newest, self.storing = 1, 0
        self.busy = 0.0
        self.told = self.returned = 0
        self.desk.give(1)
        self.sink = self.desk.meet(credit=(65_536, 1 << 30))
        self.desk.end(1, seconds=task)
        self.desk.ack(self.sink, 1)

    def later(self, seconds, what, *args):
        self.count += 1
        heapq.heappush(self.due, (self.desk.now + seconds, self.count, what, args))

    def dispatch(self):
        """The producer sends what its credit permits; long tasks to free slots only."""
        most = self.limit
        if self.task > LONG_SECONDS:
            most = min(most, len(self.free_at) + self.extra)
        room = max(0, most - self.held)
        self.held += room
        for first in range(self.seq + 1, self.seq + 1 + room, 500):
            seqs = range(first, min(first + 500, self.seq + 1 + room))
            self.later(self.way, self.say, self.desk.link, self.desk.tasks_for(*seqs))
        self.seq += room

    def hear(self, message):
        """The producer takes what the worker says."""
        if isinstance(message, Credit):
            self.limit, self.extra = message.attempts, message.extra
            self.told += 1
        elif isinstance(message, Done):
            self.held -= len(message.seqs)
            self.later(self.way, self.say, self.desk.link, DoneAck(message.batch))
        elif isinstance(message, Return):
            self.held -= len(message.seqs)
            self.returned += len(message.seqs)
        self.dispatch()

    def say(self, link, message):
        self.desk.say(link, message)
        self.look()

    def finish(self, slot, count):
        self.desk.turn(Finished(slot, [(True, b"")] * count, count * self.task))
        self.look()

    def stored(self):
        batch, self.storing = self.storing, 0
        if self.newest > batch:
            self.storing = self.newest
            self.later(self.store, self.stored)
        self.say(self.sink, ResultsAck(batch))

    def look(self):
        """What the worker's effects lead to."""
        desk = self.desk
        for effect in desk.effects:
            if isinstance(effect, Execute):
                began_at = max(desk.now, self.free_at[effect.slot])
                lasts = self.task * len(effect.attempts)
                self.free_at[effect.slot] = began_at + lasts
                self.busy += lasts
                ends = began_at + lasts - desk.now
                self.later(ends, self.finish, effect.slot, len(effect.attempts))
            elif isinstance(effect, Send) and isinstance(effect.message, Results):
                self.newest = effect.message.batch
                if not self.storing:
                    self.storing = self.newest
                    self.later(self.store, self.stored)
            elif isinstance(effect, Send) and effect.link == desk.link:
                self.later(self.way, self.hear, effect.message)

    def run(self, seconds):
        """Work for some time; the part of it in which the slots were busy."""
        began_at = beat_at = self.desk.now
        self.dispatch()
        while self.due[0][0] < began_at + seconds:
            at, _, what, args = heapq.heappop(self.due)
            self.desk.until(at)
            self.look()
            if at >= beat_at:
                beat_at = at + 0.5
                client = self.desk.account().client
                self.say(self.desk.link, Pong(client.ping_sequence))
            what(*args)
        over = sum(max(0.0, at - began_at - seconds) for at in self.free_at.values())
        return (self.busy - over) / (len(self.free_at) * seconds)


def test_slots_are_busy_though_a_sink_takes_its_time():
    """Long tasks: none waits here, and no slot waits for the disk of a sink."""
    line = Line(slots=4, task=0.12, store=0.05)
    busy = line.run(10.0)
    ideal = 0.12 / (0.12 + 2 * line.way)
    assert busy > ideal - 0.03, "the first ones, and no more, took longer"
    assert line.returned == 0
    assert len(line.desk.machine._feeder.ready) == 0


def test_long_tasks_wait_for_a_sink_that_is_too_slow_for_them():
    line = Line(slots=4, task=0.12, store=0.5)
    assert line.run(10.0) > 0.95, "one batch has what ended in the meantime"
    assert line.returned == 0


@pytest.mark.parametrize(
    ("slots", "task", "store", "seconds", "told_max"),
    [
        (1, 0.00005, 0.05, 0.5, 10),
        (4, 0.002, 0.05, 2.0, 10),
        # What takes longer than any window is lent for, with a message now and then.
        (4, 0.01, 1.0, 6.0, 60),
    ],
)
def test_short_tasks_fill_the_way_over_the_sink(slots, task, store, seconds, told_max):
    line = Line(slots=slots, task=task, store=store)
    line.run(seconds)
    line.busy, line.told = 0.0, 0
    assert line.run(seconds) > 0.97
    assert line.told < told_max
    assert line.returned == 0


def test_what_is_taken_back_is_not_told_above_a_window_that_has_shrunk_meanwhile():
    desk = DeliveryDesk(slots=4, prefetch_max=40)
    short(desk, 0.001, 0.2)
    link = desk.hello(session=2)
    assert limits(desk, link) == [44]
    account = desk.account()
    account.limit, account.extra = 48, 4  # (for results that have been given up since)
    desk.machine._window.ran(1_000_000, 10.0 * 1_000_000 * LONG_SECONDS)
    desk.machine._feeder.turned[account] = None
    desk.turn()
    assert limits(desk)[-1] == account.limit == 4
