"""What has happened: the records that go into a machine. Hot ones carry batches."""

from __future__ import annotations

from collections.abc import Collection, Container, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any

from zmqwork.core.happenings import ListenRequested
from zmqwork.core.letters import LettersRequested, RevivalRequested
from zmqwork.core.link_events import (
    Garbled,
    LinkDenied,
    LinkDown,
    LinkUp,
    PeerForgotten,
    PeerFound,
    Probed,
    Received,
    Rostered,
)
from zmqwork.core.progress import Advanced, PartsTaken, Yielded
from zmqwork.core.record import record
from zmqwork.core.records import Recovered, WriteFailed, WriteRefused, Written
from zmqwork.core.worker_requests import (
    StacksRequested,
    UnfitDeclared,
    WorkerPauseRequested,
    WorkerResumeRequested,
)

if TYPE_CHECKING:
    from zmqwork.core.clients import Held
    from zmqwork.core.ledger import Entry, TaskSpec
    from zmqwork.core.orders import Order
    from zmqwork.queues import Queues


@record
class Submitted:
    """The application handed over tasks, as fresh ledger entries."""

    entries: list[Entry]


@record
class CancelRequested:
    """The application wants these tasks (None: all) cancelled; `Answer` says which could be.

    `running`: those that have begun, too; `hard`: at once, without a grace for their handlers.
    """

    seqs: list[int] | None
    request: object = None
    running: bool = False
    hard: bool = False


@record
class ClaimRequested:
    """The application wants to run this task itself; `Answer` carries a `Claimed`, or None.

    It is given up here, as if it were cancelled: whoever claims it settles its owner.

    Attributes:
        seq: which.
        names: the tasks that the claimant can run.
        queues: those that it may serve.
        from_worker: take it from a worker, too, that has not begun it as far as is known.
        heir: the owner of what is settled here.
        request: to be answered.
    """

    seq: int
    names: Container[str]
    queues: Queues
    from_worker: bool
    heir: object
    request: object


@record
class Claimed:
    """A task that was given up to be run by the application.

    Attributes:
        spec, args: what to run.
        attempt: the number of this attempt.
        deadline_at: the instant when it is worthless, or None.
        options: as in `messages.Run`.
    """

    spec: TaskSpec
    args: bytes
    attempt: int
    deadline_at: float | None = None
    options: dict[str, Any] = field(default_factory=dict)


@record
class Resubmitted:
    """The answer to `effects.Resubmit`: a task's number; None: it was not taken, as `text` says."""

    request: Any
    seq: int | None
    text: str = ""


@record
class RosterTaken:
    """The answer to `effects.TakeRoster`.

    Attributes:
        request: as it was there.
        refusal: why it was not taken; empty: it was, or is known.
        before: the serial of the roster in use.
        serial: that of the one which is kept now, and will be in use soon.
        written: whether it was not known.
    """

    request: Any
    refusal: str = ""
    before: int = 0
    serial: int = 0
    written: bool = False


@record
class OrderRequested:
    """The application lets an observer order something; `Answer` carries an `orders.Ordered`.

    Attributes:
        request: to be answered.
        node_id: who is to obey, or how its node id begins; it is waited for.
        order: what; it gets a number.
        patience: seconds to wait for the answer.
    """

    request: object
    node_id: str
    order: Order
    patience: float


@record
class WorkersRequested:
    """The application asks who serves a kind of task; `Answer` carries (node id, name) of each.

    Attributes:
        spec: which kind.
        patience: seconds to wait for the first of them; then the answer is empty.
        request: to be answered.
    """

    spec: TaskSpec
    patience: float
    request: object


@record
class PauseRequested:
    """Let no task of this queue begin, or let them go on; `Answer` lists what is paused then."""

    queue: str
    paused: bool
    request: object = None


@record
class StatusRequested:
    """The application asks what the machine knows; `Answer` carries it.

    A producer is asked about itself, or about the task `seq`. An observer asks all others, and
    about a task the producer whose node id begins with `producer`.
    """

    request: object = None
    seq: int | None = None
    producer: str = ""


@record
class EndRequested:
    """The application has no more for its sinks: tell them, and answer with what they have.

    `patience`: seconds to wait for those that do not answer. `also`: ids of outlets that are told
    though nothing went there; those of other runs are not. `Answer` carries a list of ``sink``
    (a label), ``inbox``, ``count`` (numbers given), ``succeeded``, ``taken`` (None: not heard) and
    ``missing`` (ranges of numbers).
    """

    request: object
    patience: float
    also: Collection[str] = ()


@record
class OutletsRequested:
    """The application asks for the sinks; `Answer` carries a list of what is known of each.

    As in a producer's status under ``sinks``, and ``taken``: a `Ranges` of the numbers of this
    producer that it had when its session began.
    """

    request: object


@record
class Finished:
    """A slot's next attempts ended, in the order in which they were given to it.

    Attributes:
        slot: its index.
        results: (True, encoded value) or (False, error dict as in `messages.Failure`) each.
        seconds: how long they ran, together.
    """

    slot: int
    results: list[tuple[bool, Any]]
    seconds: float


@record
class TakenBack:
    """The answer to `effects.TakeBack`: these will not be begun in the slot; may be none."""

    slot: int
    attempts: Sequence[Held]


@record
class SlotDied:
    """The child that ran a slot is gone.

    Attributes:
        slot: its index.
        begun: how many of the unfinished attempts given to it had been begun (0 or 1).
        evidence: ``signal`` or ``exit_code``, and what else `trouble.EVIDENCE` names.
    """

    slot: int
    begun: int
    evidence: dict[str, Any] = field(default_factory=dict)


@record
class SlotFailed:
    """A child that was to run a slot died before it could run anything; another one follows."""

    text: str


@record
class SlotReady:
    """A slot can take attempts: at the start, and after its child was replaced."""

    slot: int


@record
class Stored:
    """What an `effects.Deliver` had has taken effect, for good."""

    number: int


@record
class StoreFailed:
    """What an `effects.Deliver` had could not be stored.

    Attributes:
        number: which.
        text: why, in a line.
        fatal: nobody will try again; else it is being tried again, and another answer follows.
    """

    number: int
    text: str
    fatal: bool = False


@record
class DrainRequested:
    """Finish what is held, then leave."""


@record
class StopRequested:
    """Leave now: give back what is held."""


Event = (
    PeerFound
    | PeerForgotten
    | LinkUp
    | LinkDown
    | LinkDenied
    | Received
    | Garbled
    | Rostered
    | Probed
    | Submitted
    | CancelRequested
    | ClaimRequested
    | LettersRequested
    | ListenRequested
    | RevivalRequested
    | Resubmitted
    | RosterTaken
    | OrderRequested
    | WorkersRequested
    | PauseRequested
    | StatusRequested
    | EndRequested
    | OutletsRequested
    | Recovered
    | Written
    | WriteRefused
    | WriteFailed
    | Finished
    | Advanced
    | Yielded
    | PartsTaken
    | TakenBack
    | SlotDied
    | SlotFailed
    | SlotReady
    | Stored
    | StoreFailed
    | DrainRequested
    | WorkerPauseRequested
    | WorkerResumeRequested
    | StacksRequested
    | StopRequested
    | UnfitDeclared
)
