"""A message from its fields, each of them judged. `f` is all of frame 0: verb, number, fields.

Fields behind those known here belong to a newer minor version, and are not looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zmqwork.core import messages
from zmqwork.core.messages import BATCH_COUNT_MAX, FAILED, HELD_DONE, LOST, NEIGHBOURS_MAX, REJECTED
from zmqwork.core.pace import NAMES_MAX
from zmqwork.errors import DecodeError
from zmqwork.wire import advancing, delivering, dispatching, fields, ordering, verbs
from zmqwork.wire.limits import (
    COUNT_MAX,
    ENDPOINT_BYTES_MAX,
    ENDPOINTS_MAX,
    FINGERPRINT_BYTES_MAX,
    HELD_MAX,
    HOST_BYTES_MAX,
    QUEUES_MAX,
    REFUSAL_BYTES_MAX,
    SECONDS_MAX,
    SUM_MAX,
    TASKS_MAX,
    WEIGHT_MAX,
    WORDS_MAX,
)
from zmqwork.wire.payloads import Incoming

# Majors: nobody will count further.
_MAJOR_MAX = 65_535

# The shortest interval; `config.Health` has the same.
_SECONDS_MIN = 0.001

_KEYS_MAX = 256

_OUTCOMES = (FAILED, REJECTED, LOST)


def _hello(f: list[Any], _: Incoming) -> messages.Hello:
    low, high = fields.array_of(f[7], "HELLO's protocol", 2, 2)
    high = fields.number(high, "HELLO's highest protocol", _MAJOR_MAX, 1)
    low = fields.number(low, "HELLO's lowest protocol", high, 1)
    hello = messages.Hello(*_node(f, "HELLO"), (low, high))
    if len(f) > 8:
        hello.epoch = fields.number(f[8], "HELLO's epoch")
    if len(f) > 9:
        hello.heartbeat_interval = _interval(f[9], "HELLO's heartbeat interval")
    if len(f) > 10:
        hello.producer_id = fields.name_or_empty(f[10], "HELLO's producer id")
    if len(f) > 11:
        hello.can = _can(f[11], "HELLO")
    return hello


def _welcome(f: list[Any], _: Incoming) -> messages.Welcome:
    major = fields.number(f[7], "WELCOME's protocol", _MAJOR_MAX, 1)
    m = messages.Welcome(*_node(f, "WELCOME"), major)
    count = len(f)
    if count > 8:
        m.heartbeat_interval = _interval(f[8], "WELCOME's heartbeat interval")
    if count > 9:
        m.silence_timeout = _interval(f[9], "WELCOME's silence time-out")
    if count > 10:
        m.host = fields.text(f[10], "WELCOME's host", HOST_BYTES_MAX)
    if count > 11:
        m.pid = fields.number(f[11], "WELCOME's process id", COUNT_MAX)
    _read_worker(m, f)
    if count > 16:
        m.neighbours = _neighbours(f[16])
    _read_sink(m, f)
    if count > 20:
        m.can = _can(f[20], "WELCOME")
    _read_queues(m, f)
    return m


def _can(value: Any, what: str) -> list[str]:
    words = fields.array_of(value, f"what {what}'s node can", WORDS_MAX)
    return [fields.word(word, "what a node can") for word in words]


def _read_queues(m: messages.Welcome, f: list[Any]) -> None:
    count = len(f)
    if count > 21:
        weights = fields.array_of(f[21], "WELCOME's weights", QUEUES_MAX)
        m.weights = [fields.number(weight, "a weight", WEIGHT_MAX, 1) for weight in weights]
        if weights:
            fields.same_length(m.queues, weights, "WELCOME's queues and weights")
    if count > 22:
        m.strict = fields.boolean(f[22], "WELCOME's strict")
    if count > 23:
        without = fields.array_of(f[23], "the queues that WELCOME excludes", QUEUES_MAX)
        m.without = [fields.name(queue, "a queue's name") for queue in without]


def _read_worker(m: messages.Welcome, f: list[Any]) -> None:
    count = len(f)
    if count > 12:
        m.slots = fields.number(f[12], "WELCOME's slots", COUNT_MAX)
    if count > 13:
        queues = fields.array_of(f[13], "WELCOME's queues", QUEUES_MAX)
        m.queues = [fields.name(queue, "a queue's name") for queue in queues]
    if count > 14:
        m.tasks = _signatures(f[14])
    if count > 15:
        m.held = _held(f[15])


def _read_sink(m: messages.Welcome, f: list[Any]) -> None:
    count = len(f)
    if count > 17:
        sinks = fields.array_of(f[17], "WELCOME's sinks", QUEUES_MAX)
        m.sinks = [fields.name(sink, "a sink's name") for sink in sinks]
    if count > 18:
        m.inbox = fields.name_or_empty(f[18], "WELCOME's inbox")
    if count > 19:
        m.taken = delivering.read_ranges(f[19], "WELCOME's numbers")


def _signatures(value: Any) -> dict[str, str]:
    tasks = fields.map_of(value, "WELCOME's tasks", TASKS_MAX)
    for name, fingerprint in tasks.items():
        fields.task_name(name)
        fields.text(fingerprint, "a task's fingerprint", FINGERPRINT_BYTES_MAX)
    return tasks


def _node(f: list[Any], what: str) -> tuple[int, str, str, str, str]:
    """Session, node id, role, name, realm."""
    return (
        fields.number(f[2], f"{what}'s session"),
        fields.node_id(f[3]),
        fields.word(f[4], f"{what}'s role"),
        fields.name(f[5], f"{what}'s name"),
        fields.name(f[6], f"{what}'s realm"),
    )


def _interval(value: Any, what: str) -> float:
    return fields.seconds(value, what, _SECONDS_MIN, SECONDS_MAX)


def _held(value: Any) -> list[list[int]]:
    columns = fields.array_of(value, "WELCOME's inventory", 3, 3)
    seqs, attempts, states = [fields.numbers(c, "WELCOME's inventory", HELD_MAX) for c in columns]
    fields.same_length(seqs, attempts, "tasks and attempts of WELCOME's inventory")
    fields.same_length(seqs, states, "tasks and states of WELCOME's inventory")
    if max(states, default=0) > HELD_DONE:
        raise DecodeError("an attempt's state in WELCOME's inventory is unknown")
    return [list(row) for row in zip(seqs, attempts, states, strict=True)]


def _neighbours(value: Any) -> list[messages.Neighbour]:
    out = []
    for item in fields.array_of(value, "neighbours", NEIGHBOURS_MAX):
        fields.array_of(item, "a neighbour", _KEYS_MAX, 3)
        endpoints = fields.array_of(item[2], "a neighbour's endpoints", ENDPOINTS_MAX, 1)
        for endpoint in endpoints:
            fields.text(endpoint, "a neighbour's endpoint", ENDPOINT_BYTES_MAX, 1)
        role = fields.word(item[1], "a neighbour's role")
        key = fields.fingerprint(item[3]) if len(item) > 3 else ""
        out.append(messages.Neighbour(fields.node_id(item[0]), role, endpoints, key))
    return out


def _refused(f: list[Any], _: Incoming) -> messages.Refused:
    code = fields.word(f[2], "REFUSED's code")
    return messages.Refused(code, fields.text(f[3], "REFUSED's text", REFUSAL_BYTES_MAX))


def _ping(f: list[Any], _: Incoming) -> messages.Ping:
    ping = messages.Ping(fields.number(f[2], "PING's sequence"), _lag(f))
    if len(f) > 4:
        ping.neighbours = _neighbours(f[4])
    return ping


def _pong(f: list[Any], _: Incoming) -> messages.Pong:
    return messages.Pong(fields.number(f[2], "PONG's sequence"), _lag(f))


def _lag(f: list[Any]) -> float:
    return fields.seconds(f[3], "a heartbeat's lag", 0.0, SUM_MAX) if len(f) > 3 else 0.0


def _draining(_: list[Any], __: Incoming) -> messages.Draining:
    return messages.Draining()


def _bye(_: list[Any], __: Incoming) -> messages.Bye:
    return messages.Bye()


def _demand(f: list[Any], _: Incoming) -> messages.Demand:
    return messages.Demand(fields.number(f[2], "DEMAND's backlog", 3))


def _credit(f: list[Any], _: Incoming) -> messages.Credit:
    attempts = fields.number(f[2], "CREDIT's attempts", COUNT_MAX)
    size_bytes = fields.number(f[3], "CREDIT's bytes")
    extra = fields.number(f[4], "CREDIT's extra", attempts) if len(f) > 4 else 0
    return messages.Credit(attempts, size_bytes, extra)


def _started(f: list[Any], _: Incoming) -> messages.Started:
    return messages.Started(*_attempts(f[2], f[3], "STARTED", HELD_MAX))


def _attempts(seqs: Any, attempts: Any, what: str, count_max: int) -> tuple[list[int], list[int]]:
    """The columns of tasks and attempts."""
    seqs = fields.numbers(seqs, f"{what}'s tasks", count_max)
    attempts = fields.numbers(attempts, f"{what}'s attempts", count_max)
    fields.same_length(seqs, attempts, f"tasks and attempts of {what}")
    return seqs, attempts


def _done(f: list[Any], incoming: Incoming) -> messages.Done:
    batch = fields.number(f[2], "DONE's batch")
    seqs, attempts = _attempts(f[3], f[4], "DONE", BATCH_COUNT_MAX)
    values = incoming.fetch(f[5], "DONE's values", BATCH_COUNT_MAX)
    fields.same_length(seqs, values, "tasks and values of DONE")
    failures = fields.array_of(f[6], "DONE's failures", BATCH_COUNT_MAX)
    times = fields.map_of(f[7], "DONE's times", NAMES_MAX)
    return messages.Done(
        batch,
        seqs,
        attempts,
        values,
        [_failure(failure) for failure in failures],
        {name: _time(name, time) for name, time in times.items()},
    )


def _failure(f: Any) -> messages.Failure:
    fields.array_of(f, "a failure", _KEYS_MAX, 4)
    outcome = f[2]
    if outcome not in _OUTCOMES:
        raise DecodeError(f"a failure's outcome is none of {', '.join(_OUTCOMES)}")
    error = fields.map_of(f[3], "a failure's error", _KEYS_MAX)
    for key in ("type", "text"):
        if type(error.get(key)) is not str:
            raise DecodeError(f"a failure's error has no text under {key!r}")
    if type(error.get("traceback", "")) is not str:
        raise DecodeError("a failure's traceback is no text")
    for key in ("final", "snooze", "rejected"):
        if type(error.get(key, False)) is not bool:
            raise DecodeError(f"a failure's {key!r} is no boolean")
    if "after" in error:
        error["after"] = fields.seconds(error["after"], "a failure's 'after'", 0.0, SUM_MAX)
    if "timeout" in error:
        error["timeout"] = fields.seconds(error["timeout"], "a failure's timeout", 0.0, SUM_MAX)
    if error.get("snooze") and "after" not in error:
        raise DecodeError("a failure that is snoozed has no 'after'")
    fields.plain(error, "a failure's error")
    error.pop("evidence", None)  # what only producers say
    error.pop("journal", None)
    seq = fields.number(f[0], "a failure's task")
    return messages.Failure(seq, fields.number(f[1], "a failure's attempt"), outcome, error)


def _time(name: str, value: Any) -> list[float]:
    fields.task_name(name)
    return [
        fields.seconds(item, "DONE's times", 0.0, SUM_MAX)
        for item in fields.array_of(value, "DONE's times", 2, 2)
    ]


def _done_ack(f: list[Any], _: Incoming) -> messages.DoneAck:
    return messages.DoneAck(fields.number(f[2], "DONE_ACK's batch"))


def _return(f: list[Any], _: Incoming) -> messages.Return:
    reason = fields.word(f[2], "RETURN's reason")
    return messages.Return(reason, *_attempts(f[3], f[4], "RETURN", HELD_MAX))


def _recall(f: list[Any], _: Incoming) -> messages.Recall:
    queue = fields.name_or_empty(f[3], "RECALL's queue") if len(f) > 3 else ""
    return messages.Recall(fields.number(f[2], "RECALL's count", COUNT_MAX), queue)


def _cancel(f: list[Any], _: Incoming) -> messages.Cancel:
    hard = f[3] if len(f) > 3 else False
    fields.boolean(hard, "CANCEL's 'hard'")
    return messages.Cancel(fields.numbers(f[2], "CANCEL's tasks", HELD_MAX), hard)


def _info(f: list[Any], _: Incoming) -> messages.Info:
    seq = fields.number(f[3], "INFO's task") if len(f) > 3 else 0
    return messages.Info(fields.number(f[2], "INFO's request"), seq)


def _status(f: list[Any], _: Incoming) -> messages.Status:
    request = fields.number(f[2], "STATUS' request")
    status = fields.map_of(f[3], "STATUS' status", _KEYS_MAX)
    fields.plain(status, "STATUS' status")
    return messages.Status(request, status)


Reader = Callable[[list[Any], Incoming], messages.Message]

# verb -> fewest items in frame 0, verb and number included, and the function that reads them.
READERS: dict[int, tuple[int, Reader]] = {
    verbs.HELLO: (8, _hello),
    verbs.WELCOME: (8, _welcome),
    verbs.REFUSED: (4, _refused),
    verbs.PING: (3, _ping),
    verbs.PONG: (3, _pong),
    verbs.DRAINING: (2, _draining),
    verbs.BYE: (2, _bye),
    verbs.DEMAND: (3, _demand),
    verbs.CREDIT: (4, _credit),
    verbs.TASKS: (3, dispatching.read_tasks),
    verbs.STARTED: (4, _started),
    verbs.DONE: (8, _done),
    verbs.DONE_ACK: (3, _done_ack),
    verbs.RETURN: (5, _return),
    verbs.RECALL: (3, _recall),
    verbs.CANCEL: (3, _cancel),
    verbs.PROGRESS: (5, advancing.read_progress),
    verbs.PARTS: (5, advancing.read_parts),
    verbs.PARTS_ACK: (4, advancing.read_parts_ack),
    verbs.RESULTS: (4, delivering.read_results),
    verbs.RESULTS_ACK: (3, delivering.read_results_ack),
    verbs.HAVE: (4, delivering.read_have),
    verbs.HAS: (4, delivering.read_has),
    verbs.FLOOR: (3, delivering.read_floor),
    verbs.END: (4, delivering.read_end),
    verbs.ENDED: (4, delivering.read_ended),
    verbs.ROUTE: (4, delivering.read_route),
    verbs.INFO: (3, _info),
    verbs.STATUS: (4, _status),
    verbs.ORDER: (5, ordering.read_order),
    verbs.ORDERED: (6, ordering.read_ordered),
}
