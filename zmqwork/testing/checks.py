"""When each checker looks: after every turn, now and then, and in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zmqwork.core.effects import Effect, Left, Send
from zmqwork.core.events import DrainRequested, Event
from zmqwork.core.ledger import Entry
from zmqwork.core.lifecycle import SUCCEEDED
from zmqwork.core.link_events import Received
from zmqwork.core.messages import Ping, Pong
from zmqwork.testing import (
    checkers,
    endings,
    happening_checkers,
    journal_checkers,
    queue_checkers,
    sink_checkers,
    sink_endings,
    streaming_checkers,
)
from zmqwork.testing.marks import Marks
from zmqwork.testing.node import Node, Producer, Sink, Worker

if TYPE_CHECKING:
    from zmqwork.testing.cluster import Cluster

_WATCH_SECONDS = 0.25

# Whoever has no more tasks than these is looked at as a whole after every turn. Of more, each turn
# pays for a few, and all are looked at when that is paid for: a check of a task then costs the same
# whether there are a hundred or 10,000.
_FEW = 120
_PAID = 25


class Checks:
    """All promises, each at its time."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._stirs = False  # whether the turn that goes on is about more than heartbeats
        self._older: list[tuple[Entry, checkers.Blame]] = []
        self._undecided: frozenset[int] = frozenset()
        self._idle: endings.Idle = {}
        self._strays: sink_endings.Detours = {}
        self.marks = Marks()
        cluster.network.cut = self.marks.cut
        self.calm = False  # nothing goes wrong at present, nor has lately

    def before(self, node: Node, event: Event) -> None:
        """Before a machine takes an event."""
        self._stirs = self._stirs or not _only_beats(event)
        if isinstance(event, DrainRequested):
            self.marks.drained(node)
        if isinstance(node, Producer):
            self._older = checkers.failures_of_older_attempts(node, event)
            if node.archive is not None:
                self._undecided = journal_checkers.undecided(node, event)
            checkers.no_task_is_tossed_about(node, event)
        elif isinstance(node, Sink):
            sink_checkers.note(node, event)
        elif isinstance(node, Worker):
            sink_checkers.note_told(node, event)

    def after(self, node: Node, event: Event) -> None:
        """After it."""
        if isinstance(node, Producer):
            checkers.a_stale_failure_ends_nothing(node, self._older)
            if node.archive is not None:
                journal_checkers.note_verdicts(node, event, self._undecided)

    def turned(self, node: Node, effects: list[Effect], now: float) -> None:
        """After a turn."""
        checkers.the_deadline_is_ahead(node, now)
        stirs, self._stirs = self._stirs or not all(map(_is_beat, effects)), False
        if not stirs:
            return  # heartbeats, as most turns are, leave all as it was
        node.paid += _PAID
        if isinstance(node, Producer):
            self._producer_as_a_whole(node)
            checkers.credit_is_never_exceeded(node, effects)
            queue_checkers.nothing_paused_is_dispatched(node, effects)
            queue_checkers.the_larger_goes_first(node, effects)
            checkers.a_worker_is_not_given_what_it_rejected(node, effects)
            happening_checkers.what_is_counted_is_told(node, effects)
            happening_checkers.who_failed_a_task_is_told(node, effects)
            if self._cluster.sinks:
                self._producer_of_sinks(node, effects)
            if node.archive is not None:
                journal_checkers.nothing_leaves_before_it_is_written(self._cluster, node, effects)
                journal_checkers.what_a_worker_runs_is_adopted(self._cluster, node, effects)
        elif isinstance(node, Sink):
            sink_checkers.nothing_is_handed_over_twice(node, effects)
            sink_checkers.what_is_acked_is_stored(node, effects)
            sink_checkers.a_sink_is_bounded(node)
        elif isinstance(node, Worker):
            checkers.credit_is_never_granted_twice(node, effects)
            self._worker_as_a_whole(node)
            checkers.a_suspect_begins_alone(node, effects)
            checkers.what_runs_was_submitted(self._cluster, node, effects)
            checkers.nothing_starts_on_an_expired_lease(self._cluster, node, effects)
            journal_checkers.an_older_process_is_not_heard(node)
            journal_checkers.orphans_are_bounded_and_begin_nothing(node, effects)
            if node.drained and any(isinstance(effect, Left) for effect in effects):
                checkers.a_drained_worker_leaves_nothing(node)
            if self._cluster.sinks:
                sink_checkers.results_stay_within_credit(node, effects)

    def _producer_as_a_whole(self, node: Producer) -> None:
        self.marks.looked_at(node)
        if len(node.machine._ledger) > max(_FEW, node.paid):
            return
        node.paid = 0
        checkers.no_accepted_task_vanishes(node)
        checkers.each_task_is_in_one_place(node)
        checkers.a_producer_is_bounded(node)
        queue_checkers.what_is_paused_is_recalled(node)
        if self._cluster.sinks:
            sink_checkers.what_goes_to_a_sink_is_in_its_outlet(node)
        if node.archive is not None:
            journal_checkers.what_went_wrong_is_written(node)

    def _worker_as_a_whole(self, node: Worker) -> None:
        count = checkers.count_what_is_held(node)
        self.marks.looked_at(node)
        if count > max(_FEW, node.paid):
            return
        node.paid = 0
        checkers.each_attempt_is_in_one_place(node)
        checkers.a_worker_is_bounded(node)
        queue_checkers.what_waits_begins_in_order(node)
        if self._cluster.sinks:
            sink_checkers.a_worker_counts_its_results(node)

    def _producer_of_sinks(self, node: Producer, effects: list[Effect]) -> None:
        sink_checkers.each_number_is_one_task(self._cluster, node, effects)
        sink_checkers.a_floor_passes_no_unsettled_number(node, effects)
        sink_checkers.an_end_is_true(self._cluster, node, effects)

    def settling(self, node: Producer, entry: Entry) -> None:
        """When a task settles."""
        checkers.a_task_settles_once_and_as_it_happened(self._cluster, node, entry)
        if node.archive is not None:
            journal_checkers.what_is_told_is_written(node, entry)
        checkers.nothing_begins_before_its_time(self._cluster, node, entry)
        streaming_checkers.no_part_is_missing(node, entry)
        if entry.state == SUCCEEDED and entry.spec.options.goes_to_sink:
            sink_checkers.a_result_is_stored_before_its_task_succeeds(self._cluster, node, entry)

    def now_and_then(self) -> None:
        """Every quarter of a second."""
        endings.the_dead_are_given_up(self._cluster)
        if self.calm:
            self._idle = endings.no_slot_idles_while_tasks_wait(self._cluster, self._idle)
            queue_checkers.what_is_paused_comes_back(self._cluster)
        if self._cluster.sinks:
            sink_endings.dead_sinks_are_given_up(self._cluster)
            self._strays = sink_endings.workers_know_where_results_go(self._cluster, self._strays)
        self._cluster.clock.call_later(_WATCH_SECONDS, self.now_and_then)

    def at_rest(self) -> None:
        """When everything was healed, and time enough has passed."""
        endings.everything_is_settled(self._cluster)
        endings.all_credit_is_back(self._cluster)
        endings.no_timer_remains(self._cluster)
        endings.an_item_of_a_run_takes_effect_once(self._cluster)
        sink_endings.all_results_are_delivered(self._cluster)
        sink_endings.sinks_remember_little(self._cluster)
        for node in self._cluster.producers:
            checkers.what_is_settled_stays(self._cluster, node)
            journal_checkers.nothing_confirmed_is_lost(node)
        journal_checkers.everybody_is_back(self._cluster)

    def ended(self, node: Producer, report: list[dict[str, Any]], heard: list[str]) -> None:
        """When a producer has said that no more comes, and was told what sinks have."""
        sink_endings.the_end_is_told_truly(self._cluster, node, report, heard)

    def undisturbed(self) -> None:
        """When nothing went wrong but what handlers do."""
        endings.nobody_is_lost_without_cause(self._cluster)
        endings.nothing_runs_twice_without_cause(self._cluster)
        endings.what_kills_is_stopped(self._cluster)


def _only_beats(event: Event) -> bool:
    return isinstance(event, Received) and all(
        isinstance(message, Ping | Pong) for _, message in event.messages
    )


def _is_beat(effect: Effect) -> bool:
    return isinstance(effect, Send) and isinstance(effect.message, Ping | Pong)
