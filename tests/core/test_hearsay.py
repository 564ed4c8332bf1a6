"""Who is dialled only on the word of others is dialled at a bounded rate, and nobody else waits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from desks import ProducerDesk, WorkerDesk, node_id, welcome

from zmqwork.core import hearsay, neighbours
from zmqwork.core.effects import Answer, Dial
from zmqwork.core.events import StatusRequested
from zmqwork.core.hearsay import DIALS_BURST, Hearsay
from zmqwork.core.link_events import (
    LinkDown,
    LinkUp,
    PeerForgotten,
    PeerFound,
    Probed,
    Rostered,
)
from zmqwork.core.liveness import Liveness
from zmqwork.core.messages import Hello, Neighbour, Ping
from zmqwork.core.peer import Peer
from zmqwork.core.permissions import WORKER, Access
from zmqwork.core.watcher import Watcher


def record(n, source="mdns", role="worker"):
    endpoint = f"tcp://10.0.{n // 200}.{n % 200 + 1}:7071"
    return PeerFound(f"{source}:{n}", (endpoint,), role, source, node_id(n))


def peer(n, source="mdns"):
    return Peer(record(n, source), Liveness(1.0, 2.0, 0.0))


def endpoints(desk):
    return [endpoint for _, endpoint in desk.dials()]


@pytest.fixture
def desk():
    return ProducerDesk()


@pytest.fixture
def flooded(desk):
    """A producer that has just found a thousand records that nobody will answer for."""
    desk.turn(*[record(n) for n in range(1_000)])
    return desk


# -- the bucket -------------------------------------------------------------------------------


def test_a_burst_and_then_one_at_each_instant():
    bucket = Hearsay()
    peers = [peer(n) for n in range(70)]
    assert [bucket.admits(it, 10.0) for it in peers] == [True] * 64 + [False] * 6
    assert len(bucket) == 6
    assert bucket.next_at == pytest.approx(10.05)
    assert bucket.ready(10.04) == []
    assert bucket.ready(10.051) == [peers[64]]
    assert bucket.ready(10.151) == peers[65:67]
    assert bucket.ready(11.0) == peers[67:]
    assert bucket.ready(12.0) == []


def test_at_the_instant_that_it_names_one_is_ready():
    bucket = Hearsay()
    for n in range(500):
        bucket.admits(peer(n), 0.1)
    for _ in range(436):
        assert len(bucket.ready(bucket.next_at)) == 1
    assert len(bucket) == 0


def test_who_comes_while_others_wait_waits_behind_them():
    bucket = Hearsay()
    first, second = peer(64), peer(65)
    for n in range(64):
        bucket.admits(peer(n), 0.0)
    assert not bucket.admits(first, 0.0)
    assert not bucket.admits(second, 1.0), "there is a token, and another one was here before"
    assert bucket.ready(1.0) == [first, second]


def test_who_leaves_gives_its_turn_to_the_next():
    bucket = Hearsay()
    peers = [peer(n) for n in range(66)]
    for it in peers:
        bucket.admits(it, 0.0)
    bucket.leave(peers[64])
    bucket.leave(peers[64])
    bucket.leave(peers[3])
    assert bucket.ready(0.051) == [peers[65]]


def test_the_sources_take_turns():
    bucket = Hearsay()
    for n in range(64):
        bucket.admits(peer(n), 0.0)
    flood = [peer(n) for n in range(100, 110)]
    named = [peer(n, "exchange") for n in range(200, 202)]
    for it in [*flood, *named]:
        bucket.admits(it, 0.0)
    assert bucket.ready(0.251) == [flood[0], named[0], flood[1], named[1], flood[2]]


def test_a_pause_saves_up_no_more_than_a_burst():
    bucket = Hearsay()
    bucket.admits(peer(0), 0.0)
    assert [bucket.admits(peer(n), 1e6) for n in range(100)].count(True) == DIALS_BURST


# -- a node under a flood ---------------------------------------------------------------------


def test_a_flood_is_dialled_at_a_bounded_rate_and_in_order(flooded):
    dials = endpoints(flooded)
    assert len(dials) == 64
    begun_at = flooded.now
    assert dials == [record(n).endpoints[0] for n in range(64)]
    flooded.until(begun_at + 0.99)  # before anything is tried again
    assert endpoints(flooded) == [record(n).endpoints[0] for n in range(64, 64 + 19)]
    flooded.until(begun_at + 10.0)
    assert len(flooded.of(Dial)) <= 181


def test_however_they_fail_the_rate_holds(flooded):
    begun_at, count = flooded.now, len(flooded.of(Dial))
    while flooded.now < begun_at + 120.0:
        open_links = list(flooded.machine.dialer._links.by_link)
        flooded.turn(*map(LinkDown, open_links))
        flooded.until(min(flooded.machine.deadline(), begun_at + 120.0))
        count += len(flooded.of(Dial))
    assert count <= 64 + 20 * 120 + 1
    assert len({it.dials for it in flooded.machine.dialer.peers.values()}) > 1


@pytest.mark.parametrize("source", ["local", "static", "dns"])
def test_a_flood_keeps_nobody_waiting_whom_it_does_not_concern(flooded, source):
    flooded.turn(record(5_000, source))
    assert endpoints(flooded) == [record(5_000).endpoints[0]]
    for n in range(200):
        flooded.turn(record(6_000 + n, source))
        assert len(flooded.of(Dial)) == 1


def test_a_node_that_was_reached_is_dialled_again_at_once(desk):
    desk.turn(record(1))
    link = desk.machine.dialer.peers["mdns:1"].link
    desk.turn(LinkUp(link))
    (hello,) = desk.sent(Hello, link)
    desk.say(link, welcome(1, hello.session))
    desk.turn(*[record(n) for n in range(2, 1_000)])
    desk.turn(LinkDown(link))
    assert endpoints(desk) == [record(1).endpoints[0]]
    desk.turn(Probed("mdns:1", gone=True))
    assert desk.machine.dialer.peers["mdns:1"].state == "lost"


def test_what_is_withdrawn_while_it_waits_is_never_dialled(flooded):
    flooded.turn(*[PeerForgotten(f"mdns:{n}") for n in range(64, 999)])
    flooded.until(flooded.now + 0.09)
    assert endpoints(flooded) == [record(999).endpoints[0]]
    assert len(flooded.machine.dialer._links._hearsay) == 0


def test_whose_node_is_in_session_meanwhile_is_not_dialled_in_its_turn(flooded):
    flooded.turn(PeerFound("local:64", ("ipc://64",), "worker", "local", node_id(64)))
    link = flooded.machine.dialer.peers["local:64"].link
    flooded.turn(LinkUp(link))
    (hello,) = flooded.sent(Hello, link)
    flooded.say(link, welcome(64, hello.session))
    flooded.until(flooded.now + 0.16)
    assert endpoints(flooded) == [record(n).endpoints[0] for n in (65, 66)]
    assert flooded.machine.dialer.peers["local:64"].state == "alive"


def test_nobody_is_dialled_after_the_farewell(flooded):
    flooded.machine.dialer.farewell()
    flooded.now += 60.0
    flooded.turn()
    assert not flooded.of(Dial)


def test_whom_peers_name_does_not_wait_behind_the_records(flooded):
    flooded.turn(PeerFound("static:seed", ("tcp://10.9.0.1:7",), "", "static"))
    link = flooded.machine.dialer.peers["static:seed"].link
    flooded.turn(LinkUp(link))
    (hello,) = flooded.sent(Hello, link)
    named = Neighbour(node_id("n"), "worker", ["tcp://10.9.0.2:7"], "f" * 16)
    flooded.say(link, welcome("seed", hello.session, neighbours=[named]))
    flooded.until(flooded.now + 0.11)
    assert "tcp://10.9.0.2:7" in endpoints(flooded)


def test_who_is_not_dialled_yet_is_reported_as_such():
    watcher = Watcher(ProducerDesk().machine.dialer._config, None)
    desk = WatcherDesk(watcher)
    desk.turn(*[record(n) for n in range(70)])
    desk.turn(StatusRequested("r"))
    desk.until(desk.now + 0.1)
    watcher._answer()
    desk.turn()
    (answer,) = desk.of(Answer)
    why = {node["key"]: node["why"] for node in answer.value["unheard"]}
    assert why["mdns:3"] == "no connection"
    assert "not dialled yet" in why["mdns:69"]


class WatcherDesk(ProducerDesk):
    def __init__(self, watcher):
        super().__init__()
        self.machine = watcher


def sealed(n):
    return replace(record(n), fingerprint="1" * 16)


def test_sealed_records_are_dialled_sooner_and_a_flood_of_others_does_not_hold_them_up(flooded):
    flooded.turn(Rostered({"1" * 16: Access("n", frozenset({WORKER}))}))
    flooded.turn(*[sealed(n) for n in range(2_000, 3_000)])
    dials = endpoints(flooded)
    assert dials == [record(n).endpoints[0] for n in range(2_000, 2_256)]
    begun_at = flooded.now
    flooded.until(begun_at + 0.99)  # before anything is tried again
    ours = {record(n).endpoints[0] for n in range(2_000, 3_000)}
    later = endpoints(flooded)
    assert [it for it in later if it in ours] == [
        record(n).endpoints[0] for n in range(2_256, 2_256 + 49)
    ]


def test_who_gets_a_key_while_it_waits_is_dialled_once(flooded):
    flooded.turn(sealed(100))
    flooded.turn(PeerForgotten("mdns:100"))
    flooded.until(flooded.now + 10.0)
    assert record(100).endpoints[0] not in endpoints(flooded)


# -- with keys --------------------------------------------------------------------------------


def test_strangers_that_a_peer_names_take_nobodys_turn_and_are_dropped():
    desk, ours, known = ProducerDesk(), "0" * 16, "1" * 16
    access = Access("n", frozenset({WORKER}))
    desk.turn(Rostered({ours: access, known: access}))
    desk.turn(PeerFound("local:t", ("ipc:///t",), "worker", "local", node_id("t"), ours))
    link = desk.machine.dialer.peers["local:t"].link
    desk.turn(LinkUp(link))
    (hello,) = desk.sent(Hello, link)
    desk.turn(replace(desk.heard(link, welcome("t", hello.session)), fingerprint=ours))
    for beat in range(1, 11):
        named = [
            Neighbour(node_id(16 * beat + n), "worker", ["tcp://10.0.0.9:7"], "e" * 16)
            for n in range(16)
        ]
        desk.turn(replace(desk.heard(link, Ping(beat, neighbours=named)), fingerprint=ours))
        assert not desk.of(Dial)
    dialer = desk.machine.dialer
    assert len(dialer.peers) == 161
    honest = Neighbour(node_id("h"), "worker", ["tcp://10.0.0.7:7"], known)
    desk.turn(replace(desk.heard(link, Ping(11, neighbours=[honest])), fingerprint=ours))
    assert endpoints(desk) == ["tcp://10.0.0.7:7"], "at once"
    for sequence in range(12, 912):
        desk.turn(replace(desk.heard(link, Ping(sequence)), fingerprint=ours), at=desk.now + 1.0)
        desk.until(desk.now)
    strangers = [it for it in dialer.peers.values() if it.told_fingerprint == "e" * 16]
    assert strangers == []


# -- what a worker keeps of the sinks that it does not need yet -------------------------------


def test_a_flood_of_records_does_not_push_a_local_sink_out(monkeypatch):
    monkeypatch.setattr("zmqwork.core.deliverer.KNOWN_MAX", 5)
    desk = WorkerDesk()
    local = PeerFound("local:s", ("ipc:///s",), "sink", "local", node_id("s"))
    desk.turn(local, *[record(n, role="sink") for n in range(50)])
    kept = list(desk.machine._deliverer._found)
    assert kept == ["local:s", *(f"mdns:{n}" for n in range(46, 50))]
    desk.turn(*[record(n, "static", role="sink") for n in range(10)])
    assert list(desk.machine._deliverer._found) == [f"static:{n}" for n in range(5, 10)]


# -- addresses --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("teller", "shut"),
    [
        ("tcp://10.0.0.200:7", {"tcp://127.0.0.1:6379", "tcp://169.254.3.4:7"}),
        ("tcp://169.254.1.1:7", {"tcp://127.0.0.1:6379"}),
        ("ipc:///n", set()),
        ("tcp://127.0.0.1:7", set()),
    ],
)
def test_addresses_without_a_router_count_from_those_who_share_them(desk, teller, shut):
    desk.turn(PeerFound("static:t", (teller,), "", "static"))
    told = ["tcp://127.0.0.1:6379", "tcp://169.254.3.4:7", "tcp://10.0.0.9:7"]
    link = desk.machine.dialer.peers["static:t"].link
    desk.turn(LinkUp(link))
    (hello,) = desk.sent(Hello, link)
    said = [Neighbour(node_id(n), "worker", [it]) for n, it in enumerate(told)]
    desk.say(link, welcome("t", hello.session, neighbours=said))
    assert set(endpoints(desk)) == set(told) - shut


@pytest.mark.parametrize(
    "endpoint",
    [
        "tcp://169.254.169.254:80",
        "tcp://0177.0.0.1:22",
        "tcp://0251.254.0251.254:80",
        "tcp://1.2.3.4:022",
    ],
)
def test_no_writing_of_an_address_leads_to_where_no_node_is(desk, endpoint):
    assert not neighbours.is_usable(endpoint)
    desk.turn(PeerFound("local:t", ("ipc:///t",), "worker", "local", node_id("t")))
    link = desk.machine.dialer.peers["local:t"].link
    desk.turn(LinkUp(link))
    (hello,) = desk.sent(Hello, link)
    desk.say(link, welcome("t", hello.session))
    desk.say(link, Ping(1, neighbours=[Neighbour(node_id("x"), "worker", [endpoint])]))
    assert not desk.of(Dial)


def test_the_sources_of_hearsay_are_those_of_the_network():
    assert hearsay.HEARSAY == ("mdns", "exchange")
