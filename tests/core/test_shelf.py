from __future__ import annotations

from desks import parcel

from zmqwork.core.collected import Collected
from zmqwork.core.shelf import Shelf, size_of


def put(shelf, collected, made, now=1.0):
    shelf.put(collected, made, size_of(made), now)


def numbers(load):
    return [list(p.sink_seqs) for p in load.parcels]


def test_first_in_first_out_and_cut_where_it_must_be():
    shelf, one, other = Shelf(), Collected("one"), Collected("other")
    assert not shelf
    assert shelf.oldest_at == float("inf")
    put(shelf, one, parcel(1, 2, 3, 4, 5, size=10))
    put(shelf, other, parcel(1, 2), 2.0)
    assert (len(shelf), shelf.size_bytes, shelf.oldest_at) == (7, 52, 1.0)
    load = shelf.take(2)
    assert shelf.load is load
    assert (len(shelf), shelf.held) == (5, (7, 52))
    assert numbers(load) == [[1, 2]]
    assert (load.count, load.size_bytes) == (2, 20)
    assert [list(p.seqs) for p in load.parcels] == [[101, 102]]
    assert load.taken() == [("one", 1, 2)]
    load = shelf.take(4)
    assert numbers(load) == [[3, 4, 5], [1]]
    assert load.taken() == [("one", 3, 5), ("other", 1, 1)]
    assert (len(shelf), shelf.size_bytes, shelf.oldest_at) == (1, 1, 2.0)
    assert numbers(shelf.take(100)) == [[2]]
    assert (shelf.put_count, shelf.size_bytes) == (7, 0)
    assert shelf.take(1).count == 0


def test_what_is_stored_is_taken_by_its_producer():
    shelf, one = Shelf(), Collected("one")
    put(shelf, one, one.receive(parcel(1, 2, 3)))
    load = shelf.take(2)
    assert shelf.stored_count == 0
    shelf.stored(load)
    assert (shelf.stored_count, shelf.load, shelf.held) == (2, None, (1, 1))
    assert (one.stored, one.held) == (2, {3})


def test_numbers_of_one_producer_become_few_ranges():
    """Whoever brought them: two workers that have every other task."""
    shelf, one = Shelf(), Collected("one")
    put(shelf, one, parcel(1, 3, 5))
    put(shelf, one, parcel(4, 2))
    assert shelf.take(9).taken() == [("one", 1, 5)]
