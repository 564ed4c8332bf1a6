"""What a node lets its owner know: that others can reach it, and what the audit log is for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from zmqwork.config import NodeConfig
from zmqwork.core.effects import Notice
from zmqwork.core.ledger import Entry
from zmqwork.core.lifecycle import DEAD
from zmqwork.security.audit import Audit
from zmqwork.security.kinds import (
    INSECURE_START,
    LIMIT_HIT,
    PEER_SUSPENDED,
    ROLE_VIOLATION,
    TASK_QUARANTINE,
)
from zmqwork.transport import clock
from zmqwork.transport.exposure import Exposure
from zmqwork.transport.loop import Loop

C = TypeVar("C", bound=NodeConfig)

_OFFENCES = {"offence": ROLE_VIOLATION, "suspended": PEER_SUSPENDED, "limit": LIMIT_HIT}


def audit_of(node_id: str, name: str, role: str, pid: int = 0) -> Audit:
    """An audit log for a node, or for a command; whoever makes it closes it."""
    return Audit(
        {"id": node_id, "name": name, "role": role, "pid": pid or os.getpid()}, clock=clock.now
    )


class Auditing:
    """The part of a node that notes, and warns.

    Args:
        config: whose.
        role: its role.
        exposed: the endpoints that others on a network reach without keys; none: it is secure.
        danger: what whoever reaches them can do.
        keyed: whether it has keys.

    Attributes:
        insecure: whether there are such endpoints.
        audit: where it notes; None: nowhere: it has neither keys nor such endpoints.
    """

    def __init__(
        self,
        config: NodeConfig,
        role: str,
        exposed: Sequence[str],
        danger: str,
        *,
        keyed: bool = False,
    ) -> None:
        self.insecure = bool(exposed)
        self.audit: Audit | None = None
        self._node_id = config.node_id
        self._exposure = Exposure(exposed, danger)
        self._exposure.look(clock.now())
        if exposed or keyed:
            self.audit = audit_of(config.node_id, config.name, role, config.pid)

    def marked(self, config: C) -> C:
        """The configuration of a node that says so in its status."""
        return replace(config, insecure=self.insecure)

    def begin(self, loop: Loop, endpoints: Iterable[str]) -> None:
        """The node serves at these; on its loop's thread."""
        self._exposure.stay(loop.clock, loop.call_later)
        if self.audit is not None and self.insecure:
            bound = [endpoint for endpoint in endpoints if endpoint.startswith("tcp://")]
            why = f"without keys: others can {self._exposure.danger}"
            self.audit.note(INSECURE_START, endpoints=bound, reason=why)

    def tell(
        self,
        kind: str,
        *,
        fingerprint: str = "",
        member: str = "",
        peer: str = "",
        reason: str = "",
        **fields: str,
    ) -> None:
        """As `Audit.note`; for `security.gate`."""
        if self.audit is not None:
            told = {"fingerprint": fingerprint, "member": member, "peer": peer, "reason": reason}
            self.audit.note(kind, **told, **fields)

    def noticed(self, notice: Notice) -> None:
        """What people are told; of that, what peers did that they may not is noted."""
        kind = _OFFENCES.get(notice.kind)
        if kind is not None:
            known = ("fingerprint", "member", "limit")
            data = {name: notice.data[name] for name in known if name in notice.data}
            self.tell(kind, reason=notice.text, **data)

    def settled(self, entries: Iterable[Entry]) -> None:
        """These tasks have ended; what is dead because its workers died of it is noted."""
        if self.audit is None:
            return
        for entry in entries:
            if entry.state == DEAD and entry.trouble is not None and entry.trouble.crashes:
                self.audit.note(
                    TASK_QUARANTINE,
                    reason=str((entry.error or {}).get("text", "")),
                    task=entry.spec.name,
                    task_id=f"{self._node_id[:8]}-{entry.seq}",
                    crashes=entry.trouble.crashes,
                )

    def status(self) -> dict[str, Any]:
        """How the audit log is, for the node's own status; empty: it has none."""
        return {"audit": self.audit.describe()} if self.audit is not None else {}

    def close(self) -> None:
        """The node has left: write what is here."""
        if self.audit is not None:
            self.audit.close()
