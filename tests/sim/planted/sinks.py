"""Bugs in the protocol of sinks."""

from __future__ import annotations

from zmqwork.core.carriers import Carriers
from zmqwork.core.clients import Account
from zmqwork.core.closing import Closing
from zmqwork.core.collected import Collected
from zmqwork.core.collector import Collector
from zmqwork.core.delivery import HAS_HOLDING, HAS_TAKEN
from zmqwork.core.inquiry import Inquiry
from zmqwork.core.outbox import Outbox
from zmqwork.core.outlet import Outlet
from zmqwork.core.ranges import Ranges
from zmqwork.core.roll import Roll
from zmqwork.core.shipping import Shipping

from .bug import Bug


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


def tell_no_routes_again(monkeypatch):
    monkeypatch.setattr(Shipping, "compared", lambda *_: None)


def tell_no_routes(monkeypatch):
    monkeypatch.setattr(Shipping, "_tell_workers", lambda *_: None)


def give_a_number_twice(monkeypatch):
    def take_back(self, entry):
        number = entry.sink_seq
        original(self, entry)
        if number == self.next - 1:
            self.next = number

    original = Outlet.take_back
    monkeypatch.setattr(Outlet, "take_back", take_back)


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


def take_waiting_for_stored(monkeypatch):
    def states(self, numbers):
        return [HAS_TAKEN if s == HAS_HOLDING else s for s in original(self, numbers)]

    original = Collected.states
    monkeypatch.setattr(Collected, "states", states)


def say_what_waits_is_taken(monkeypatch):
    monkeypatch.setattr(Collected, "taken", lambda self: self.seen)


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


def forget_what_is_asked(monkeypatch):
    monkeypatch.setattr(Inquiry, "look_again", lambda *_: None)


def count_what_is_delivered_still(monkeypatch):
    original = Account.owe
    monkeypatch.setattr(
        Account, "owe", lambda self, count, size: original(self, max(0, count), size)
    )


def exceed_the_credit(monkeypatch):
    original = Outbox.grant
    monkeypatch.setattr(Outbox, "grant", lambda self, count, size: original(self, count + 1, size))


def count_what_moved(monkeypatch):
    def take_back(self, entry):
        original(self, entry)
        if entry.trouble is not None:
            entry.trouble.moved = False

    original = Outlet.take_back
    monkeypatch.setattr(Outlet, "take_back", take_back)


def answer_one_end_of_a_run(monkeypatch):
    def finish(self, end, node_id):
        self.ending.clear()
        original(self, end, node_id)

    original = Collected.finish
    monkeypatch.setattr(Collected, "finish", finish)


BUGS = [
    Bug(ack_before_it_is_stored, {"what_is_acked_is_stored"}, "sinks"),
    Bug(ack_one_batch_too_many, {"what_is_acked_is_stored"}, "sinks"),
    Bug(take_everything_for_new, {"nothing_is_handed_over_twice"}, "sinks"),
    Bug(resubmit_at_once, {"nothing_is_handed_over_twice"}, "sinks"),
    Bug(raise_the_floor_by_one, {"a_floor_passes_no_unsettled_number"}, "sinks"),
    Bug(tell_no_routes, {"workers_know_where_results_go"}, "sinks"),
    Bug(tell_no_routes_again, {"workers_know_where_results_go"}, "sinks"),
    Bug(give_a_number_twice, {"each_number_is_one_task"}, "sinks"),
    Bug(drop_the_outbox_with_its_session, {"a_worker_counts_its_results"}, "sinks"),
    Bug(forget_what_the_inbox_took, {"an_inbox_takes_each_number_once"}, "sinks"),
    Bug(take_waiting_for_stored, {"a_result_is_stored_before_its_task_succeeds"}, "sinks"),
    Bug(say_what_waits_is_taken, {"a_result_is_stored_before_its_task_succeeds"}, "sinks"),
    Bug(hand_over_before_the_last_is_stored, {"one_batch_at_a_time"}, "sinks"),
    Bug(tell_floors_of_runs, {"a_floor_passes_no_unsettled_number"}, "sinks"),
    Bug(forget_what_is_asked, {"what_goes_to_a_sink_is_in_its_outlet"}, "sinks"),
    Bug(count_what_is_delivered_still, {"a_worker_counts_its_results"}, "sinks"),
    Bug(exceed_the_credit, {"results_stay_within_credit"}, "sinks"),
    Bug(count_what_moved, {"an_end_is_true", "the_end_is_told_truly"}, "sinks"),
    Bug(answer_one_end_of_a_run, {"the_end_is_told_truly"}, "sinks"),
]
