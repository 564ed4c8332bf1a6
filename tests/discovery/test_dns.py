from __future__ import annotations

import threading

import pytest

from zmqwork.core.link_events import PeerForgotten, PeerFound
from zmqwork.discovery.dns import Dns
from zmqwork.discovery.lookup import Name, parse_name
from zmqwork.discovery.sources import join_realm
from zmqwork.errors import ConfigError

NAME = Name("dns://workers.example:5", "workers.example", 5)


class Resolver:
    """A resolver that is asked as often as the test says: each answer is waited for."""

    def __init__(self):
        self.answer = ()
        self.asked = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.ended = False

    def __call__(self, name):
        assert name == NAME
        self.asked.release()
        self.go.acquire()
        if self.ended or isinstance(self.answer, OSError):
            raise self.answer if isinstance(self.answer, OSError) else OSError("the test is over")
        return self.answer

    def give(self, answer):
        """Answer the question that is open, and wait for the next one."""
        assert self.asked.acquire(timeout=20)
        self.answer = answer
        self.go.release()
        assert self.asked.acquire(timeout=20)
        self.asked.release()


@pytest.fixture
def resolver():
    return Resolver()


@pytest.fixture
def source(resolver):
    source = Dns([NAME], resolver, interval=0.001)
    yield source
    source._closing.set()
    resolver.ended = True
    resolver.go.release(10)
    source.close()
    assert not any(thread.is_alive() for thread in source._threads)


def found(endpoint):
    return PeerFound(f"dns:{endpoint}", (endpoint,), "", "dns")


def test_answers_are_told_as_they_change(source, resolver):
    one, two, three = (f"tcp://10.0.0.{n}:5" for n in (1, 2, 3))
    assert source.poll(0.0) == []
    assert source.describe() == {
        "source": "dns",
        "state": "asking",
        "where": "dns://workers.example:5",
        "found": 0,
    }
    resolver.give((one, two))
    assert source.poll(0.0) == [found(one), found(two)]
    resolver.give((one, two))
    assert source.poll(0.0) == []
    resolver.give((two, three))
    assert source.poll(0.0) == [PeerForgotten(f"dns:{one}"), found(three)]
    assert (source.found, source.describe()["state"]) == (2, "ok")
    resolver.give(())
    assert source.poll(0.0) == [PeerForgotten(f"dns:{two}"), PeerForgotten(f"dns:{three}")]


def test_a_resolver_that_fails_changes_nothing(source, resolver):
    source.poll(0.0)
    resolver.give(("tcp://10.0.0.1:5",))
    assert len(source.poll(0.0)) == 1
    resolver.give(OSError("no route"))
    assert source.poll(0.0) == []
    assert source.describe()["state"] == "failed: no route"
    resolver.give(("tcp://10.0.0.1:5",))
    assert source.poll(0.0) == []
    assert source.describe()["state"] == "ok"


def test_a_resolver_that_hangs_holds_up_nobody(resolver):
    source = Dns([NAME], resolver)
    source.poll(0.0)
    assert resolver.asked.acquire(timeout=20)
    assert source.poll(0.0) == []
    source.close()  # returns, though the resolver does not
    assert source.poll(0.0) == []
    resolver.go.release()
    source._threads[0].join()


def test_the_names_are_bounded():
    with pytest.raises(ConfigError, match="17 DNS names"):
        Dns([NAME] * 17)


def test_names_among_the_peers_are_looked_up(runtime, wait_until):
    discovery = join_realm("r", ("static", "dns"), peers=["dns://localhost:7071", "h:5"])
    events = []

    def is_found():
        events.extend(discovery.poll(0.0))
        return found("tcp://127.0.0.1:7071") in events

    try:
        wait_until(is_found, "localhost is found")
        assert [it.key for it in events if it.source == "static"] == ["static:tcp://h:5"]
        assert [it["source"] for it in discovery.describe()] == ["local", "static", "dns"]
    finally:
        discovery.close()


def test_a_name_needs_its_source(runtime):
    with pytest.raises(ConfigError, match="is for dns, which is not among the sources: local"):
        join_realm("r", ("local",), peers=["dns://localhost:7071"])
    assert parse_name("dns://localhost:7071").port == 7071
