"""H31: a flood of names leaves room in zeroconf's cache for those of honest nodes."""

from __future__ import annotations

import secrets

import pytest
from mdns_ends import Stranger
from zeroconf import DNSCache, DNSPointer
from zeroconf.const import _CLASS_IN, _TYPE_PTR

from zmqwork.discovery.advert import SERVICE_TYPE
from zmqwork.discovery.sweeping import RECORDS_MAX, sweep


@pytest.fixture
def cache():
    return DNSCache()


@pytest.fixture
def node(stranger: Stranger):
    """The records of a node as they come; the name of a service is kept longer than they are."""

    def node(label, name_ttl=1_125):
        pointer, *others = stranger.node(label, b"\x03v=1")
        pointer.ttl = name_ttl
        return [*others, pointer]

    return node


def count(cache):
    return sum(map(len, cache.cache.values()))


def is_whole(cache, label):
    """Whether everything is there that is to be known of it."""
    names = [f"{label}.{SERVICE_TYPE}", f"{label}.local."]
    service, addresses = [cache.async_entries_with_name(name) for name in names]
    pointers = cache.async_entries_with_name(SERVICE_TYPE)
    named = any(it.alias.startswith(label) for it in pointers)
    return (len(service), len(addresses), named) == (2, 1, True)


def flood(cache, node, count, tidy):
    run = secrets.token_hex(4)
    for n in range(count):
        cache.async_add_records(node(f"f{n}-{run}"))
        if n % 1_000 == 999:
            tidy()


def test_while_there_is_room_nothing_is_dropped(cache, node):
    flood(cache, node, RECORDS_MAX // 4, lambda: None)
    before = count(cache)
    assert before == RECORDS_MAX
    assert not sweep(cache, [])
    assert count(cache) == before
    cache.async_add_records(node("one-more"))
    assert sweep(cache, [])
    assert count(cache) == 0


def test_what_is_seen_stays_whole(cache, node):
    cache.async_add_records(node("Honest"))
    flood(cache, node, 2_000, lambda: None)
    assert sweep(cache, [f"honest.{SERVICE_TYPE}", f"gone.{SERVICE_TYPE}"])
    assert is_whole(cache, "Honest")
    assert count(cache) == 4


def test_without_sweeping_no_new_node_would_be_whole(cache, node):
    flood(cache, node, 11_000, lambda: None)
    cache.async_add_records(node("honest"))
    assert not is_whole(cache, "honest"), "then this module is not needed any more"


def test_a_node_that_comes_after_a_flood_is_whole(cache, node):
    flood(cache, node, 30_000, lambda: sweep(cache, []))
    assert count(cache) <= RECORDS_MAX + 4_000
    cache.async_add_records(node("honest"))
    assert is_whole(cache, "honest")


def test_records_of_other_services_go_as_well(cache):
    other = "_http._tcp.local."
    names = [f"x{n}.{other}" for n in range(RECORDS_MAX + 1)]
    cache.async_add_records([DNSPointer(other, _TYPE_PTR, _CLASS_IN, 4_500, it) for it in names])
    assert sweep(cache, [f"x1.{SERVICE_TYPE}"])
    assert count(cache) == 0
