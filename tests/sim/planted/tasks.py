"""Bugs of producers, workers and the links between them."""

from __future__ import annotations

from zmqwork.core import judge, lender
from zmqwork.core.books import Books
from zmqwork.core.departure import Departure
from zmqwork.core.feeder import Feeder
from zmqwork.core.judge import Judge
from zmqwork.core.lanes import Lane, Lanes
from zmqwork.core.listener import Listener
from zmqwork.core.loners import Loners
from zmqwork.core.numbering import FRESH, Numbering
from zmqwork.core.peer import Peer
from zmqwork.core.runner import Runner
from zmqwork.core.workers import Worker

from .bug import Bug


def forget_the_lost(monkeypatch):
    monkeypatch.setattr(Books, "give_back", lambda *_: None)


def count_stale_failures(monkeypatch):
    def failure(self, worker, failure, now):
        entry = self._books.ledger.get(failure.seq)
        if entry is not None and entry.worker is not None:
            failure.attempt = entry.attempt
            worker = entry.worker
        original(self, worker, failure, now)

    original = Judge._failure
    monkeypatch.setattr(Judge, "_failure", failure)


def ack_nothing(monkeypatch):
    monkeypatch.setattr(Runner, "_acked", lambda *_: None)


def grant_everybody_everything(monkeypatch):
    def adjust(total, limits, shares, *, exact):
        return [(index, total) for index, limit in enumerate(limits) if limit != total]

    monkeypatch.setattr(lender, "adjust", adjust)


def begin_on_any_lease(monkeypatch):
    def head(self, now):
        for held in self.ready:
            held.account.client.lease_from = now
        return original(self, now)

    original = Feeder._head
    monkeypatch.setattr(Feeder, "_head", head)


def overlook_gaps(monkeypatch):
    def judge(self, number):
        self.received = number
        return FRESH

    monkeypatch.setattr(Numbering, "judge", judge)


def leave_before_the_acks(monkeypatch):
    def is_done(self):
        return not any(slot.given for slot in self._feeder.slots)

    monkeypatch.setattr(Departure, "is_done", is_done)


def let_nothing_expire_twice(monkeypatch):
    monkeypatch.setattr(Books, "may_expire", lambda *_: None)


def exceed_credit(monkeypatch):
    original = Lane.take
    monkeypatch.setattr(Lane, "take", lambda self, count, size: original(self, count + 1, size))


def settle_late_results_twice(monkeypatch):
    def late(self, worker, seq, attempt, value, now):
        entry = self._books.ledger.get(seq)
        original(self, worker, seq, attempt, value, now)
        if entry is not None:
            self._books.settled.append(entry)

    original = Judge._late_success
    monkeypatch.setattr(Judge, "_late_success", late)


def favour_the_first(monkeypatch):
    def share(total, claims):
        return [total if place == 0 else 0 for place, _ in enumerate(claims)]

    monkeypatch.setattr(lender, "share", share)


def take_hello_for_a_lease(monkeypatch):
    def hello(self, link, hello, fingerprint, now):
        original(self, link, hello, fingerprint, now)
        for client in self.clients.values():
            client.lease_from = max(client.lease_from, client.welcomed_at)

    original = Listener._hello
    monkeypatch.setattr(Listener, "_hello", hello)


def probe_elsewhere(monkeypatch):
    monkeypatch.setattr(Peer, "reached", property(lambda self: self.endpoints[-1], lambda *_: None))


def forget_what_workers_have_besides(monkeypatch):
    monkeypatch.setattr(Worker, "load", property(lambda self: len(self.held)))


def keep_what_workers_had_besides(monkeypatch):
    def late(self, worker, seq, attempt, value, now):
        strays = dict(worker.strays)
        original(self, worker, seq, attempt, value, now)
        worker.strays = strays

    original = Judge._late_success
    monkeypatch.setattr(Judge, "_late_success", late)


def forget_who_rejected(monkeypatch):
    monkeypatch.setattr(judge, "unfit_for", lambda spec, node_id: spec)


def pause_in_secret(monkeypatch):
    monkeypatch.setattr(lender.Lender, "withhold", lambda *_: None)


def drop_lanes_of_rejected_tasks(monkeypatch):
    def drop_empty(self):
        for key in self.rejected:
            self._lanes.pop(key, None)
        original(self)

    original = Lanes.drop_empty
    monkeypatch.setattr(Lanes, "drop_empty", drop_empty)


def mix_suspects_with_others(monkeypatch):
    monkeypatch.setattr(Loners, "add", lambda *_: None)


def lend_a_little_too_much(monkeypatch):
    """It was so: who had more than was left kept that, if it was not worth a message."""

    def grant(self, accounts, full):
        self.is_stale = False
        total = self._window.total()
        exact = self._is_exact(total)
        parts = [account.limit - account.extra for account in accounts]
        told = {}
        if parts != [total]:
            shares = lender.share(total, [(a.backlog > 0, len(a.held)) for a in accounts])
            told = dict(lender.adjust(total, parts, shares, exact=exact))
        left = lender.EXTRA_MAX
        for index in [*told, *(i for i in range(len(accounts)) if i not in told)]:
            account = accounts[index]
            part = told.get(index, parts[index])
            extra = min(left, lender._extra(account, part, exact=exact))
            if account in full:
                extra = min(extra, account.extra)
            if index in told or lender._is_worth(account, part, extra, exact=exact):
                account.extra = extra
                self._tell(account, part + extra)
            left = max(0, left - account.extra)

    monkeypatch.setattr(lender.Lender, "grant", grant)


BUGS = [
    Bug(forget_the_lost, {"each_task_is_in_one_place", "everything_is_settled"}),
    Bug(count_stale_failures, {"a_stale_failure_ends_nothing"}),
    Bug(ack_nothing, {"all_credit_is_back", "everything_is_settled"}),
    Bug(grant_everybody_everything, {"credit_is_never_granted_twice"}),
    Bug(begin_on_any_lease, {"nothing_starts_on_an_expired_lease"}),
    Bug(overlook_gaps, {"everything_is_settled", "all_credit_is_back"}),
    Bug(leave_before_the_acks, {"a_drained_worker_leaves_nothing"}),
    Bug(let_nothing_expire_twice, {"each_task_is_in_one_place"}),
    Bug(exceed_credit, {"credit_is_never_exceeded"}),
    Bug(settle_late_results_twice, {"a_task_settles_once_and_as_it_happened"}),
    Bug(favour_the_first, {"no_slot_idles_while_tasks_wait"}),
    Bug(take_hello_for_a_lease, {"nothing_starts_on_an_expired_lease"}),
    Bug(probe_elsewhere, {"nobody_is_lost_without_cause"}),
    Bug(forget_what_workers_have_besides, {"no_task_is_tossed_about"}),
    Bug(keep_what_workers_had_besides, {"all_credit_is_back"}),
    Bug(mix_suspects_with_others, {"a_suspect_begins_alone"}),
    Bug(forget_who_rejected, {"a_worker_is_not_given_what_it_rejected"}),
    Bug(pause_in_secret, {"no_task_is_tossed_about"}),
    Bug(drop_lanes_of_rejected_tasks, {"each_task_is_in_one_place"}),
    Bug(lend_a_little_too_much, {"credit_is_never_granted_twice"}, "sinks"),
]
