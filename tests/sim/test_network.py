"""The links in memory do what was measured of libzmq (DESIGN 4)."""

from __future__ import annotations

from random import Random

import pytest

from zmqwork.core.messages import Ping
from zmqwork.testing import Conditions, FakeClock, MemoryNetwork


class End:
    """Somebody with a socket: notes what happens, and reads when it likes."""

    def __init__(self, name):
        self.name = name
        self.ups = []
        self.downs = []
        self.unread = []

    def link_up(self, link):
        self.ups.append(link)

    def link_down(self, link):
        self.downs.append(link)

    def deliver(self, link, number, message, origin):
        self.unread.append((link, number))
        self.message = message
        self.origin = origin

    def discard(self, link):
        self.unread = [item for item in self.unread if item[0] != link]

    def read(self):
        taken, self.unread = self.unread, []
        return [number for _, number in taken]


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def network(clock):
    return MemoryNetwork(clock, Random(1))


@pytest.fixture
def pair(network, clock):
    """A dialler and a bound node; the route by which the latter answers."""
    dialler, bound = End("dialler"), End("bound")
    network.bind(bound, "mem://bound")
    network.dial(dialler, 1, "mem://bound")
    clock.run_for(0.1)
    assert dialler.ups == [1]
    network.send(dialler, 1, 0, Ping(0))
    clock.run_for(0.1)
    dialler.route = bound.unread[0][0]
    bound.read()
    return dialler, bound


def send(network, dialler, count=10):
    for number in range(1, count + 1):
        network.send(dialler, 1, number, Ping(number))


def answer(network, dialler, bound, count=10):
    for number in range(1, count + 1):
        network.send(bound, dialler.route, number, Ping(number))


def test_order_is_kept_in_both_directions(network, clock, pair):
    dialler, bound = pair
    send(network, dialler)
    answer(network, dialler, bound)
    clock.run_for(0.1)
    assert bound.read() == dialler.read() == list(range(1, 11))
    assert dialler.origin[0] == "bound"


def test_a_dial_waits_for_somebody_to_bind(network, clock):
    dialler, bound = End("dialler"), End("bound")
    network.dial(dialler, 1, "mem://bound")
    network.dial(dialler, 2, "mem://bound")
    clock.run_for(3.0)
    assert dialler.ups == []
    network.hang_up(dialler, 2, farewell=False)
    network.bind(bound, "mem://bound")
    clock.run_for(0.5)
    assert dialler.ups == [1]


def test_what_the_dialler_did_not_read_is_lost_with_its_peer(network, clock, pair):
    dialler, bound = pair
    answer(network, dialler, bound)
    clock.run_for(0.01)
    assert len(dialler.unread) == 10
    network.vanish(bound)
    clock.run_for(0.1)
    assert dialler.downs == [1]
    assert dialler.read() == []
    network.send(dialler, 1, 11, Ping(11))
    assert dialler.downs == [1, 1]


def test_what_the_bound_side_did_not_read_survives(network, clock, pair):
    dialler, bound = pair
    send(network, dialler)
    clock.run_for(0.01)
    network.vanish(dialler)
    clock.run_for(0.1)
    assert bound.downs == [], "it learns of that only when it sends"
    answer(network, dialler, bound, 1)
    assert bound.downs == [dialler.route]
    assert bound.read() == list(range(1, 11))


@pytest.mark.parametrize("farewell", [True, False])
def test_hanging_up(network, clock, pair, farewell):
    dialler, bound = pair
    send(network, dialler)
    network.hang_up(dialler, 1, farewell=farewell)
    network.hang_up(dialler, 1, farewell=farewell)
    answer(network, dialler, bound, 1)
    clock.run_for(0.1)
    arrived = bound.read()
    assert arrived == list(range(1, len(arrived) + 1)), "a prefix"
    assert len(arrived) == 10 or not farewell
    assert dialler.downs == dialler.unread == []


def test_a_vanished_process_has_its_last_words_if_it_hung_up_before(network, clock, pair):
    dialler, bound = pair
    send(network, dialler)
    network.hang_up(dialler, 1, farewell=True)
    network.vanish(dialler)
    clock.run_for(0.1)
    assert bound.read() == list(range(1, 11))


def test_a_short_partition_delays(network, clock, pair):
    dialler, bound = pair
    network.block("dialler", "bound")
    send(network, dialler)
    clock.run_for(3.0)
    assert bound.read() == []
    assert not network.connected("dialler", "bound")
    network.unblock("dialler", "bound")
    clock.run_for(0.1)
    assert bound.read() == list(range(1, 11))
    clock.run_for(5.0)
    assert dialler.downs == []


def test_a_long_partition_ends_the_link_at_both_ends(network, clock, pair):
    dialler, bound = pair
    network.block("bound", "dialler")
    send(network, dialler)
    clock.run_for(3.0)
    assert bound.read() == list(range(1, 11)), "the other direction works for a while"
    clock.run_for(3.0)
    assert dialler.downs == [1]
    answer(network, dialler, bound, 1)
    assert bound.downs == [dialler.route]
    network.dial(dialler, 2, "mem://bound")
    clock.run_for(3.0)
    assert dialler.ups == [1]
    network.unblock("bound", "dialler")
    clock.run_for(1.0)
    assert dialler.ups == [1, 2]


def test_a_later_partition_begins_anew(network, clock, pair):
    dialler, _ = pair
    for _ in range(4):
        network.block("dialler", "bound")
        clock.run_for(3.0)
        network.unblock("dialler", "bound")
        clock.run_for(0.1)
    assert dialler.downs == []


def test_a_frozen_process_is_gone_and_comes_back(network, clock, pair):
    dialler, bound = pair
    network.freeze(bound)
    send(network, dialler)
    clock.run_for(6.0)
    assert bound.unread == []
    assert dialler.downs == [1]
    network.thaw(bound)
    clock.run_for(1.0)
    assert bound.read() == list(range(1, 11))
    answer(network, dialler, bound, 1)
    assert bound.downs == [dialler.route]


def test_a_frozen_dialler_learns_when_it_goes_on(network, clock, pair):
    dialler, bound = pair
    network.freeze(dialler)
    answer(network, dialler, bound)
    clock.run_for(6.0)
    assert dialler.downs == dialler.unread == []
    network.thaw(dialler)
    clock.run_for(0.1)
    assert dialler.downs == [1]
    assert dialler.unread == []


def test_a_reset_loses_a_suffix(network, clock, pair):
    dialler, bound = pair
    send(network, dialler)
    network.reset(dialler, bound)
    network.send(dialler, 1, 11, Ping(11))
    clock.run_for(0.1)
    arrived = bound.read()
    assert arrived == list(range(1, len(arrived) + 1))
    assert dialler.downs == [1]


@pytest.mark.parametrize(
    ("conditions", "happened"),
    [
        (Conditions(loss=0.5), lambda got: len(got) < 90),
        (Conditions(duplication=0.5), lambda got: len(got) > 110),
        (Conditions(reordering=0.5), lambda got: got != sorted(got)),
        (Conditions(reset=0.05), lambda got: len(got) < 100),
    ],
)
def test_conditions(network, clock, pair, conditions, happened):
    dialler, bound = pair
    network.conditions = conditions
    send(network, dialler, 100)
    clock.run_for(1.0)
    assert happened(bound.read())


def test_messages_may_travel_as_bytes(network, clock, pair):
    dialler, bound = pair
    network.in_bytes = True
    message = Ping(7)
    network.send(dialler, 1, 1, message)
    clock.run_for(0.1)
    assert bound.message == message
    assert bound.message is not message
