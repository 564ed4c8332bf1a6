"""What a producer says of its sinks: plain values and words, for people. See `explain`."""

from __future__ import annotations

from typing import Any

from zmqwork.core.lanes import Lane
from zmqwork.core.ledger import Entry
from zmqwork.core.lifecycle import LEFT
from zmqwork.core.outlet import Outlet
from zmqwork.core.outlets import Outlets

_SHOWN = 100
_NAMES_SHOWN = 5


def lack(waiting: Lane, outlets: Outlets) -> str:
    """Why nobody takes the results of this lane's tasks now; empty: somebody does."""
    if not waiting.to_sink or outlets.serves(waiting):
        return ""
    if waiting.inbox:
        outlet = outlets.of_inbox(waiting.inbox)
        if outlet.server is None:
            met = sorted(o.inbox for o in outlets if o.inbox and o.server is not None)
            known = f"; inboxes known: {', '.join(met[:_NAMES_SHOWN])}" if met else ""
            return f"no sink with inbox {waiting.inbox!r} was found{known}"
        return _state(outlet)
    there = [outlet for outlet in outlets if waiting.sink in outlet.names]
    if there:
        newest = there[-_NAMES_SHOWN:]
        return ", ".join(map(_state, newest))
    names = sorted({name for outlet in outlets for name in outlet.names})
    others = f"; sinks known: {', '.join(names[:_NAMES_SHOWN])}" if names else ""
    return f"no sink {waiting.sink!r} was found{others}"


def _state(outlet: Outlet) -> str:
    return f"sink {outlet.label} " + ("has left" if outlet.state == LEFT else f"is {outlet.state}")


def asked(entry: Entry) -> str:
    """Where a task is whose worker was lost."""
    outlet = entry.outlet
    assert outlet is not None
    if outlet.session is not None:
        return f"its worker was lost; sink {outlet.label} is asked whether it has the result"
    return (
        f"its worker was lost, and whether its sink has the result is not known: {_state(outlet)}"
    )


def status(outlets: Outlets) -> list[dict[str, Any]]:
    """The sinks, for a producer's status: first those that are there."""
    shown = sorted(outlets, key=lambda outlet: outlet.session is None)[:_SHOWN]
    return [view(outlet) for outlet in shown]


def view(outlet: Outlet) -> dict[str, Any]:
    """One of them."""
    said = outlet.server.welcome if outlet.server is not None else None
    return {
        "node_id": said.node_id if said is not None else "",
        "name": said.name if said is not None else "",
        "state": outlet.state,
        "inbox": outlet.inbox,
        "sinks": list(outlet.names),
        "usable": outlet.usable,
        "count": sum(last - first + 1 for first, last in outlet.spans),
        "open": len(outlet.open),
        "asked": len(outlet.asked),
        "succeeded": outlet.succeeded,
    }
