"""What peers say to each other: a record per verb of DESIGN 4. `wire.codec` makes them bytes.

What is said of sinks stands in `delivery`, of running attempts in `progress`, orders in `orders`.

Every message travels with a **number**: a count, from 1, of the messages sent over its link in
that direction. A number that was seen is dropped; a gap ends the session, and the inventory of
the next WELCOME repairs whatever was missed.

A **seq** is a task's number at its producer; together with the producer's id it is the task id.
A **token** is (producer epoch, attempt); the epoch is said once, in HELLO.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any

from zmqwork.core.delivery import (
    Destination,
    End,
    Ended,
    Floor,
    Has,
    Have,
    Results,
    ResultsAck,
    Route,
)
from zmqwork.core.orders import Order, Ordered
from zmqwork.core.progress import Parts, PartsAck, Progress
from zmqwork.core.record import record

# A batch is cut at this many tasks, and at this many bytes of arguments or results: what a peer
# must take in at once stays small, and a turn of its loop short.
BATCH_COUNT_MAX = 4096
BATCH_BYTES_MAX = 1024 * 1024

# Tasks with headers in one message: each may have others, of up to `HEADERS_BYTES_MAX`.
HEADED_MAX = 256

# Other nodes named in one message: all of them come, some with each beat.
NEIGHBOURS_MAX = 16

# How an attempt ended, as a worker says it (DESIGN 2).
FAILED = "failed"
REJECTED = "rejected"
LOST = "lost"

# What a node `can`: a worker brings results to the sinks that TASKS names, whoever is there answers
# ORDERs (told to observers alone), a producer takes PROGRESS.
DELIVER = "deliver"
OBEY = "obey"
TAKE_PROGRESS = "progress"

# States of an attempt in the inventory of a WELCOME.
HELD_QUEUED = 0
HELD_RUNNING = 1
HELD_DONE = 2


@record
class Hello:
    """The first message of a link, from the connecting side.

    Attributes:
        session: counts the links that this node dialled; of one node, the newest wins.
        node_id: 32 hexadecimal digits, random per process.
        role: ``producer``, ``worker``, ``sink`` or ``observer``.
        name: a label for people.
        realm: the app's name.
        protocol: the lowest and the highest protocol major that it speaks.
        epoch: the producer's epoch: first half of every token of this session.
        heartbeat_interval: seconds between its PINGs.
        producer_id: under which a producer's tasks are numbered at sinks; empty: its node id.
        can: what it can do that was not always there: words, as TAKE_PROGRESS.
    """

    session: int
    node_id: str
    role: str
    name: str
    realm: str
    protocol: tuple[int, int]
    epoch: int = 0
    heartbeat_interval: float = 1.0
    producer_id: str = ""
    can: list[str] = field(default_factory=list)


@record
class Neighbour:
    """Another node of the realm, as the sender knows it (peer exchange).

    Attributes:
        node_id, role: as in its HELLO.
        endpoints: where it may be reached: one to four.
        fingerprint: of the key that is said to be there; empty: that is not said.
    """

    node_id: str
    role: str
    endpoints: list[str]
    fingerprint: str = ""


@record
class Welcome:
    """The bound side's answer to HELLO.

    Attributes:
        session: the HELLO's, so that an answer to an older one is told apart.
        node_id, role, name, realm: as in HELLO.
        protocol: the major that this session speaks.
        heartbeat_interval: seconds between its PINGs.
        silence_timeout: how long its runtime may be silent on a living link before it is lost.
        host, pid: where it runs, for people.
        slots: attempts that it runs at once (0: not a worker).
        queues: the queues that it serves; empty: all.
        tasks: name -> signature fingerprint.
        held: what it still holds for this producer: [seq, attempt, HELD_*] each.
        neighbours: other nodes that it knows of, at most `NEIGHBOURS_MAX`.
        sinks: the names under which it takes results (empty: no sink).
        inbox: the id of its inbox; empty: what it has taken is forgotten with its process.
        taken: the numbers of this producer whose results it has: [first, last] each, in order;
            at most RANGES_MAX of them, the lowest.
        can: what it can do that was not always there: words, as DELIVER.
        weights: of each of `queues`, the share of what it takes; empty: queues are all alike.
        strict: `queues` are in order: a later one gets what the earlier ones leave.
        without: queues that it does not serve.
    """

    session: int
    node_id: str
    role: str
    name: str
    realm: str
    protocol: int
    heartbeat_interval: float = 1.0
    silence_timeout: float = 4.0
    host: str = ""
    pid: int = 0
    slots: int = 0
    queues: list[str] = field(default_factory=list)
    tasks: dict[str, str] = field(default_factory=dict)
    held: list[list[int]] = field(default_factory=list)
    neighbours: list[Neighbour] = field(default_factory=list)
    sinks: list[str] = field(default_factory=list)
    inbox: str = ""
    taken: list[list[int]] = field(default_factory=list)
    can: list[str] = field(default_factory=list)
    weights: list[int] = field(default_factory=list)
    strict: bool = False
    without: list[str] = field(default_factory=list)


@record
class Refused:
    """No session, or no longer.

    `code` is one of ``protocol``, ``realm``, ``order``, ``gap``, ``full``.
    """

    code: str
    text: str


@record
class Ping:
    """A heartbeat: `sequence` comes back in PONG; `lag` is the sender's loop lag in seconds.

    `neighbours` are further ones, as in WELCOME; the bound side alone names some.
    """

    sequence: int
    lag: float = 0.0
    neighbours: list[Neighbour] = field(default_factory=list)


@record
class Pong:
    """The answer to a PING, with its sequence."""

    sequence: int
    lag: float = 0.0


@record
class Draining:
    """The worker takes nothing new and will leave."""


@record
class Bye:
    """Nothing of value is left on this link; the worker leaves when it was answered."""


@record
class Demand:
    """How much the producer has waiting: 0, 1 (1-9), 2 (10-99) or 3 (100 and more)."""

    backlog: int


@record
class Credit:
    """How much the other side may have unsettled here.

    From a worker: attempts, and bytes of their arguments. From a sink: results, and their bytes.
    `extra`: so many of the attempts have ended, and take no slot: their results are on their way to
    sinks.
    """

    attempts: int
    size_bytes: int
    extra: int = 0


@record
class Run:
    """Consecutive tasks of one kind.

    Attributes:
        name: the task's name.
        options: what the worker must know: ``queue``, ``priority``, ``deadline`` (remaining
            seconds), ``headers``; absent keys mean nothing was set.
        attempt: the attempt's number, the same for all.
        seqs: the tasks' numbers.
        args: their encoded arguments, as long as `seqs`.
        to: where their results go; None: back to the producer.
    """

    name: str
    options: dict[str, Any]
    attempt: int
    seqs: list[int]
    args: list[bytes]
    to: Destination | None = None


@record
class Tasks:
    """Attempts for a worker; `ack` says as well what a DONE_ACK would (0: nothing)."""

    runs: list[Run]
    ack: int = 0


@record
class Started:
    """Attempts whose handler has begun."""

    seqs: list[int]
    attempts: list[int]


@record
class Failure:
    """An attempt that ended without a result.

    Attributes:
        seq, attempt: which.
        outcome: FAILED (the handler raised), REJECTED (this worker cannot run it) or LOST (the
            child that ran it died).
        error: ``type``, ``text``, ``traceback``, ``final`` (True: a retry is of no use), for
            REJECTED ``rejected`` (True: its handler said so; else it was not begun), and for LOST
            the evidence: ``signal`` or ``exit_code``.
    """

    seq: int
    attempt: int
    outcome: str
    error: dict[str, Any]


@record
class Done:
    """Ended attempts: a batch that the worker keeps until DONE_ACK names it.

    Attributes:
        batch: counts the worker's batches for this producer, from 1.
        seqs, attempts, values: the succeeded ones, with their encoded results (nil if a sink has
            taken it).
        failures: the others.
        times: task name -> [count, seconds they ran in all].
    """

    batch: int
    seqs: list[int]
    attempts: list[int]
    values: list[bytes]
    failures: list[Failure]
    times: dict[str, list[float]]


@record
class DoneAck:
    """All batches up to this one are recorded: forget them."""

    batch: int


@record
class Return:
    """Unstarted attempts given back, free of charge.

    `reason` is one of ``draining``, ``stopping``, ``paused``, ``over_credit``, ``recalled``,
    ``expired``, and ``undelivered``: it ran, but its sink could not be reached for long, and the
    result is gone.
    """

    reason: str
    seqs: list[int]
    attempts: list[int]


@record
class Recall:
    """Please return up to `count` attempts that nothing has begun; of `queue`, if one is named."""

    count: int
    queue: str = ""


@record
class Cancel:
    """Forget these: their results are not wanted any more. `hard`: end what runs at once."""

    seqs: list[int]
    hard: bool = False


@record
class Info:
    """An observer asks, a producer about its task `seq` as well (0: none); STATUS answers."""

    request: int
    seq: int = 0


@record
class Status:
    """What a node says of itself: plain values only."""

    request: int
    status: dict[str, Any]


Message = (
    Hello
    | Welcome
    | Refused
    | Ping
    | Pong
    | Draining
    | Bye
    | Demand
    | Credit
    | Tasks
    | Started
    | Done
    | DoneAck
    | Return
    | Recall
    | Cancel
    | Progress
    | Parts
    | PartsAck
    | Route
    | Results
    | ResultsAck
    | Have
    | Has
    | Floor
    | End
    | Ended
    | Info
    | Status
    | Order
    | Ordered
)
