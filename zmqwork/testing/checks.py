"""When each checker looks: after every turn, now and then, and in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zmqwork.core.effects import Effect, Left
from zmqwork.core.events import Event
from zmqwork.core.ledger import Entry
from zmqwork.testing import checkers, endings
from zmqwork.testing.node import Node, Producer, Worker

if TYPE_CHECKING:
    from zmqwork.testing.cluster import Cluster

_WATCH_SECONDS = 0.25


class Checks:
    """All promises, each at its time."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._older: list[tuple[Entry, checkers.Blame]] = []
        self._idle: dict[tuple[str, str], float] = {}
        self.calm = False  # nothing goes wrong at present, nor has lately

    def before(self, node: Node, event: Event) -> None:
        """Before a machine takes an event."""
        if isinstance(node, Producer):
            self._older = checkers.failures_of_older_attempts(node, event)

    def after(self, node: Node) -> None:
        """After it."""
        if isinstance(node, Producer):
            checkers.a_stale_failure_ends_nothing(node, self._older)

    def turned(self, node: Node, effects: list[Effect], now: float) -> None:
        """After a turn."""
        checkers.the_deadline_is_ahead(node, now)
        if isinstance(node, Producer):
            checkers.no_accepted_task_vanishes(node)
            checkers.each_task_is_in_one_place(node)
            checkers.a_producer_is_bounded(node)
            checkers.credit_is_never_exceeded(node, effects)
        elif isinstance(node, Worker):
            checkers.credit_is_never_granted_twice(node, effects)
            checkers.each_attempt_is_in_one_place(node)
            checkers.a_worker_is_bounded(node)
            checkers.what_runs_was_submitted(self._cluster, node, effects)
            checkers.nothing_starts_on_an_expired_lease(self._cluster, node, effects)
            if node.drained and any(isinstance(effect, Left) for effect in effects):
                checkers.a_drained_worker_leaves_nothing(node)

    def settling(self, node: Producer, entry: Entry) -> None:
        """When a task settles."""
        checkers.a_task_settles_once_and_as_it_happened(self._cluster, node, entry)

    def now_and_then(self) -> None:
        """Every quarter of a second."""
        endings.the_dead_are_given_up(self._cluster)
        if self.calm:
            self._idle = endings.no_slot_idles_while_tasks_wait(self._cluster, self._idle)
        self._cluster.clock.call_later(_WATCH_SECONDS, self.now_and_then)

    def at_rest(self) -> None:
        """When everything was healed, and time enough has passed."""
        endings.everything_is_settled(self._cluster)
        endings.all_credit_is_back(self._cluster)
        for node in self._cluster.producers:
            checkers.what_is_settled_stays(self._cluster, node)

    def undisturbed(self) -> None:
        """When nothing went wrong but what handlers do."""
        endings.nobody_is_lost_without_cause(self._cluster)
        endings.nothing_runs_twice_without_cause(self._cluster)
