"""What an observer may order a node to do: two messages, and the table of what there is.

A verb is no message of its own, so that a later one needs no other protocol: who does not know it
says so. Each has arguments that are checked here, by the same table for all nodes; `writes` says
whether it changes anything, and so may be left to some observers only. `steward` does what is
ordered for a producer, `worker_answers` for a worker, `sink_answers` for a sink.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from zmqwork.config import check_name
from zmqwork.core.record import record
from zmqwork.errors import ConfigError

# Numbers of tasks in one order.
ORDER_TASKS_MAX = 4096

# Rows in one answer; where there are more, it says behind which it ends.
ROWS_MAX = 1000

# Seconds that an order may wait for its answer.
PATIENCE_MAX = 86_400.0

# What comes of an order.
DONE = "done"
UNKNOWN_VERB = "unknown_verb"
UNFIT = "unfit"
UNKNOWN_TASK = "unknown_task"
REFUSED = "refused"
SILENT = "silent"

PRODUCER, WORKER, SINK = "producer", "worker", "sink"

# The verb that all of them know: take this roster, which is the data.
ROSTER = "roster"


@record
class Order:
    """An observer orders something; the answer is an `Ordered` with the same number.

    Attributes:
        request: chosen by who asks.
        verb: one of `VERBS`; others are refused.
        arguments: plain values by name.
        data: encoded arguments of tasks, or the text of a roster, where the verb takes some.
    """

    request: int
    verb: str
    arguments: dict[str, Any] = field(default_factory=dict)
    data: list[bytes] = field(default_factory=list)


@record
class Ordered:
    """What came of an order.

    Attributes:
        request: the order's.
        code: ``done``; ``unknown_verb``; ``unfit``: an argument is wrong; ``unknown_task``: it is
            not known, or not any more; ``refused``: not now; ``silent``, which the observer's own
            node says: nothing came in time.
        text: why it was not done; empty if it was.
        value: plain values by name.
        data: encoded arguments or results, where the verb gives some.
    """

    request: int
    code: str = DONE
    text: str = ""
    value: dict[str, Any] = field(default_factory=dict)
    data: list[bytes] = field(default_factory=list)


# What an argument must be: the test, and how people call it.
Check = tuple[Callable[[Any], bool], str]


def _is_number(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**64


def _is_boolean(value: Any) -> bool:
    return type(value) is bool


def _is_name(value: Any) -> bool:
    try:
        check_name("a name", value)
    except ConfigError:
        return False
    return True


def _is_seconds(value: Any) -> bool:
    return type(value) in (float, int) and 0 <= value < float("inf")


def _are_numbers(value: Any) -> bool:
    return (
        type(value) is list and len(value) <= ORDER_TASKS_MAX and all(_is_number(n) for n in value)
    )


NUMBER: Check = (_is_number, "a whole number")
BOOLEAN: Check = (_is_boolean, "true or false")
NAME: Check = (_is_name, "a name")
SECONDS: Check = (_is_seconds, "a number of seconds")
NUMBERS: Check = (_are_numbers, f"at most {ORDER_TASKS_MAX} numbers of tasks")


@dataclass(frozen=True, slots=True)
class Verb:
    """Something that can be ordered.

    Attributes:
        writes: whether it changes anything.
        needs, may: the arguments that it must have, and may have.
        data_max: how many pieces of data go with it; at least one if there may be any.
    """

    writes: bool
    needs: Mapping[str, Check] = field(default_factory=dict)
    may: Mapping[str, Check] = field(default_factory=dict)
    data_max: int = 0

    def complaint(self, order: Order) -> str:
        """What is wrong with an order; empty: nothing."""
        given = order.arguments
        for name, (fits, what) in self.needs.items():
            if name not in given:
                return f"{order.verb} needs {name!r}: {what}"
            if not fits(given[name]):
                return f"{name!r} of {order.verb} must be {what}"
        for name, value in given.items():
            if name in self.needs:
                continue
            check = self.may.get(name)
            if check is None:
                return f"{order.verb} has no argument {name[:40]!r}"
            if not check[0](value):
                return f"{name!r} of {order.verb} must be {check[1]}"
        if not (self.data_max > 0) <= len(order.data) <= self.data_max:
            return f"{order.verb} comes with {self.data_max} pieces of data at most"
        return ""


_PAGE: Mapping[str, Check] = {"after": NUMBER, "count": NUMBER}
_CHOICE: Mapping[str, Check] = {
    "tasks": NUMBERS, "task": NAME, "older_than": SECONDS, "newer_than": SECONDS, "all": BOOLEAN,
}  # fmt: skip

VERBS: Mapping[tuple[str, str], Verb] = {
    (PRODUCER, "tasks"): Verb(False, {"state": NAME}, _PAGE),
    (PRODUCER, "letters"): Verb(False, {}, {**_CHOICE, **_PAGE, "full": BOOLEAN}),
    (PRODUCER, "result"): Verb(False, {"seq": NUMBER}, {"wait": BOOLEAN}),
    (PRODUCER, "cancel"): Verb(True, {"tasks": NUMBERS}, {"running": BOOLEAN, "hard": BOOLEAN}),
    (PRODUCER, "pause"): Verb(True, {"queue": NAME}),
    (PRODUCER, "resume"): Verb(True, {"queue": NAME}),
    (PRODUCER, "revive"): Verb(True, {}, {**_CHOICE, "after": NUMBER}),
    (PRODUCER, "remove"): Verb(True, {}, {**_CHOICE, "after": NUMBER}),
    (PRODUCER, "edit"): Verb(True, {"seq": NUMBER}, data_max=1),
    (WORKER, "drain"): Verb(True),
    (PRODUCER, ROSTER): Verb(True, data_max=1),
    (WORKER, ROSTER): Verb(True, data_max=1),
    (SINK, ROSTER): Verb(True, data_max=1),
}


def refusal(role: str, order: Order) -> Ordered | None:
    """The answer to an order that a node of this role cannot obey; None: it can."""
    verb = VERBS.get((role, order.verb))
    if verb is None:
        known = ", ".join(sorted(name for owner, name in VERBS if owner == role)) or "no orders"
        text = f"a {role} does not know the order {order.verb}: it knows {known}"
        return Ordered(order.request, UNKNOWN_VERB, text)
    wrong = verb.complaint(order)
    return Ordered(order.request, UNFIT, wrong) if wrong else None
