"""What is said of attempts that run: how far they are, what the next one begins from, parts.

Here are the messages, and the events that are about these.

A **checkpoint** is a value that an attempt leaves for the next one. A **part** is a value that a
generator yields; parts are numbered from 0 for the task, not for the attempt: whatever one attempt
yields, the next one yields again, from 0 or from where its checkpoint says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zmqwork.core.record import record

if TYPE_CHECKING:
    from zmqwork.core.clients import Held

# Of a note, and of an encoded checkpoint: it travels with every progress and every next attempt.
NOTE_BYTES_MAX = 1024
CHECKPOINT_BYTES_MAX = 64 * 1024

# So many parts, and so many bytes of them, may be on their way to the application: then the
# generator waits. One part may be larger.
PARTS_MAX = 64
PARTS_BYTES_MAX = 1024 * 1024

# Attempts of which one message says something: with the largest checkpoints 1 MiB.
PROGRESS_MAX = 16

# To be acked by those who want no parts: all that ever come.
ALL_PARTS = 2**63


@record
class Progress:
    """How running attempts get on; what comes last counts.

    Attributes:
        seqs, attempts: which.
        said: of each ``fraction`` (0 to 1), ``note``, ``checkpoint`` (bytes) and ``part`` (how many
            parts its task had yielded when it was saved), as far as they were said.
    """

    seqs: list[int]
    attempts: list[int]
    said: list[dict[str, Any]]


@record
class Parts:
    """Parts of a task, which the worker keeps until PARTS_ACK names them, or its outcome is acked.

    Attributes:
        seq: which task.
        first: the number of the first of these parts.
        values: the encoded parts.
    """

    seq: int
    first: int
    values: list[bytes]


@record
class PartsAck:
    """The application has taken all parts of a task below this number: forget them, go on."""

    seq: int
    count: int


@record
class Advanced:
    """A running handler says how far it is: `said` as `progress.Progress` has it."""

    attempt: Held
    said: dict[str, Any]


@record
class Yielded:
    """A running handler has yielded parts; the first of them has the number `first`."""

    attempt: Held
    first: int
    values: list[bytes]


@record
class PartsTaken:
    """The application has taken all parts of a task below this number, or wants none of them."""

    seq: int
    count: int
