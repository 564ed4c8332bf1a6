from __future__ import annotations

from dataclasses import replace

from zmqwork.core.link_events import PeerForgotten, PeerFound
from zmqwork.discovery import sightings
from zmqwork.discovery.advert import Advert
from zmqwork.discovery.sightings import Sightings


def advert(host="10.0.0.1", port=5):
    return Advert("a" * 32, "worker", (f"tcp://{host}:{port}",), host)


def found(name, it):
    return PeerFound(f"mdns:{name}", it.endpoints, "worker", "mdns", it.node_id)


def test_each_change_is_told_once():
    seen = Sightings()
    reader = seen.reader()
    assert reader.take() == []
    assert seen.see("a", advert())
    assert seen.see("a", advert())
    assert reader.take() == [found("a", advert())]
    assert seen.see("a", advert())
    assert reader.take() == []
    assert seen.see("a", advert(port=6))
    assert reader.take() == [found("a", advert(port=6))]
    seen.lose("a")
    seen.lose("a")
    assert reader.take() == [PeerForgotten("mdns:a")]
    assert (len(seen), reader.take()) == (0, [])


def test_what_was_not_told_need_not_be_taken_back():
    seen = Sightings()
    reader = seen.reader()
    seen.see("a", advert())
    seen.lose("a")
    assert reader.take() == []


def test_gone_and_back_between_two_looks_is_found_again():
    seen = Sightings()
    reader = seen.reader()
    seen.see("a", advert())
    reader.take()
    seen.lose("a")
    seen.see("a", advert())
    assert reader.take() == [found("a", advert())]
    seen.lose("a")
    assert reader.take() == [PeerForgotten("mdns:a")]


def test_new_ones_are_told_in_batches():
    seen = Sightings()
    reader = seen.reader()
    for n in range(100):
        seen.see(str(n), advert(port=n + 1))
    batches = [len(reader.take()) for _ in range(3)]
    assert batches == [sightings.BATCH_MAX, 100 - sightings.BATCH_MAX, 0]


def test_one_host_cannot_fill_the_table():
    seen = Sightings(total_max=100, per_host_max=10)
    assert seen.see("other", advert("10.0.0.2"))
    taken = [seen.see(str(n), advert()) for n in range(20)]
    assert taken == [True] * 10 + [False] * 10
    assert len(seen) == 11
    assert "19" in seen._seen
    assert "other" in seen._seen


def test_a_full_table_is_shared_fairly():
    seen = Sightings(total_max=10, per_host_max=10)
    reader = seen.reader()
    for n in range(10):
        assert seen.see(f"flood-{n}", advert())
    reader.take()
    assert not seen.see("other", advert("10.0.0.2"))
    assert reader.take() == [PeerForgotten("mdns:flood-9"), found("other", advert("10.0.0.2"))]
    for n in range(20):
        seen.see(f"other-{n}", advert("10.0.0.2"))
    assert len(seen) == 10
    assert [len(names) for names in seen._hosts.values()] == [5, 5]


def test_a_new_one_is_seen_even_if_the_flood_has_its_own_address():
    seen = Sightings(total_max=10, per_host_max=10)
    reader = seen.reader()
    for n in range(50):
        seen.see(f"flood-{n}", advert())
    assert not seen.see("real", advert())
    assert found("real", advert()) in reader.take()


def test_a_new_host_is_seen_when_every_host_has_one():
    seen = Sightings(total_max=3, per_host_max=10)
    for n in range(4):
        seen.see(f"n{n}", advert(f"10.0.0.{n}"))
    assert "n3" in seen._seen
    assert len(seen) == len(seen._hosts) == 3


def test_the_key_that_is_said_to_be_there_is_told():
    seen = Sightings()
    reader = seen.reader()
    seen.see("a", replace(advert(), fingerprint="f" * 16))
    (event,) = reader.take()
    assert event.fingerprint == "f" * 16
    seen.see("a", replace(advert(), fingerprint="e" * 16))
    (event,) = reader.take()
    assert (event.key, event.fingerprint) == ("mdns:a", "e" * 16)


def test_a_hundred_thousand_records_take_no_more_memory_than_a_thousand():
    seen = Sightings(per_host_max=sightings.PER_HOST_UNSEALED_MAX)
    reader = seen.reader()
    for n in range(100_000):
        seen.see(f"flood-{n}", advert(f"10.0.{n % 250}.1", port=n % 60_000 + 1))
        if n % 1_000 == 0:
            reader.take()
        if n % 7 == 0:
            seen.lose(f"flood-{n}")
    assert len(seen) <= sightings.SIGHTINGS_MAX
    assert sum(map(len, seen._hosts.values())) == len(seen)
    assert max(map(len, seen._hosts.values())) <= sightings.PER_HOST_UNSEALED_MAX
    told, untold, gone = len(reader._told), len(reader._untold), len(reader._gone)
    assert max(told, untold, gone) <= 2 * sightings.SIGHTINGS_MAX


def test_a_flood_of_ten_thousand_leaves_room_for_the_one_that_is_real():
    seen = Sightings()
    reader = seen.reader()
    for n in range(10_000):
        seen.see(f"flood-{n}", advert(f"10.0.{n % 200}.1", port=n + 1))
        reader.take()
    assert len(seen) == sightings.SIGHTINGS_MAX
    assert (
        len(reader._told) + len(reader._untold) + len(reader._gone) <= 2 * sightings.SIGHTINGS_MAX
    )
    seen.see("real", advert("10.1.0.1"))
    assert found("real", advert("10.1.0.1")) in reader.take()
