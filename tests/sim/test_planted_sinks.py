"""Bugs in the protocol of sinks that the simulator must find, within so many seeds."""

from __future__ import annotations

import pytest

from zmqwork.core.carriers import Carriers
from zmqwork.core.clients import Account
from zmqwork.core.closing import Closing
from zmqwork.core.collected import Collected
from zmqwork.core.collector import Collector
from zmqwork.core.inquiry import Inquiry
from zmqwork.core.outbox import Outbox
from zmqwork.core.outlets import Outlet
from zmqwork.core.ranges import Ranges
from zmqwork.core.roll import Roll
from zmqwork.testing import sim

# A planted bug has to be found by then.
PLANTED_SEEDS = 300


def ack_before_it_is_stored(monkeypatch):
    def send_acks(self):
        self._shelf.stored_count, stored = self._shelf.put_count, self._shelf.stored_count
        original(self)
        self._shelf.stored_count = stored

    original = Collector._send_acks
    monkeypatch.setattr(Collector, "_send_acks", send_acks)


def ack_one_batch_too_many(monkeypatch):
    def stored(self, position):
        acks = original(self, position)
        following = {carrier: number for _, carrier, number, _, _ in reversed(self._owed)}
        return {carrier: following.get(carrier, number) for carrier, number in acks.items()}

    original = Carriers.stored
    monkeypatch.setattr(Carriers, "stored", stored)


def resubmit_at_once(monkeypatch):
    """And the sink takes what comes twice for new."""

    def doubt(self, entries, now):
        entries = list(entries)
        for entry in entries:
            entry.move("doubted")
        self._books.wait_again(entries, "missed")
        del now

    monkeypatch.setattr(Inquiry, "doubt", doubt)
    take_everything_for_new(monkeypatch)


def take_everything_for_new(monkeypatch):
    def receive(self, parcel):
        self.seen = Ranges((number, number) for number in sorted(self.held))
        return original(self, parcel)

    original = Collected.receive
    monkeypatch.setattr(Collected, "receive", receive)


def raise_the_floor_by_one(monkeypatch):
    original = Outlet.lowest
    monkeypatch.setattr(Outlet, "lowest", lambda *args: original(*args) + 1)


def drop_the_outbox_with_its_session(monkeypatch):
    def detach(self):
        self.clear()
        original(self)

    original = Outbox.detach
    monkeypatch.setattr(Outbox, "detach", detach)


def forget_what_the_inbox_took(monkeypatch):
    original = Roll.__init__
    forget = lambda self, taken, counts, most: original(self, {}, counts, most)  # noqa: E731
    monkeypatch.setattr(Roll, "__init__", forget)


def hand_over_before_the_last_is_stored(monkeypatch):
    def deliver(self, now):
        load, self._shelf.load = self._shelf.load, None
        original(self, now)
        self._shelf.load = self._shelf.load or load

    original = Collector._deliver
    monkeypatch.setattr(Collector, "_deliver", deliver)


def tell_floors_of_runs(monkeypatch):
    def met(self, outlet, now):
        original(self, outlet, now)
        self._books.timers.set_default(("floors", None), now + 1.0)

    original = Closing.met
    monkeypatch.setattr(Closing, "met", met)


def count_no_result_twice(monkeypatch):
    original = Account.owe
    monkeypatch.setattr(
        Account, "owe", lambda self, count, size: original(self, max(0, count), size)
    )


# (bug, promise that it breaks, a seed that showed it once: looked at first)
PLANTED = [
    (ack_before_it_is_stored, "what_is_acked_is_stored", 0),
    (ack_one_batch_too_many, "what_is_acked_is_stored", 0),
    (resubmit_at_once, "nothing_is_handed_over_twice", 13),
    (take_everything_for_new, "nothing_is_handed_over_twice", 13),
    (raise_the_floor_by_one, "a_floor_passes_no_unsettled_number", 2),
    (drop_the_outbox_with_its_session, "a_worker_counts_its_results", 0),
    (forget_what_the_inbox_took, "an_inbox_takes_each_number_once", 0),
    (hand_over_before_the_last_is_stored, "one_batch_at_a_time", 15),
    (tell_floors_of_runs, "a_floor_passes_no_unsettled_number", 0),
    (count_no_result_twice, "a_worker_counts_its_results", 0),
]


@pytest.mark.parametrize(("plant", "promise", "first"), PLANTED)
def test_planted_bugs_of_sinks_are_found(monkeypatch, plant, promise, first):
    plant(monkeypatch)
    for seed in (first, *range(PLANTED_SEEDS)):
        if sim.run(seed).promise == promise:
            return
    pytest.fail(f"{PLANTED_SEEDS} seeds did not find it")
