"""What is said of results that go to sinks: between worker and sink, and by producers to both.

A task that goes to a sink has a number there, its **sink_seq**, from 1, given by its producer. A
sink takes each number once. Who the producer is to a sink, its **producer id** says: that of its
run or journal, which outlives the process, or its node id.
"""

from __future__ import annotations

from dataclasses import field

from zmqwork.core.record import record

# What a sink says of a number: it is free, its result waits to be stored, or is stored.
HAS_NOT = 0
HAS_HOLDING = 1
HAS_TAKEN = 2

# Ranges of numbers in one message: what is beyond them is left out.
RANGES_MAX = 4096

# Runs of one TASKS in which any has a destination: its sender cuts it here, however few tasks they
# have, since each run says its own, and 4,096 of the longest do not fit into one message.
DESTINATIONS_MAX = 2048


@record
class Destination:
    """Where results go: a sink, and their numbers there.

    Attributes:
        node_id: the sink's node; empty while nobody serves the inbox.
        inbox: the inbox that alone may take them; empty: this node is meant.
        endpoints: where the node may be reached: at most four.
        producer_id: under which the tasks are numbered there.
        sink_seqs: the tasks' numbers there, as long as their `seqs`.
        fingerprint: of the key that is said to be there; empty: that is not said.
    """

    node_id: str
    inbox: str
    endpoints: list[str]
    producer_id: str
    sink_seqs: list[int]
    fingerprint: str = ""


@record
class Route:
    """The results of these tasks go elsewhere now; without `seqs`: this node serves that inbox."""

    seqs: list[int]
    to: Destination


@record
class Parcel:
    """Results of one producer's tasks of one name.

    Attributes:
        producer_id: under which they are numbered at the sink.
        name: the task's name.
        sink_seqs, seqs: their numbers at the sink, and at the producer.
        values: their encoded results.
    """

    producer_id: str
    name: str
    sink_seqs: list[int]
    seqs: list[int]
    values: list[bytes]


@record
class Results:
    """Results for a sink: a batch that the worker keeps until RESULTS_ACK names it.

    `batch` counts the worker's batches for this sink, from 1, over sessions.
    """

    batch: int
    parcels: list[Parcel]


@record
class ResultsAck:
    """All batches up to this one are stored, or were before: forget them."""

    batch: int


@record
class Have:
    """A producer asks a sink about these numbers; the answer is a HAS with the same request."""

    request: int
    sink_seqs: list[int]


@record
class Has:
    """`states`: HAS_* for each number that was asked about."""

    request: int
    states: list[int]


@record
class Floor:
    """All numbers of this producer below `sink_seq` are settled: none of them comes any more."""

    sink_seq: int


@record
class End:
    """This producer has no more for the sink.

    Attributes:
        count: the last of the numbers that it gave for this sink, from 1.
        succeeded: how many of them have a result here; of those it is not certain of, none.
        numbers: which there are, [first, last] each, if not all from 1 to `count`: a process with a
            journal gives others than those before it.
    """

    count: int
    succeeded: int
    numbers: list[list[int]] = field(default_factory=list)

    @property
    def spans(self) -> list[list[int]]:
        """Its numbers: [first, last] each."""
        return self.numbers or [[1, self.count]]

    @property
    def given(self) -> int:
        """How many they are."""
        return sum(last - first + 1 for first, last in self.spans)


@record
class Ended:
    """A sink's answer to END.

    Attributes:
        taken: results of this producer that it has taken, as far as it remembers.
        missing: numbers up to `count` without a result: [first, last] each, at most RANGES_MAX.
    """

    taken: int
    missing: list[list[int]]
