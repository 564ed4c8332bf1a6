"""Which inboxes remember a run, and what they have of it already."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from zmqwork.core.ranges import Ranges
from zmqwork.errors import UsageError
from zmqwork.nodes.producer import Producer
from zmqwork.nodes.why_not import why_gone

# How often it is looked whether sinks were found; a person's pace.
_LOOK_INTERVAL = 0.1
# After the first sink was found, others have so long to be found as well.
_OTHERS_DELAY = 0.5
# It is waited this long for sinks without a word.
_PATIENCE = 2.0

_log = logging.getLogger("zmqwork")


class NobodyRemembers(UsageError):
    """No inbox, or not one alone, can say what a run has done."""


class Memory:
    """What the sinks remember of a run.

    Args:
        run: the run's name.
        sink: the name of the sinks.
        inboxes: the ids of those that count; empty: the one that is found.
    """

    def __init__(self, run: str, sink: str, inboxes: Sequence[str]) -> None:
        self._run = run
        self._sink = sink
        self._inboxes = inboxes

    def ask(
        self, node: Producer, tell: Callable[[str], object], *, resume: bool
    ) -> dict[str, Ranges]:
        """Wait for the inboxes: the numbers of the run that each has.

        Args:
            node: the producer, under the run's name.
            tell: is told what is waited for, and nothing at the end.
            resume: the run may have been begun before.

        Raises:
            NobodyRemembers: the sinks have no inbox, or several.
            UsageError: the run was begun before.
        """
        begun_at = time.monotonic()
        met_at = 0.0
        told = False
        while True:
            now = time.monotonic()
            if gone := why_gone(node):
                raise gone
            usable = [o for o in node.outlets() if o["usable"]]
            # One that was met and is gone again says nothing of who remembers: it is waited on.
            is_met = any(self._sink in o["sinks"] for o in usable)
            met_at = (met_at or now) if is_met else 0.0
            found = self._found(usable)
            missing = self._missing(
                found, usable, is_late=bool(met_at) and now >= met_at + _OTHERS_DELAY
            )
            tell(missing)
            if not missing:
                return self._checked(found, resume=resume)
            if not told and now - begun_at >= _PATIENCE:
                told = True
                _log.warning("%s%s", missing, "" if usable else _nobody(node))
            time.sleep(_LOOK_INTERVAL)

    def _found(self, outlets: list[dict[str, Any]]) -> dict[str, Ranges]:
        if self._inboxes:
            return {o["inbox"]: o["taken"] for o in outlets if o["inbox"] in self._inboxes}
        named = (o for o in outlets if self._sink in o["sinks"])
        return {o["inbox"]: o["taken"] for o in named if o["inbox"]}

    def _missing(
        self, found: dict[str, Ranges], outlets: list[dict[str, Any]], *, is_late: bool
    ) -> str:
        """What is still waited for; empty: nothing."""
        if self._inboxes:
            missing = [inbox for inbox in self._inboxes if inbox not in found]
            what = f"inbox {', '.join(missing)}" if missing else ""
            others = {outlet["inbox"] for outlet in outlets if outlet["inbox"]}
        else:
            what = "" if is_late else f"a sink {self._sink!r}"
            others = {name for outlet in outlets for name in outlet["sinks"]} - {self._sink}
        if not what:
            return ""
        known = f" (known: {', '.join(sorted(others))})" if others else ""
        return f"waiting for {what}, which knows what run {self._run} has done{known}"

    def _checked(self, found: dict[str, Ranges], *, resume: bool) -> dict[str, Ranges]:
        sink, run = self._sink, self._run
        if not found:
            raise NobodyRemembers(
                f"sink {sink!r} has no inbox, so that nobody remembers what run {run!r} has done: "
                "let it write to a file, or give it one"
            )
        if not self._inboxes and len(found) > 1:
            raise NobodyRemembers(
                f"sinks {sink!r} have several inboxes ({', '.join(sorted(found))}): name those of "
                f"run {run!r}, always the same"
            )
        done = sum(taken.count for taken in found.values())
        if done and not resume:
            raise UsageError(
                f"run {run!r} was begun before: its sinks have {done:,} results of it. Go on with "
                "it (--resume), or give this one another name (--run)"
            )
        return found


def _nobody(node: Producer) -> str:
    """What to do where no sink at all was found."""
    realm = node.status().get("realm", "")
    return (
        f": no sink of realm {realm!r} was found; start one (zmqwork sink MODULE:APP, or "
        f"--realm {realm} --out FILE), or name one with --peer or ZMQWORK_PEERS"
    )
