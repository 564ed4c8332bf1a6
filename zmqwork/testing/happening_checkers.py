"""What producers promise to those who listen."""

from __future__ import annotations

from zmqwork.core.effects import Effect, Settle, Tell
from zmqwork.core.happenings import LATE, REJECTED, RESUBMITTED, RETRIED, SUBMITTED
from zmqwork.core.lifecycle import FAILED
from zmqwork.testing.checkers import require
from zmqwork.testing.node import Producer

# What the machine counts for people, and tells one by one.
_COUNTED = (SUBMITTED, RETRIED, RESUBMITTED)


def what_is_counted_is_told(node: Producer, effects: list[Effect]) -> None:
    """Each retry, and its like, is told once."""
    for effect in effects:
        if isinstance(effect, Tell):
            for happening in effect.happenings:
                node.told[happening.kind] = node.told.get(happening.kind, 0) + 1
    counters, told = node.machine.counters, node.told
    for kind in _COUNTED:
        good = told.get(kind, 0) == counters[kind]
        require(what_is_counted_is_told, good, node, kind, counters[kind], "told", told.get(kind))
    # (Of a task that is settled there is nothing to tell; nor of one that died of it.)
    for kind in (LATE, REJECTED):
        good = told.get(kind, 0) <= counters[kind]
        require(what_is_counted_is_told, good, node, kind, counters[kind], "told", told.get(kind))


def who_failed_a_task_is_told(node: Producer, effects: list[Effect]) -> None:
    """With a failure comes the worker that it is of; nothing is kept beyond the turn."""
    for effect in effects:
        if isinstance(effect, Settle):
            # (What the journal refused, or could not take, no worker has failed.)
            failed = [
                e.seq
                for e in effect.entries
                if e.state == FAILED and "journal" not in (e.error or {})
            ]
            good = set(failed) <= set(effect.enders) <= {e.seq for e in effect.entries}
            require(who_failed_a_task_is_told, good, node, failed, effect.enders)
    kept = node.machine._books.happenings
    good = kept is not None and not kept.told and not kept.enders
    require(who_failed_a_task_is_told, good, node, "keeps happenings")
