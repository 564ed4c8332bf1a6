"""Feeds one decoder with inputs until something goes wrong, or the time is over.

An input that makes a decoder say something new (another exception, another text, another kind of
result) is kept, to be changed further: that finds the way behind one check after the other. What
goes wrong is made as short as it gets, and told with what it takes to see it again.
"""

from __future__ import annotations

import gc
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.mutation import Mutator

# What one target may take beside what its first inputs have made it take.
GROWTH_MAX = 32 * 1024 * 1024
_WARM_UP = 2_000
_LOOK_EVERY = 2_000
_POOL_MAX = 2_000
_SHRINK_TRIES = 20_000


@dataclass(frozen=True)
class Target:
    """A decoder.

    Attributes:
        name: for people, and of the corpus' folder.
        family: what kind of input it takes; each has a planted bug that must be found.
        run: decodes.
        permitted: what it may raise for an input; None: nothing.
        seeds: inputs to begin with.
    """

    name: str
    family: str
    run: Callable[[bytes], Any]
    permitted: type[Exception] | tuple[type[Exception], ...] | None
    seeds: list[bytes] = field(default_factory=list)

    def trouble(self, data: bytes) -> BaseException | None:
        """What an input does that none may; None: all is well."""
        return self.outcome(data)[1]

    def outcome(self, data: bytes) -> tuple[str, BaseException | None]:
        """What kind of an answer came, and what is wrong with it."""
        try:
            found = self.run(data)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            if self.permitted is not None and isinstance(error, self.permitted):
                text = re.sub(r"[0-9]+|'[^']*'", "#", _text(error))[:80]
                return f"{type(error).__name__}: {text}", None
            return type(error).__name__, error
        return f"{type(found).__name__} {found if isinstance(found, str) else ''}"[:60], None


@dataclass
class Report:
    """How a run ended.

    Attributes:
        target: which.
        runs: inputs that were tried.
        kinds: answers of different kinds.
        grown: bytes that the process has grown by.
        data: the input that did harm, shortened; None: none did.
        error: what it did.
    """

    target: str
    runs: int = 0
    kinds: int = 0
    grown: int = 0
    data: bytes | None = None
    error: BaseException | None = None

    @property
    def is_good(self) -> bool:
        """Whether nothing went wrong."""
        return self.error is None and self.grown <= GROWTH_MAX


def fuzz(
    target: Target,
    corpus: list[bytes],
    seed: int,
    *,
    seconds: float | None = None,
    runs: int | None = None,
) -> Report:
    """Try inputs for so many seconds, or so many of them."""
    pool = [*dict.fromkeys([*target.seeds, *corpus])]
    mutator = Mutator(Random(f"{seed} {target.name}"), pool)
    kinds: set[str] = set()
    report = Report(target.name)
    end_at = None if seconds is None else time.monotonic() + seconds
    first = list(pool)
    before = 0
    while (runs is None or report.runs < runs) and (end_at is None or time.monotonic() < end_at):
        data = first.pop() if first else mutator.next()
        kind, error = target.outcome(data)
        report.runs += 1
        if error is not None:
            report.data, report.error = _shortest(target, data, error)
            break
        if kind not in kinds:
            kinds.add(kind)
            if len(pool) < _POOL_MAX:
                pool.append(data)
        if report.runs == _WARM_UP:
            before = _rss()
        elif before and report.runs % _LOOK_EVERY == 0:
            gc.collect()
            report.grown = _rss() - before
            if report.grown > GROWTH_MAX:
                break
    report.kinds = len(kinds)
    return report


def _shortest(target: Target, data: bytes, error: BaseException) -> tuple[bytes, BaseException]:
    shorter = shrink(data, lambda it: type(target.trouble(it)) is type(error))
    # (A stack that overflows may do so from a deeper place only.)
    return shorter, target.trouble(shorter) or error


def shrink(data: bytes, fails: Callable[[bytes], bool]) -> bytes:
    """The shortest input that is found by leaving out parts, and that fails as well."""
    tries = 0
    size = max(1, len(data) // 2)
    while size:
        at = 0
        while at < len(data) and tries < _SHRINK_TRIES:
            shorter = data[:at] + data[at + size :]
            tries += 1
            if fails(shorter):
                data = shorter
            else:
                at += size
        size //= 2
    return data


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return ""


def _rss() -> int:
    pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    return int(pages) * 4096
