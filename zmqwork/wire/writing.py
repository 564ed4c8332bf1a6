"""A message's fields, in the order in which frame 0 has them behind verb and number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zmqwork.core import delivery, messages, orders, progress
from zmqwork.wire import advancing, delivering, dispatching, ordering, verbs
from zmqwork.wire.limits import FAILURE_CHARACTERS_MAX, REFUSAL_BYTES_MAX
from zmqwork.wire.payloads import Outgoing


def _hello(m: messages.Hello, _: Outgoing) -> list[Any]:
    low, high = m.protocol
    protocol = [low, high]
    return [
        m.session,
        m.node_id,
        m.role,
        m.name,
        m.realm,
        protocol,
        m.epoch,
        m.heartbeat_interval,
        *([m.producer_id] if m.producer_id or m.can else []),
        *([m.can] if m.can else []),
    ]


def _welcome(m: messages.Welcome, _: Outgoing) -> list[Any]:
    fields = [
        m.session,
        m.node_id,
        m.role,
        m.name,
        m.realm,
        m.protocol,
        m.heartbeat_interval,
        m.silence_timeout,
        m.host,
        m.pid,
        m.slots,
        m.queues,
        m.tasks,
        [[held[column] for held in m.held] for column in range(3)],
    ]
    neighbours = _neighbours(m.neighbours)
    of_queues = [m.weights, m.strict, m.without] if m.weights or m.strict or m.without else []
    if m.sinks or m.inbox or m.taken or m.can or of_queues:
        of_sink = [m.sinks, m.inbox, delivering.write_ranges(m.taken)]
        can = [m.can] if m.can or of_queues else []
        return [*fields, *(neighbours or [[]]), *of_sink, *can, *of_queues]
    return [*fields, *neighbours]


def _neighbours(neighbours: list[messages.Neighbour]) -> list[Any]:
    """A last field, where there are some: beats without news stay as short as they were."""
    return [list(map(_neighbour, neighbours))] if neighbours else []


def _neighbour(n: messages.Neighbour) -> list[Any]:
    return [n.node_id, n.role, n.endpoints, *([n.fingerprint] if n.fingerprint else [])]


def _refused(m: messages.Refused, _: Outgoing) -> list[Any]:
    return [m.code, _shortened(m.text, REFUSAL_BYTES_MAX // 4)]


def _ping(m: messages.Ping, _: Outgoing) -> list[Any]:
    return [m.sequence, m.lag, *_neighbours(m.neighbours)]


def _pong(m: messages.Pong, _: Outgoing) -> list[Any]:
    return [m.sequence, m.lag]


def _nothing(_: messages.Draining | messages.Bye, __: Outgoing) -> list[Any]:
    return []


def _demand(m: messages.Demand, _: Outgoing) -> list[Any]:
    return [m.backlog]


def _credit(m: messages.Credit, _: Outgoing) -> list[Any]:
    return [m.attempts, m.size_bytes, m.extra] if m.extra else [m.attempts, m.size_bytes]


def _started(m: messages.Started, _: Outgoing) -> list[Any]:
    return [m.seqs, m.attempts]


def _done(m: messages.Done, out: Outgoing) -> list[Any]:
    failures = _failures(m.failures) if m.failures else []
    return [m.batch, m.seqs, m.attempts, out.place(m.values), failures, m.times]


def _failures(failures: list[messages.Failure]) -> list[list[Any]]:
    total = sum(_characters(failure.error) for failure in failures)
    if total <= FAILURE_CHARACTERS_MAX:
        return [[f.seq, f.attempt, f.outcome, f.error] for f in failures]
    # Thousands of tracebacks at once: that they failed is told of each, at the same length.
    keys = max(len(failure.error) for failure in failures)
    most = FAILURE_CHARACTERS_MAX // (len(failures) * max(1, keys))
    return [
        [
            f.seq,
            f.attempt,
            f.outcome,
            {k: _shortened(v, most) if isinstance(v, str) else v for k, v in f.error.items()},
        ]
        for f in failures
    ]


def _characters(error: dict[str, Any]) -> int:
    return sum(len(value) for value in error.values() if isinstance(value, str))


def _shortened(text: str, most: int) -> str:
    """Beginning and end of a text: what was raised, and where."""
    if len(text) <= most:
        return text
    half = max(0, most - 3) // 2
    return f"{text[:half]}...{text[len(text) - half :]}"


def _done_ack(m: messages.DoneAck, _: Outgoing) -> list[Any]:
    return [m.batch]


def _return(m: messages.Return, _: Outgoing) -> list[Any]:
    return [m.reason, m.seqs, m.attempts]


def _recall(m: messages.Recall, _: Outgoing) -> list[Any]:
    return [m.count, m.queue] if m.queue else [m.count]


def _cancel(m: messages.Cancel, _: Outgoing) -> list[Any]:
    return [m.seqs, True] if m.hard else [m.seqs]


def _info(m: messages.Info, _: Outgoing) -> list[Any]:
    return [m.request, m.seq] if m.seq else [m.request]


def _status(m: messages.Status, _: Outgoing) -> list[Any]:
    return [m.request, m.status]


Writer = Callable[[Any, Outgoing], list[Any]]

WRITERS: dict[type[messages.Message], tuple[int, Writer]] = {
    messages.Hello: (verbs.HELLO, _hello),
    messages.Welcome: (verbs.WELCOME, _welcome),
    messages.Refused: (verbs.REFUSED, _refused),
    messages.Ping: (verbs.PING, _ping),
    messages.Pong: (verbs.PONG, _pong),
    messages.Draining: (verbs.DRAINING, _nothing),
    messages.Bye: (verbs.BYE, _nothing),
    messages.Demand: (verbs.DEMAND, _demand),
    messages.Credit: (verbs.CREDIT, _credit),
    messages.Tasks: (verbs.TASKS, dispatching.tasks),
    messages.Started: (verbs.STARTED, _started),
    messages.Done: (verbs.DONE, _done),
    messages.DoneAck: (verbs.DONE_ACK, _done_ack),
    messages.Return: (verbs.RETURN, _return),
    messages.Recall: (verbs.RECALL, _recall),
    messages.Cancel: (verbs.CANCEL, _cancel),
    progress.Progress: (verbs.PROGRESS, advancing.progress),
    progress.Parts: (verbs.PARTS, advancing.parts),
    progress.PartsAck: (verbs.PARTS_ACK, advancing.parts_ack),
    delivery.Results: (verbs.RESULTS, delivering.results),
    delivery.ResultsAck: (verbs.RESULTS_ACK, delivering.results_ack),
    delivery.Have: (verbs.HAVE, delivering.have),
    delivery.Has: (verbs.HAS, delivering.has),
    delivery.Floor: (verbs.FLOOR, delivering.floor),
    delivery.End: (verbs.END, delivering.end),
    delivery.Ended: (verbs.ENDED, delivering.ended),
    delivery.Route: (verbs.ROUTE, delivering.route),
    messages.Info: (verbs.INFO, _info),
    messages.Status: (verbs.STATUS, _status),
    orders.Order: (verbs.ORDER, ordering.order),
    orders.Ordered: (verbs.ORDERED, ordering.ordered),
}
