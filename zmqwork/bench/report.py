"""All that a run has found, as it is written down and read again."""

from __future__ import annotations

import csv
import io
import json
import os
import platform
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import zmqwork
from zmqwork.bench.crew import Member
from zmqwork.bench.measurement import Measurement

FORMAT = "zmqwork-bench/1"


def setting() -> dict[str, Any]:
    """Where and when this process measures."""
    return {
        "version": zmqwork.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "host": socket.gethostname(),
        "cpus": os.cpu_count() or 1,
        "begun": datetime.now(UTC).isoformat(timespec="seconds"),
    }


@dataclass(slots=True)
class Report:
    """A run. It is filled while the run goes on.

    Attributes:
        keyed: whether every link is encrypted, and both ends are proved.
        members: the workers that were there when it began.
        setting: where and when it was measured; see `setting`.
        interrupted: a person has ended it early.
        trouble: why it has ended early by itself; empty: it has not.
        measurements: in the order of the cases.
        call: of a task of somebody's own, what was called; empty: it was one of the benchmark's.
        why_not_here: why that was not called in this process; empty: it was.
    """

    keyed: bool
    members: Sequence[Member]
    setting: dict[str, Any] = field(default_factory=setting)
    interrupted: bool = False
    trouble: str = ""
    measurements: list[Measurement] = field(default_factory=list)
    call: str = ""
    why_not_here: str = ""

    def renew(self, members: Iterable[Member]) -> None:
        """Take what is known by now of those who were there when it began."""
        now = {member.label: member for member in members}
        self.members = [now.get(member.label, member) for member in self.members]

    @property
    def transports(self) -> list[str]:
        """What the links were: ``ipc``, ``tcp``, ``tcp + CURVE``; several if they differ."""
        return sorted({member.transport(keyed=self.keyed) for member in self.members})

    @property
    def hosts(self) -> list[str]:
        """Where the workers are."""
        return list(dict.fromkeys(member.host for member in self.members))

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "format": FORMAT,
            **self.setting,
            "keys": self.keyed,
            "transports": self.transports,
            "interrupted": self.interrupted,
            "trouble": self.trouble or None,
            "call": self.call or None,
            "why_not_here": self.why_not_here or None,
            "hosts": self.hosts,
            "workers": [
                {
                    **{item.name: getattr(member, item.name) for item in fields(member)},
                    "transport": member.transport(keyed=self.keyed),
                }
                for member in self.members
            ],
            "measurements": [measurement.plain() for measurement in self.measurements],
        }

    def csv(self) -> str:
        """A row for each measurement, for spreadsheets."""
        text = io.StringIO()
        rows = [
            {**measurement.flat(), "transport": "/".join(self.transports), "hosts": len(self.hosts)}
            for measurement in self.measurements
        ]
        if rows:
            writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        return text.getvalue()

    @classmethod
    def of(cls, plain: Any) -> Self:
        """From what `plain` has made.

        Raises:
            ValueError: it is something else; the text says what.
        """
        if not isinstance(plain, dict) or plain.get("format") != FORMAT:
            raise ValueError(f"it is no result of `zmqwork bench run --json` ({FORMAT})")
        try:
            return cls(
                keyed=bool(plain["keys"]),
                members=[
                    Member(**{item.name: worker[item.name] for item in fields(Member)})
                    for worker in plain["workers"]
                ],
                setting={name: plain[name] for name in setting()},
                interrupted=bool(plain["interrupted"]),
                trouble=plain["trouble"] or "",
                measurements=[Measurement.of(item) for item in plain["measurements"]],
                call=plain.get("call") or "",  # (older files have none)
                why_not_here=plain.get("why_not_here") or "",
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"it is damaged: {type(error).__name__}: {error}") from error

    @classmethod
    def read(cls, path: Path) -> Self:
        """From a file. Raises OSError, and ValueError as `of`."""
        try:
            return cls.of(json.loads(path.read_text("utf-8")))
        except json.JSONDecodeError as error:
            raise ValueError(f"it is no JSON: {error}") from error
