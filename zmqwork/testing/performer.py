"""Who performs what machines want: the shell of a simulated node."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any

from zmqwork.core.effects import (
    AddParts,
    Alarm,
    Answer,
    Confirm,
    Deliver,
    Dial,
    Effect,
    Execute,
    HangUp,
    Interrupt,
    Left,
    Notice,
    Peek,
    Probe,
    Record,
    Restart,
    Send,
    Settle,
    TakeBack,
)
from zmqwork.core.lifecycle import SUCCEEDED
from zmqwork.core.link_events import Probed
from zmqwork.testing import journal_checkers, streaming_checkers
from zmqwork.testing.node import DEAD, Node, Producer, Sink, Worker

if TYPE_CHECKING:
    from zmqwork.testing.cluster import Cluster

# How long it takes to look whether a process is there.
_PROBE = (0.0005, 0.005)


class Performer:
    """Performs effects on a cluster's network, pools and truth."""

    def __init__(self, cluster: Cluster, random: Random) -> None:
        self._cluster = cluster
        self._random = random
        self._by_type: dict[type[Effect], Callable[[Any, Any], None]] = {
            Send: self._send,
            Execute: self._execute,
            Deliver: self._deliver,
            Settle: self._settle,
            AddParts: self._add_parts,
            Record: self._record,
            Left: self._leave,
            Confirm: self._confirm,
            Dial: self._dial,
            HangUp: self._hang_up,
            Probe: self._probe,
            TakeBack: self._take_back,
            Peek: lambda node, effect: node.pool.peek(effect.slot),
            Restart: self._restart,
            Alarm: self._interrupt,
            Interrupt: self._interrupt,
            Answer: self._answer,
            Notice: self._notice,
        }

    def perform(self, node: Node, effect: Effect) -> None:
        """Do what a machine wants done (what is only for people to see is nothing to do)."""
        doing = self._by_type.get(type(effect))
        if doing is not None:
            doing(node, effect)

    def _send(self, node: Node, effect: Send) -> None:
        self._cluster.checks.marks.sent(effect.message)
        self._cluster.network.send(node, effect.link, effect.number, effect.message)

    def _dial(self, node: Node, effect: Dial) -> None:
        self._cluster.network.dial(node, effect.link, effect.endpoint)

    def _hang_up(self, node: Node, effect: HangUp) -> None:
        self._cluster.network.hang_up(node, effect.link, farewell=effect.farewell)

    def _execute(self, node: Worker, effect: Execute) -> None:
        node.pool.execute(effect.slot, effect.attempts)

    def _deliver(self, node: Sink, effect: Deliver) -> None:
        node.store.deliver(effect)

    def _take_back(self, node: Worker, effect: TakeBack) -> None:
        node.pool.take_back(effect.slot)

    def _restart(self, node: Worker, effect: Restart) -> None:
        node.pool.restart(effect.slot)

    def _interrupt(self, node: Worker, effect: Alarm | Interrupt) -> None:
        node.pool.interrupt(effect.slot, effect.attempt)

    def _answer(self, node: Node, effect: Answer) -> None:
        self._cluster.answers[effect.request] = effect.value
        del node

    def _record(self, node: Producer, effect: Record) -> None:
        assert node.recorder is not None
        node.recorder.hand_over(effect)

    def _leave(self, node: Node, effect: Left) -> None:
        if isinstance(node, Producer) and node.recorder is not None:
            node.recorder.close()
        del effect

    def _confirm(self, node: Producer, effect: Confirm) -> None:
        journal_checkers.what_is_confirmed_is_written(self._cluster, node, effect.seq)

    def _settle(self, node: Producer, effect: Settle) -> None:
        truth = self._cluster.truth
        for entry in effect.entries:
            fate = truth.tasks[node.node_id][entry.seq]
            if journal_checkers.is_untold(node, entry):
                node.untold += 1
                if journal_checkers.is_refused(entry):
                    fate.refused = True
                    truth.unsettled[node.node_id] -= 1
                continue
            self._cluster.checks.settling(node, entry)
            self._cluster.checks.marks.settled(entry, fate)
            fate.settled = (entry.state, entry.value, repr(entry.error))
            truth.unsettled[node.node_id] -= 1
            if node.archive is not None and entry.seq not in node.archive.filed:
                node.untold += 1  # it ended, then was refused: its number may be given again
                continue
            node.settled.append(entry)
            if fate.then is not None and entry.state == SUCCEEDED:
                fate.then()

    def _add_parts(self, node: Producer, effect: AddParts) -> None:
        streaming_checkers.parts_come_once_in_order(self._cluster.truth, node, effect)

    def _notice(self, node: Node, notice: Notice) -> None:
        self._cluster.notices.append((node.name, notice))
        self._cluster.checks.marks.noticed(notice)
        if isinstance(node, Producer) and notice.kind == "peer_lost":
            node.losses += 1
        if isinstance(node, Worker) and notice.kind == "drain_cut":
            node.drained = False

    def _probe(self, node: Node, probe: Probe) -> None:
        delay = self._random.uniform(*_PROBE)
        self._cluster.clock.call_later(delay, self._probed, node, probe)

    def _probed(self, node: Node, probe: Probe) -> None:
        cluster = self._cluster
        owner = cluster.owners.get(probe.endpoint)
        gone = cluster.proves_death and (owner is None or owner.condition == DEAD)
        if owner is not None and not cluster.network.connected(node.name, owner.name):
            gone = False
        node.post(Probed(probe.key, gone))
