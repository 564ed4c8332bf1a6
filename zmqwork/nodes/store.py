"""What a sink gives its results to: the contract between the sink node and whoever stores.

A **store** takes batches, one after the other, and returns when a batch has taken effect: only
then are the workers told to forget those results. All of its methods are called by one thread,
the sink's handler thread, so that a database connection may be made in `open` and used in `store`.

To write one for others, implement `Store` and give an instance to ``app.sink(...)``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from string import hexdigits
from typing import Any, NamedTuple, Protocol, overload, runtime_checkable

from zmqwork.core.delivery import Parcel
from zmqwork.errors import DecodeError
from zmqwork.wire.values import decode_value

_NODE_ID_DIGITS = 32


class Record(NamedTuple):
    """One result, and whose it is.

    Attributes:
        task_id: the task, as its producer's `TaskFuture.id` names it; of a run, the run's name and
            the number.
        name: the task's name.
        producer_id: who numbered it: a node, or a run.
        seq: its number: at the producer, or in a run that of its item in the input, from 1. The
            latter stays the same when the run is started again.
        value: what the handler returned.
    """

    task_id: str
    name: str
    producer_id: str
    seq: int
    value: Any


class Results(Sequence[Any]):
    """The results of a batch, in the order of arrival; at least one.

    Iterating and indexing give the values that the handlers returned, `records` gives them with
    the tasks that they belong to. A value is decoded when it is asked for, and kept: what cannot be
    decoded raises `DecodeError`, which names the task, each time, and leaves the others usable.
    """

    __slots__ = ("_encoded", "_parcels", "_values")

    def __init__(self, parcels: Sequence[Parcel]) -> None:
        self._parcels = parcels
        self._encoded: list[bytes] = []
        for parcel in parcels:
            self._encoded += parcel.values
        self._values: dict[int, Any] = {}

    def __repr__(self) -> str:
        return f"<Results, {len(self)} of {', '.join(sorted({p.name for p in self._parcels}))}>"

    def __len__(self) -> int:
        return len(self._encoded)

    @overload
    def __getitem__(self, index: int) -> Any: ...

    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...

    def __getitem__(self, index: int | slice) -> Any:
        """The value at this place, or a list of those in a slice."""
        if isinstance(index, slice):
            return [self._value(at) for at in range(*index.indices(len(self)))]
        at = range(len(self))[index]
        return self._value(at)

    def __iter__(self) -> Iterator[Any]:
        return map(self._value, range(len(self._encoded)))

    @property
    def records(self) -> list[Record]:
        """The results with their tasks, in the same order."""
        values = iter(self)
        return [
            Record(f"{prefix}-{seq}", parcel.name, parcel.producer_id, seq, next(values))
            for parcel in self._parcels
            for prefix, seqs in [_names(parcel)]
            for seq in seqs
        ]

    def _value(self, at: int) -> Any:
        values = self._values
        if at not in values:
            try:
                values[at] = decode_value(self._encoded[at])
            except DecodeError as error:
                raise DecodeError(
                    f"the result of task {self._task_at(at)} cannot be opened here: {error}"
                ) from error.__cause__
        return values[at]

    def _task_at(self, at: int) -> str:
        for parcel in self._parcels:
            if at < len(parcel.seqs):
                prefix, seqs = _names(parcel)
                return f"{prefix}-{seqs[at]} ({parcel.name})"
            at -= len(parcel.seqs)
        raise IndexError(at)


def _names(parcel: Parcel) -> tuple[str, list[int]]:
    """What the ids of a parcel's tasks begin with, and their numbers."""
    producer_id = parcel.producer_id
    if is_node_id(producer_id):
        return producer_id[:8], parcel.seqs
    # A run's numbers at its sink are those of its items; at a node they begin anew each time.
    return producer_id, parcel.sink_seqs


def is_node_id(producer_id: str) -> bool:
    """Whether this is the id of a node, and not the name of a run."""
    return len(producer_id) == _NODE_ID_DIGITS and set(producer_id) <= set(hexdigits)


@dataclass(slots=True)
class Batch:
    """Results to store, and what to remember in the same transaction.

    Attributes:
        results: at least one. A batch that is tried again has fresh ones.
        taken: the numbers that these results have at this sink: (producer id, first, last) each.
            A store with an inbox records them together with the results.
        floors: producer id -> its floor: all of its numbers below count as taken from now on,
            whether they have a result or not. To record as well, so that few ranges are kept.
    """

    results: Results
    taken: Sequence[tuple[str, int, int]] = ()
    floors: Mapping[str, int] = field(default_factory=dict)


@runtime_checkable
class Store(Protocol):
    """Where a sink's results go. One thread calls it: `open`, then `store` often, then `close`.

    One with an inbox may have an attribute `counts` as well, for when it is open: how many results
    it had of each producer id when it was opened. Without it they are taken for as many as the
    numbers that `open` returns, of which those below a floor may have no result.
    """

    @property
    def inbox(self) -> str:
        """The id of what remembers what was taken, over restarts; empty: nothing does.

        It is asked for before `open`.
        """

    def open(self) -> Mapping[str, Sequence[tuple[int, int]]]:
        """Be ready: what was taken already, as (first, last) in order, by producer id.

        All that earlier batches had in `taken`, and from 1 to below the floor where there is one;
        the producer heard of last comes last. Empty without an inbox.

        Raises:
            StoreError: the place cannot be used.
        """

    def store(self, batch: Batch) -> None:
        """Store these. When it returns they have taken effect, and will not come again.

        If it raises, the same batch comes again after a while, a few times, and then the sink gives
        up. What part of a batch took effect before that is done twice: let all or nothing of it.

        Raises:
            StoreError: the place cannot be written, and trying again is of no use: the sink gives
                up at once, with exit code 74.
        """

    def close(self) -> None:
        """Nothing comes any more. Also called when `open` or `store` has raised."""
