"""What a producer says of its sinks: plain values and words, for people. See `explain`."""

from __future__ import annotations

from typing import Any

from zmqwork.core.lanes import Lane
from zmqwork.core.ledger import Entry
from zmqwork.core.outlets import Outlet, Outlets

_SHOWN = 100


def lack(waiting: Lane, outlets: Outlets) -> str:
    """Why nobody takes the results of this lane's tasks now; empty: somebody does."""
    if not waiting.to_sink or outlets.serves(waiting):
        return ""
    if waiting.inbox:
        outlet = outlets.of_inbox(waiting.inbox)
        if outlet.peer is None:
            met = sorted(o.inbox for o in outlets if o.inbox and o.peer is not None)
            known = f"; inboxes known: {', '.join(met[:_SHOWN])}" if met else ""
            return f"no sink with inbox {waiting.inbox!r} was found{known}"
        return f"the sink of inbox {waiting.inbox!r}, {outlet.peer.label}, is {outlet.peer.state}"
    names = sorted({name for outlet in outlets if outlet.usable for name in outlet.names})
    others = f"; sinks known: {', '.join(names[:_SHOWN])}" if names else ""
    return f"no sink {waiting.sink!r} was found{others}"


def asked(entry: Entry) -> str:
    """Where a task is whose worker was lost."""
    outlet = entry.outlet
    label = outlet.label if outlet is not None else "?"
    heard = outlet is not None and outlet.session is not None
    return f"its worker was lost; sink {label} is asked whether it has the result" + (
        "" if heard else ", and is not there"
    )


def status(outlets: Outlets) -> list[dict[str, Any]]:
    """The sinks, for a producer's status."""
    return [view(outlet) for _, outlet in zip(range(_SHOWN), outlets, strict=False)]


def view(outlet: Outlet) -> dict[str, Any]:
    """One of them."""
    peer = outlet.peer
    return {
        "node_id": peer.node_id if peer is not None else "",
        "name": peer.name if peer is not None else "",
        "state": peer.state if peer is not None else "unknown",
        "inbox": outlet.inbox,
        "sinks": list(outlet.names),
        "usable": outlet.usable,
        "count": outlet.next - 1,
        "open": len(outlet.open),
        "asked": len(outlet.asked),
        "succeeded": outlet.succeeded,
    }
