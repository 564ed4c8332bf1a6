"""Bugs of whoever runs a machine: its clock, its disk, and what it does not look at."""

from __future__ import annotations

from zmqwork.core import inventory
from zmqwork.core.collected import Collected
from zmqwork.core.feeder import Feeder
from zmqwork.core.intake import Intake
from zmqwork.core.lender import Lender
from zmqwork.core.listener import Listener
from zmqwork.core.runner import Runner
from zmqwork.journal.state import State
from zmqwork.testing.archive import ScriptedRecorder
from zmqwork.testing.cluster import Cluster
from zmqwork.testing.journal import MemoryJournal
from zmqwork.testing.node import Node

from .bug import Bug


def decide_by_the_wall_clock(monkeypatch):
    now = lambda self: self._clock.now * self.pace + self.offset + self.wall  # noqa: E731
    monkeypatch.setattr(Node, "now", property(now))


def let_the_clock_stand_in_sleep(monkeypatch):
    """CLOCK_MONOTONIC in the place of CLOCK_BOOTTIME."""

    def freeze(self, node):
        node.asleep_since = self.clock.now
        original(self, node)

    def resume(self, node):
        node.offset -= self.clock.now - vars(node).pop("asleep_since", self.clock.now)
        resumed(self, node)

    original, resumed = Cluster.freeze, Cluster.resume
    monkeypatch.setattr(Cluster, "freeze", freeze)
    monkeypatch.setattr(Cluster, "resume", resume)


def forget_the_epoch(monkeypatch):
    """It is not on the disk when the next process begins."""
    load = MemoryJournal.load

    def first(self):
        self._epoch = 0
        return load(self)

    monkeypatch.setattr(MemoryJournal, "load", first)


def lie_about_fsync(monkeypatch):
    """A disk that says that it has written what it has not: seen by what is lost with a crash."""

    def write(self, records):
        self.archive.volatile = self.archive.journal._state
        self.archive.journal._state = copy_of(self.archive.volatile)
        return written(self, records)

    def crash(self):
        self.archive.journal._state = getattr(self.archive, "volatile", self.archive.journal._state)
        crashed(self)

    written, crashed = ScriptedRecorder._write, ScriptedRecorder.crash
    monkeypatch.setattr(ScriptedRecorder, "_write", write)
    monkeypatch.setattr(ScriptedRecorder, "crash", crash)


def copy_of(state):
    copy = State()
    for name, there in vars(state).items():
        setattr(copy, name, dict(there))
    return copy


def tell_no_credit_in_a_new_session(monkeypatch):
    def forget(self, account):
        self.is_stale = True

    monkeypatch.setattr(Lender, "forget", forget)


def remember_the_newest_numbers_only(monkeypatch):
    """Duplicates are known for a while, and then they are not."""

    def receive(self, parcel):
        kept = original(self, parcel)
        newest = max(parcel.sink_seqs, default=0)
        old = type(self.seen)((first, last) for first, last in self.seen if last > newest - 20)
        self.seen = old
        return kept

    original = Collected.receive
    monkeypatch.setattr(Collected, "receive", receive)


def blame_what_had_not_begun(monkeypatch):
    """A child that dies takes along what waited behind what it ran."""

    def died(self, event):
        event.begun = len(self.slots[event.slot].given)
        original(self, event)

    original = Feeder.died
    monkeypatch.setattr(Feeder, "died", died)


def blame_whatever_a_lost_worker_had(monkeypatch):
    monkeypatch.setattr(
        inventory, "_probably_begun", lambda worker, held: {entry.seq for entry in held}
    )


def drop_what_waits_in_a_drain(monkeypatch):
    def give_back(self, account, items, reason):
        if reason != "draining":
            original(self, account, items, reason)

    original = Intake.give_back
    monkeypatch.setattr(Intake, "give_back", give_back)


def keep_results_without_end(monkeypatch):
    monkeypatch.setattr(Feeder, "_is_full", lambda *_: False)


def send_no_heartbeats_while_there_is_work(monkeypatch):
    def ping(self, client, now):
        account = self._machine._accounts.get(client.node_id)
        if account is not None and account.held:
            self._timers.set(("ping", client.node_id), now + self._health.heartbeat_interval)
        else:
            original(self, client, now)

    original = Listener._ping
    monkeypatch.setattr(Listener, "_ping", ping)


def leave_timers_behind(monkeypatch):
    """Of each producer that is lost something stays for ever."""

    def lost(self, client, now):
        original(self, client, now)
        self._timers.set(("lost", client.node_id), now + 1e9)

    original = Runner.client_lost
    monkeypatch.setattr(Runner, "client_lost", lost)


FENCE = {"nothing_starts_on_an_expired_lease"}

BUGS = [
    Bug(
        decide_by_the_wall_clock,
        {
            *FENCE,
            "nobody_is_lost_without_cause",
            "everything_is_settled",
            "a_task_settles_once_and_as_it_happened",
            "nothing_begins_before_its_time",
        },
    ),
    Bug(let_the_clock_stand_in_sleep, FENCE),
    Bug(
        forget_the_epoch,
        {
            "a_journal_settles_each_task_once",
            "each_number_is_one_task",
            "everything_is_settled",
            "what_a_worker_runs_is_adopted",
            "all_credit_is_back",
            "nothing_confirmed_is_lost",
            "a_task_settles_once_and_as_it_happened",
        },
    ),
    Bug(
        lie_about_fsync,
        {
            "nothing_confirmed_is_lost",
            "everything_is_settled",
            "numbers_never_come_again",
            "each_number_is_filed_once",
            "a_journal_settles_each_task_once",
        },
    ),
    Bug(
        tell_no_credit_in_a_new_session,
        {"everything_is_settled", "no_task_is_tossed_about", "no_slot_idles_while_tasks_wait"},
    ),
    Bug(
        remember_the_newest_numbers_only,
        {"nothing_is_handed_over_twice", "a_sink_is_bounded", "an_inbox_takes_each_number_once"},
    ),
    Bug(
        blame_what_had_not_begun,
        {"nothing_runs_twice_without_cause", "a_task_settles_once_and_as_it_happened"},
    ),
    Bug(blame_whatever_a_lost_worker_had, {"a_task_settles_once_and_as_it_happened"}),
    Bug(drop_what_waits_in_a_drain, {"everything_is_settled", "all_credit_is_back"}),
    Bug(keep_results_without_end, {"a_worker_counts_its_results"}),
    Bug(send_no_heartbeats_while_there_is_work, {"nobody_is_lost_without_cause"}),
    Bug(leave_timers_behind, {"no_timer_remains", "a_worker_is_bounded"}),
]
