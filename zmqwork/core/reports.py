"""What people are told of the end of a producer, and of a sink that remembers too much."""

from __future__ import annotations

from zmqwork.core.collected import Collected
from zmqwork.core.delivery import End
from zmqwork.core.effects import Notice

# Ranges of missing numbers in a text.
_SHOWN_MAX = 10


def of_end(collected: Collected, end: End) -> Notice | None:
    """What is there of a producer that said END; None if that was told already."""
    told = (end.given, end.succeeded, collected.stored)
    if told == collected.told:
        return None
    collected.told = told
    lacking = collected.lacking(end)
    missing = collected.ended(end).missing
    data = {
        "producer_id": collected.producer_id,
        "name": collected.name,
        "count": end.given,
        "succeeded": end.succeeded,
        "taken": collected.stored,
        "lacking": lacking,
        "missing": missing,
    }
    # Of tasks that failed; or of those that went elsewhere: to another inbox of the same run, or
    # from a sink that was taken for lost.
    bare = end.given - end.succeeded
    others = f", {bare} of its {end.given} numbers have no result" if bare else ""
    have = end.succeeded - lacking
    if not lacking:
        text = f"complete: {have} of {end.succeeded} results of {collected.name}{others}"
        return Notice("complete", text, data)
    # Those below a floor cannot be named.
    which = f", missing {_listed(missing)}" if missing else ""
    text = f"incomplete: {have} of {end.succeeded} results of {collected.name}{others}{which}"
    return Notice("incomplete", text, data)


def of_forgotten(count: int) -> Notice:
    """An inbox remembers more producers than its sink does."""
    text = (
        f"the inbox knows more than {count} producers: results of the oldest would be stored again "
        "if they came again; remove the producers from it that are done"
    )
    return Notice("forgotten", text)


def _listed(spans: list[list[int]]) -> str:
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in spans]
    more = ["..."] if len(shown) > _SHOWN_MAX else []
    return ", ".join(shown[:_SHOWN_MAX] + more)
