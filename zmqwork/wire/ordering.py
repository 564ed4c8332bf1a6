"""Orders of observers, and what comes of them, as fields of messages."""

from __future__ import annotations

from typing import Any

from zmqwork.core.messages import BATCH_COUNT_MAX
from zmqwork.core.orders import Order, Ordered
from zmqwork.wire import fields
from zmqwork.wire.limits import REFUSAL_BYTES_MAX
from zmqwork.wire.payloads import Incoming, Outgoing

# Keys of an order's arguments, and of what comes of it.
_KEYS_MAX = 256


def order(m: Order, out: Outgoing) -> list[Any]:
    """The fields of ORDER."""
    return [m.request, m.verb, m.arguments, *([out.place(m.data)] if m.data else [])]


def ordered(m: Ordered, out: Outgoing) -> list[Any]:
    """The fields of ORDERED."""
    text = m.text[: REFUSAL_BYTES_MAX // 4]
    return [m.request, m.code, text, m.value, *([out.place(m.data)] if m.data else [])]


def read_order(f: list[Any], incoming: Incoming) -> Order:
    """ORDER. Which verbs there are, and what they need, is not the wire's to judge."""
    request = fields.number(f[2], "ORDER's request")
    verb = fields.word(f[3], "ORDER's verb")
    arguments = _plain_map(f[4], "ORDER's arguments")
    data = incoming.fetch(f[5], "ORDER's data", BATCH_COUNT_MAX) if len(f) > 5 else []
    return Order(request, verb, arguments, data)


def read_ordered(f: list[Any], incoming: Incoming) -> Ordered:
    """ORDERED."""
    request = fields.number(f[2], "ORDERED's request")
    code = fields.word(f[3], "ORDERED's code")
    text = fields.text(f[4], "ORDERED's text", REFUSAL_BYTES_MAX)
    value = _plain_map(f[5], "ORDERED's value")
    data = incoming.fetch(f[6], "ORDERED's data", BATCH_COUNT_MAX) if len(f) > 6 else []
    return Ordered(request, code, text, value, data)


def _plain_map(value: Any, what: str) -> dict[str, Any]:
    found = fields.map_of(value, what, _KEYS_MAX)
    fields.plain(found, what)
    return found
