"""The audit log: who was let in and who was not, what was changed, what was refused.

It is for the owner of a cluster, afterwards: ``zmqwork audit tail`` shows it, ``zmqwork audit
verify`` says whether it was tampered with (`chain`). All nodes of a user on a machine write to one
log (`rotation`). Whoever notes something never waits for the disk, and is never told of its
troubles: what cannot be written is counted, and the count is written when it can be.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from zmqwork.disk import reason as reason_of
from zmqwork.errors import KeysError
from zmqwork.security.buckets import Buckets
from zmqwork.security.kinds import KINDS, SUPPRESSED
from zmqwork.security.rotation import Log, default_path

_log = logging.getLogger("zmqwork")

# Records that wait for the disk.
QUEUE_MAX = 1024
# Records a second of one kind and one peer; and of one kind, whoever is the cause.
RATE = 20.0
RATE_IN_ALL = 200.0
_SOURCES_MAX = 1024

# A peer has chosen some of what is noted.
CHARACTERS_MAX = 256
_ITEMS_MAX = 16

# What was suppressed is written at most so often, and tried again so often while the disk refuses.
_COUNT_INTERVAL = 1.0
_RETRY_INTERVAL = 30.0
# A disk that takes longer is not waited for.
_CLOSE_TIMEOUT = 2.0

# Why a record was suppressed.
_BY_RATE, _BY_QUEUE, _BY_DISK = "rate", "queue", "disk"


class Audit:
    """Notes what has happened, from any thread, and writes it in a thread of its own.

    That begins with the first note, and ends with `close`.

    Args:
        origin: who notes: ``id``, ``name``, ``role`` and ``pid`` of a node, or of a command.
        clock: seconds that go on while the machine sleeps.
        log: where to; None: this user's log.
    """

    def __init__(
        self,
        origin: Mapping[str, str | int],
        *,
        clock: Callable[[], float],
        log: Log | None = None,
    ) -> None:
        self._origin = dict(origin)
        self._clock = clock
        self._log = log
        self._condition = threading.Condition()
        self._queue: deque[dict[str, Any]] = deque()  # bound: QUEUE_MAX
        self._by_source = Buckets(RATE, RATE, _SOURCES_MAX)
        self._in_all = Buckets(RATE_IN_ALL, RATE_IN_ALL, len(KINDS))
        # What is not written and not told yet, by kind and by cause. Bound: both are ours.
        self._suppressed: Counter[tuple[str, str]] = Counter()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._trouble = ""
        self._written = self._lost = 0

    def note(
        self,
        kind: str,
        *,
        fingerprint: str = "",
        member: str = "",
        peer: str = "",
        reason: str = "",
        **fields: Any,
    ) -> None:
        """Note what has happened. Never waits for the disk, never raises.

        Args:
            kind: one of `kinds.KINDS`.
            fingerprint: of the key that it is about, or that did it.
            member: whose key that is.
            peer: where it came from: an address.
            reason: in words.
            fields: what else; texts, numbers, and lists of texts. No secrets.
        """
        assert kind in KINDS, kind
        now = self._clock()
        said = {"fingerprint": fingerprint, "member": member, "peer": peer, "reason": reason}
        record = {
            "at": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
            "boot": round(now, 3),
            "node": self._origin,
            "kind": kind,
            **{key: _short(value) for key, value in {**said, **fields}.items() if value != ""},
        }
        with self._condition:
            if self._closed:
                return
            if not self._is_permitted(kind, peer or fingerprint, now):
                self._suppressed[kind, _BY_RATE] += 1
            elif len(self._queue) >= QUEUE_MAX:
                self._suppressed[kind, _BY_QUEUE] += 1
            else:
                self._queue.append(record)
            self._ensure_thread()
            self._condition.notify()

    def describe(self) -> dict[str, Any]:
        """How it is, for a node's status."""
        with self._condition:
            lost = self._lost + self._suppressed.total()
            return {"written": self._written, "suppressed": lost, "trouble": self._trouble}

    def close(self, timeout: float = _CLOSE_TIMEOUT) -> None:
        """Write what is here, and end; a disk that takes longer is not waited for."""
        with self._condition:
            self._closed = True
            self._condition.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)
            if self._thread.is_alive():
                _log.warning(
                    "the audit log has not got all that was noted: its disk, or a process that "
                    "has its lock, takes longer than %g s",
                    timeout,
                )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _is_permitted(self, kind: str, source: str, now: float) -> bool:
        return self._by_source.take((kind, source), now) and self._in_all.take(kind, now)

    def _ensure_thread(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._work, name="zmqwork-audit", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the system gives no more threads: at the next note, perhaps
                return
            self._thread = thread

    # -- its thread ---------------------------------------------------------------------------

    def _work(self) -> None:
        tell_at = 0.0
        while True:
            with self._condition:
                while not self._queue and not self._closed:
                    left = tell_at - time.monotonic()
                    if self._suppressed and left <= 0:
                        break
                    self._condition.wait(left if self._suppressed else None)
                batch = list(self._queue)
                self._queue.clear()
                untold: Counter[tuple[str, str]] = Counter()
                if self._suppressed and (self._closed or time.monotonic() >= tell_at):
                    untold, self._suppressed = self._suppressed, Counter()
                ends = self._closed
            if batch or untold:
                self._write(batch, untold)
                interval = _RETRY_INTERVAL if self._trouble else _COUNT_INTERVAL
                tell_at = time.monotonic() + interval if untold or self._trouble else tell_at
            if ends:
                return

    def _write(self, batch: list[dict[str, Any]], untold: Counter[tuple[str, str]]) -> None:
        """Write this; what cannot be written is counted."""
        records = [*batch, self._told(untold)] if untold else batch
        why = ""
        try:
            self._log = self._log or Log(default_path())
            self._log.append(records)
        except OSError as error:
            why = reason_of(error)
        # (RuntimeError: this user has no home.)
        except (KeysError, RuntimeError) as error:
            why = str(error)
        with self._condition:
            if why:
                self._suppressed += untold
                self._suppressed.update((record["kind"], _BY_DISK) for record in batch)
            else:
                self._written += len(records)
                self._lost += untold.total()
            before, self._trouble = self._trouble, why
        if why and not before:
            where = "" if self._log is None else f" {self._log.path}"
            _log.warning("the audit log%s cannot be written, and goes without: %s", where, why)
        elif before and not why:
            _log.warning("the audit log can be written again")

    def _told(self, untold: Counter[tuple[str, str]]) -> dict[str, Any]:
        kinds: Counter[str] = Counter()
        causes: Counter[str] = Counter()
        for (kind, cause), count in untold.items():
            kinds[kind] += count
            causes[cause] += count
        return {
            "at": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
            "boot": round(self._clock(), 3),
            "node": self._origin,
            "kind": SUPPRESSED,
            "count": untold.total(),
            "kinds": dict(kinds),
            "why": dict(causes),
        }


def _short(value: Any) -> Any:
    """What is noted of a value: something that JSON has, and not much of it."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        return [_short(str(item)) for item, _ in zip(value, range(_ITEMS_MAX), strict=False)]
    text = str(value)
    return text if len(text) <= CHARACTERS_MAX else f"{text[:CHARACTERS_MAX]}…"
