"""Bugs of producers with journals."""

from __future__ import annotations

from zmqwork.core import outlets
from zmqwork.core.books import Books
from zmqwork.core.clients import Account
from zmqwork.core.effects import Confirm
from zmqwork.core.intake import Intake
from zmqwork.core.journaling import Journaling
from zmqwork.core.listener import Listener
from zmqwork.core.recovery import Recovery
from zmqwork.core.runner import Runner
from zmqwork.journal.state import State

from .bug import Bug


def ack_before_it_is_written(monkeypatch):
    def record(self, now):
        self.acks.update(self._recorded)
        original(self, now)

    original = Journaling.record
    monkeypatch.setattr(Journaling, "record", record)


def at_once(monkeypatch, doing):
    """Do this with each turn that waits to be written."""

    def record(self, now):
        original(self, now)
        for turn in self._turns:
            doing(self, turn)

    original = Journaling.record
    monkeypatch.setattr(Journaling, "record", record)


def dispatch_before_it_is_written(monkeypatch):
    def place(self, turn):
        self._place(turn)
        turn.filed = []

    at_once(monkeypatch, place)


def settle_before_it_is_written(monkeypatch):
    def settle(self, turn):
        self._books.out += turn.effects
        turn.effects = []

    at_once(monkeypatch, settle)


def confirm_before_it_is_written(monkeypatch):
    def confirm(self, turn):
        if turn.newest:
            self._books.out.append(Confirm(turn.newest))
            turn.newest = 0

    at_once(monkeypatch, confirm)


def dispatch_before_its_worker_is_named(monkeypatch):
    monkeypatch.setattr(Journaling, "is_naming", False)


def tell_what_a_broken_journal_lacks(monkeypatch):
    def failed(self, text):
        self._books.report()
        original(self, text)

    original = Journaling.failed
    monkeypatch.setattr(Journaling, "failed", failed)


def change_the_legacy(monkeypatch, doing):
    """Let the next process be told something else."""

    def legacy(*args):
        told = original(*args)
        doing(told)
        return told

    original = State.legacy
    monkeypatch.setattr(State, "legacy", legacy)


def give_numbers_again(monkeypatch):
    def forget(told):
        told.newest = max((task.seq for task in told.tasks), default=0)

    change_the_legacy(monkeypatch, forget)


def lose_a_task(monkeypatch):
    def forget(told):
        del told.tasks[:1]

    change_the_legacy(monkeypatch, forget)


def forget_what_was_counted(monkeypatch):
    def forget(told):
        for task in told.tasks:
            task.trial = None

    change_the_legacy(monkeypatch, forget)


def take_tasks_for_older(monkeypatch):
    def forget(told):
        for task in told.tasks:
            task.age += 10.0

    change_the_legacy(monkeypatch, forget)


def number_results_anew(monkeypatch):
    monkeypatch.setattr(outlets, "EPOCH_NUMBERS", 0)


def forget_numbers_at_inboxes(monkeypatch):
    number_results_anew(monkeypatch)

    def forget(told):
        told.inboxes = {}

    change_the_legacy(monkeypatch, forget)


def record_no_trials(monkeypatch):
    monkeypatch.setattr(Books, "suffered", lambda *_: None)


def wait_for_no_worker(monkeypatch):
    monkeypatch.setattr(Recovery, "look", Recovery.release)


def keep_the_numbers_of_attempts(monkeypatch):
    def begin_epoch(self, epoch):
        self.epoch = epoch

    monkeypatch.setattr(Account, "begin_epoch", begin_epoch)


def hear_older_processes(monkeypatch):
    def hello(self, link, said, fingerprint, now):
        client = self.clients.get(said.node_id)
        if client is not None and said.epoch < client.epoch:
            client.epoch, client.session = said.epoch, 0
        original(self, link, said, fingerprint, now)

    def opened(self, client, said, now):
        account = self._accounts.get(client.node_id)
        if account is not None:
            account.epoch = min(account.epoch, client.epoch)
        welcomed(self, client, said, now)

    original, welcomed = Listener._hello, Runner.client_opened
    monkeypatch.setattr(Listener, "_hello", hello)
    monkeypatch.setattr(Runner, "client_opened", opened)


def keep_what_has_not_begun(monkeypatch):
    def drop(self, held, now, *, hard=False):
        if held.begun or not held.account.epoch or held.account.client.link is not None:
            original(self, held, now, hard=hard)

    original = Intake.drop
    monkeypatch.setattr(Intake, "drop", drop)


LEFT = {"nothing_leaves_before_it_is_written"}
COUNTED = {"what_went_wrong_is_written", *LEFT}


BUGS = [
    Bug(ack_before_it_is_written, LEFT, "journals"),
    Bug(dispatch_before_it_is_written, LEFT, "journals"),
    Bug(settle_before_it_is_written, {"what_is_told_is_written"}, "journals"),
    Bug(confirm_before_it_is_written, {"what_is_confirmed_is_written"}, "journals"),
    Bug(dispatch_before_its_worker_is_named, LEFT, "journals"),
    Bug(tell_what_a_broken_journal_lacks, {"what_is_told_is_written"}, "journals"),
    Bug(give_numbers_again, {"each_number_is_filed_once"}, "journals"),
    Bug(lose_a_task, {"nothing_confirmed_is_lost", "everything_is_settled"}, "journals"),
    Bug(forget_what_was_counted, COUNTED, "journals"),
    Bug(take_tasks_for_older, {"nothing_begins_before_its_time"}, "journals"),
    Bug(number_results_anew, {"each_number_is_one_task"}, "journals"),
    Bug(forget_numbers_at_inboxes, {"each_number_is_one_task"}, "journals"),
    Bug(record_no_trials, COUNTED, "journals"),
    Bug(wait_for_no_worker, {"what_a_worker_runs_is_adopted"}, "journals"),
    Bug(keep_the_numbers_of_attempts, {"everything_is_settled"}, "journals"),
    Bug(hear_older_processes, {"an_older_process_is_not_heard"}, "journals"),
    Bug(keep_what_has_not_begun, {"orphans_are_bounded_and_begin_nothing"}, "journals"),
]
