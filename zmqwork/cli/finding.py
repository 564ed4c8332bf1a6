"""What one check of `zmqwork doctor` has found, and what to try."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

OK, WARN, FAIL = "ok", "warn", "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer of one check.

    Attributes:
        check: what was looked at, in a word or two.
        state: `OK`; `WARN`: work goes on, or it cannot be told; `FAIL`: something does not work.
        text: what was found, in a line.
        advice: what to try, a line each.
        data: the same for programs.
    """

    check: str
    state: str
    text: str
    advice: tuple[str, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The finding as plain values."""
        return {
            "check": self.check,
            "state": self.state.lower(),
            "text": self.text,
            "try": list(self.advice),
            **({"data": self.data} if self.data else {}),
        }
