"""The verbs of `core.delivery`, both ways: results for sinks, and what is said of them."""

from __future__ import annotations

from typing import Any

from zmqwork.core import delivery
from zmqwork.core.delivery import HAS_TAKEN, RANGES_MAX
from zmqwork.core.messages import BATCH_COUNT_MAX
from zmqwork.errors import DecodeError
from zmqwork.wire import fields
from zmqwork.wire.limits import ENDPOINT_BYTES_MAX, ENDPOINTS_MAX, HELD_MAX
from zmqwork.wire.payloads import Incoming, Outgoing

_KEYS_MAX = 256


def write_ranges(ranges: list[list[int]]) -> list[list[int]]:
    """Ranges as two columns."""
    return [[first for first, _ in ranges], [last for _, last in ranges]]


def read_ranges(value: Any, what: str) -> list[list[int]]:
    """Two columns as ranges: each after the one before, and with a gap between them."""
    columns = fields.array_of(value, what, 2, 2)
    firsts, lasts = [fields.numbers(column, what, RANGES_MAX) for column in columns]
    fields.same_length(firsts, lasts, f"beginnings and ends of {what}")
    least = 0
    for first, last in zip(firsts, lasts, strict=True):
        if not least <= first <= last:
            raise DecodeError(f"{what} are not in order")
        least = last + 2
    return [list(pair) for pair in zip(firsts, lasts, strict=True)]


def write_destination(to: delivery.Destination) -> list[Any]:
    """Where results go."""
    written: list[Any] = [to.node_id, to.inbox, to.endpoints, to.producer_id, to.sink_seqs]
    return [*written, to.fingerprint] if to.fingerprint else written


def read_destination(value: Any) -> delivery.Destination:
    """Where results go."""
    fields.array_of(value, "a destination", _KEYS_MAX, 5)
    node_id, inbox = value[0], fields.name_or_empty(value[1], "an inbox")
    if node_id != "" or not inbox:
        fields.node_id(node_id)
    endpoints = fields.array_of(value[2], "a destination's endpoints", ENDPOINTS_MAX)
    for endpoint in endpoints:
        fields.text(endpoint, "a destination's endpoint", ENDPOINT_BYTES_MAX, 1)
    producer_id = fields.name(value[3], "a producer's id")
    sink_seqs = fields.numbers(value[4], "a destination's numbers", HELD_MAX)
    key = fields.fingerprint(value[5]) if len(value) > 5 else ""
    return delivery.Destination(node_id, inbox, endpoints, producer_id, sink_seqs, key)


def route(m: delivery.Route, _: Outgoing) -> list[Any]:
    """ROUTE."""
    return [m.seqs, write_destination(m.to)]


def read_route(f: list[Any], _: Incoming) -> delivery.Route:
    """ROUTE."""
    seqs = fields.numbers(f[2], "ROUTE's tasks", HELD_MAX)
    to = read_destination(f[3])
    fields.same_length(seqs, to.sink_seqs, "tasks and numbers of ROUTE")
    return delivery.Route(seqs, to)


def results(m: delivery.Results, out: Outgoing) -> list[Any]:
    """RESULTS."""
    parcels = [[p.producer_id, p.name, p.sink_seqs, p.seqs, out.place(p.values)] for p in m.parcels]
    return [m.batch, parcels]


def read_results(f: list[Any], incoming: Incoming) -> delivery.Results:
    """RESULTS."""
    batch = fields.number(f[2], "RESULTS' batch")
    left = BATCH_COUNT_MAX
    parcels = []
    for parcel in fields.array_of(f[3], "RESULTS' parcels", BATCH_COUNT_MAX):
        fields.array_of(parcel, "a parcel", _KEYS_MAX, 5)
        sink_seqs = fields.numbers(parcel[2], "a parcel's numbers", left)
        seqs = fields.numbers(parcel[3], "a parcel's tasks", left)
        values = incoming.fetch(parcel[4], "a parcel's values", left)
        fields.same_length(sink_seqs, seqs, "numbers and tasks of a parcel")
        fields.same_length(sink_seqs, values, "numbers and values of a parcel")
        left -= len(seqs)
        producer_id = fields.name(parcel[0], "a producer's id")
        name = fields.task_name(parcel[1])
        parcels.append(delivery.Parcel(producer_id, name, sink_seqs, seqs, values))
    return delivery.Results(batch, parcels)


def results_ack(m: delivery.ResultsAck, _: Outgoing) -> list[Any]:
    """RESULTS_ACK."""
    return [m.batch]


def read_results_ack(f: list[Any], _: Incoming) -> delivery.ResultsAck:
    """RESULTS_ACK."""
    return delivery.ResultsAck(fields.number(f[2], "RESULTS_ACK's batch"))


def have(m: delivery.Have, _: Outgoing) -> list[Any]:
    """HAVE."""
    return [m.request, m.sink_seqs]


def read_have(f: list[Any], _: Incoming) -> delivery.Have:
    """HAVE."""
    request = fields.number(f[2], "HAVE's request")
    return delivery.Have(request, fields.numbers(f[3], "HAVE's numbers", HELD_MAX))


def has(m: delivery.Has, _: Outgoing) -> list[Any]:
    """HAS."""
    return [m.request, m.states]


def read_has(f: list[Any], _: Incoming) -> delivery.Has:
    """HAS."""
    states = fields.numbers(f[3], "HAS' states", HELD_MAX)
    if max(states, default=0) > HAS_TAKEN:
        raise DecodeError("a number's state in HAS is unknown")
    return delivery.Has(fields.number(f[2], "HAS' request"), states)


def floor(m: delivery.Floor, _: Outgoing) -> list[Any]:
    """FLOOR."""
    return [m.sink_seq]


def read_floor(f: list[Any], _: Incoming) -> delivery.Floor:
    """FLOOR."""
    return delivery.Floor(fields.number(f[2], "FLOOR's number"))


def end(m: delivery.End, _: Outgoing) -> list[Any]:
    """END."""
    return [m.count, m.succeeded, *([write_ranges(m.numbers)] if m.numbers else [])]


def read_end(f: list[Any], _: Incoming) -> delivery.End:
    """END."""
    m = delivery.End(fields.number(f[2], "END's count"), 0)
    if len(f) > 4:
        m.numbers = read_ranges(f[4], "END's numbers")
        if m.numbers and m.numbers[-1][1] != m.count:
            raise DecodeError("END's numbers do not end with its count")
    m.succeeded = fields.number(f[3], "END's successes", m.given)
    return m


def ended(m: delivery.Ended, _: Outgoing) -> list[Any]:
    """ENDED."""
    return [m.taken, write_ranges(m.missing)]


def read_ended(f: list[Any], _: Incoming) -> delivery.Ended:
    """ENDED."""
    taken = fields.number(f[2], "ENDED's count")
    return delivery.Ended(taken, read_ranges(f[3], "ENDED's missing numbers"))
