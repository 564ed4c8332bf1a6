"""What a store is given: results that are decoded when they are asked for."""

from __future__ import annotations

import pytest

from zmqwork.core.delivery import Parcel
from zmqwork.errors import DecodeError
from zmqwork.nodes.store import Batch, Record, Results, Store, is_node_id
from zmqwork.wire.values import encode_value

NODE = "ab" * 16


def parcel(name, *values, producer_id=NODE, first=1):
    numbers = list(range(first, first + len(values)))
    return Parcel(producer_id, name, numbers, [n + 100 for n in numbers], list(values))


@pytest.fixture
def results():
    return Results(
        [
            parcel("add", encode_value((1, 2)), encode_value("two")),
            parcel("run", encode_value(None), producer_id="thumbs-2024"),
        ]
    )


def test_results_are_a_sequence_of_values(results):
    assert len(results) == 3
    assert list(results) == [(1, 2), "two", None]
    assert (results[0], results[-1], results[:2]) == ((1, 2), None, [(1, 2), "two"])
    assert "two" in results
    with pytest.raises(IndexError):
        results[3]
    assert repr(results) == "<Results, 3 of add, run>"


def test_records_say_whose_they_are(results):
    assert results.records == [
        Record("abababab-101", "add", NODE, 101, (1, 2)),
        Record("abababab-102", "add", NODE, 102, "two"),
        # A run's numbers are those at the sink: a second start has others at its producer.
        Record("thumbs-2024-1", "run", "thumbs-2024", 1, None),
    ]


def test_a_node_id_is_no_name_of_a_run():
    assert is_node_id(NODE)
    assert not is_node_id(NODE[:-1])
    assert not is_node_id("x" * 32)


def test_a_value_is_decoded_once_and_only_if_asked_for():
    results = Results([parcel("f", b"\xc1", encode_value([1]))])
    assert results[1] is results[1]
    assert results[1] == [1]


def test_what_cannot_be_decoded_is_named_and_harms_no_other():
    results = Results(
        [parcel("f", encode_value(1)), parcel("g", encode_value(2), b"\xc1", first=5)]
    )
    with pytest.raises(DecodeError, match=r"result of task abababab-106 \(g\) cannot be opened"):
        results[2]
    run = Results([parcel("f", encode_value(1), b"\xc1", producer_id="night")])
    with pytest.raises(DecodeError, match=r"result of task night-2 \(f\) cannot be opened"):
        list(run)
    with pytest.raises(DecodeError, match="abababab-106"):
        list(results)
    assert results[1] == 2


def test_a_store_is_told_by_what_it_can_do():
    class Nowhere:
        inbox = ""

        def open(self):
            return {}

        def store(self, batch):
            return None

        def close(self):
            return None

    assert isinstance(Nowhere(), Store)
    assert not isinstance(object(), Store)
    assert Batch(Results([parcel("f", encode_value(1))])).floors == {}
