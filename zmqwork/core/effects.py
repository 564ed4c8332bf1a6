"""What must now be done: the records that come out of a machine. The shell performs them."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any

from zmqwork.core.delivery import Parcel
from zmqwork.core.link_events import Link
from zmqwork.core.messages import Message
from zmqwork.core.record import record

if TYPE_CHECKING:
    from zmqwork.core.clients import Held
    from zmqwork.core.happenings import Happening
    from zmqwork.core.ledger import Entry, TaskSpec
    from zmqwork.core.records import Batch


@record
class Dial:
    """Open a link under this number to this endpoint, and to this key if there are keys."""

    link: int
    endpoint: str
    fingerprint: str = ""


@record
class HangUp:
    """Close a dialled link; nothing more is heard of it. `farewell`: let queued bytes go first."""

    link: int
    farewell: bool = False


@record
class Suspend:
    """Admit this key to no new connection for so many seconds: it misbehaves."""

    fingerprint: str
    seconds: float
    why: str


@record
class Rebind:
    """End every connection that others have opened: one of them must end, and libzmq ends none."""


@record
class Send:
    """Send a numbered message over a link."""

    link: Link
    number: int
    message: Message


@record
class Forget:
    """This link to us has no session (any more): drop what it sent of unfinished transfers."""

    link: bytes


@record
class Probe:
    """Find out whether the process behind this endpoint is gone; answer with `Probed`."""

    key: str
    endpoint: str


@record
class Settle:
    """These tasks are settled: `entry.state`, `entry.value` and `entry.error` say how.

    Attributes:
        entries: the tasks.
        enders: the labels of the workers that ended them, by seq, as far as they are known and
            somebody listens (`events.ListenRequested`).
    """

    entries: list[Entry]
    enders: dict[int, str] = field(default_factory=dict)


@record
class Tell:
    """This has happened to tasks, and somebody listens for it."""

    happenings: list[Happening]


@record
class Record:
    """Make this durable; `Written`, `WriteRefused` or `WriteFailed` follows. In order."""

    number: int
    batch: Batch


@record
class Confirm:
    """All tasks up to this number are in the journal (save those that it refused)."""

    seq: int


@record
class Reopen:
    """These tasks, which were settled, are unsettled again."""

    entries: list[Entry]


@record
class Resubmit:
    """Number a task of this kind, and hand it over; answer with `Resubmitted`."""

    spec: TaskSpec
    args: bytes
    request: Any


@record
class TakeRoster:
    """An observer has brought the text of a roster; answer with `RosterTaken`.

    It is kept if it is a newer one of this node's cluster.
    """

    text: bytes
    request: Any


@record
class MarkRunning:
    """The handlers of these tasks have begun."""

    entries: list[Entry]


@record
class Answer:
    """The answer to a request of the application."""

    request: object
    value: Any


@record
class Execute:
    """Give these attempts to a slot, behind those that it has."""

    slot: int
    attempts: list[Held]


@record
class TakeBack:
    """Let the slot begin nothing more of what it has; `TakenBack` says what that was."""

    slot: int


@record
class Peek:
    """Tell at once of what has ended in the slot: `Finished` follows if there is something."""

    slot: int


@record
class Restart:
    """End whatever the slot runs, at once; `SlotReady` follows when it can be used again."""

    slot: int


@record
class Alarm:
    """The soft time-out of this running attempt is over: raise `SoftTimeout` in its handler."""

    slot: int
    attempt: Held


@record
class Interrupt:
    """The result of this running attempt is not wanted any more: tell its handler."""

    slot: int
    attempt: Held


@record
class Grant:
    """The application has taken all parts of this running attempt below `count`: let it go on."""

    slot: int
    attempt: Held
    count: int


@record
class MarkProgress:
    """The handlers of these tasks have said how far they are: `entry.headway`."""

    entries: list[Entry]


@record
class AddParts:
    """The handler of this task has yielded these, which come behind those before."""

    entry: Entry
    values: list[bytes]


@record
class ShowStacks:
    """Show a person what the slots do: what each runs, in words; only busy ones are named."""

    slots: dict[int, str]


@record
class Marks:
    """What a sink's store must remember together with results.

    Attributes:
        taken: the numbers of these results: (producer id, first, last) each.
        floors: producer id -> all of its numbers below count as taken from now on.
    """

    taken: list[tuple[str, int, int]]
    floors: dict[str, int]


@record
class Deliver:
    """Store these results; `Stored` or `StoreFailed` with the same number follows."""

    number: int
    parcels: list[Parcel]
    marks: Marks


@record
class MarkComplete:
    """Whether all that a sink was promised is stored now; only changes are told."""

    complete: bool


@record
class Notice:
    """Something that a person should know.

    Attributes:
        kind: ``peer_alive``, ``peer_suspect``, ``peer_lost``, ``peer_refused``, ``no_worker``,
            ``unknown_task``, ``other_signature``, ``no_sink``, ``resumed``, ``limit``,
            ``drain_cut``, ``paused``, ``serving``, ``leaving``, ``unfit``,
            ``undelivered``, ``rejected``, ``unread_parts``; of a sink: ``complete``,
            ``incomplete``, ``store_failed``, ``forgotten``.
        text: one line for the log.
        data: the same as values.
    """

    kind: str
    text: str
    data: dict[str, Any] = field(default_factory=dict)


@record
class Withdraw:
    """Do not offer the node to others any more: it drains."""


@record
class Left:
    """The machine has said its goodbyes: the node may close.

    `cause`: why a worker left: it was told to (empty), or ``idle``, ``burst``, ``unfit``.
    """

    cause: str = ""


Effect = (
    Dial
    | HangUp
    | Suspend
    | Rebind
    | Send
    | Forget
    | Probe
    | Settle
    | Tell
    | Record
    | Confirm
    | Reopen
    | Resubmit
    | TakeRoster
    | MarkRunning
    | Answer
    | Execute
    | TakeBack
    | Peek
    | Restart
    | Alarm
    | Interrupt
    | Grant
    | MarkProgress
    | AddParts
    | ShowStacks
    | Deliver
    | MarkComplete
    | Notice
    | Withdraw
    | Left
)
