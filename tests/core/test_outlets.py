from __future__ import annotations

from collections import Counter

import pytest
from desks import PRODUCER_ID, ProducerDesk, entries, node_id, sink_welcome, spec

from zmqwork.core import outlets as module
from zmqwork.core.lanes import Lanes
from zmqwork.core.lifecycle import CANCELLED, SUCCEEDED
from zmqwork.core.link_events import LinkDown, PeerFound
from zmqwork.core.liveness import Liveness
from zmqwork.core.outlet import Outlet
from zmqwork.core.outlets import Outlets, highest
from zmqwork.core.peer import OPEN, Peer

NEVER = 10**9


@pytest.fixture
def outlets():
    return Outlets("p")


def peer_of(label, node=None):
    peer = Peer(PeerFound(f"local:{label}", (f"ipc://{label}",), "sink"), Liveness(2.0, 4.0, 0.0))
    peer.node_id = node_id(node or label)
    peer.state, peer.stage, peer.name = "alive", OPEN, f"sink-{label}"
    return peer


def admit(outlets, label="s", **fields):
    return outlets.admit(peer_of(label), sink_welcome(label, **fields))


# -- numbers --------------------------------------------------------------------------------------


def test_numbers_count_from_one_at_each_outlet():
    one, other = Outlet("one", ""), Outlet("other", "")
    a, b, c = entries(7, 8, 9)
    one.give([a])
    other.give([b])
    one.give([c])
    assert [e.sink_seq for e in (a, b, c)] == [1, 1, 2]
    assert (a.outlet, b.outlet) == (one, other)
    assert repr(one) == "<Outlet one, 2 of 2 open>"


def test_a_number_that_was_brought_is_kept_and_never_given_again():
    outlet = Outlet("box", "box")
    first, second, third = entries(1, 2, 3)
    first.sink_seq, second.sink_seq = 9, 4
    outlet.give([first, second, third])
    assert [e.sink_seq for e in (first, second, third)] == [9, 4, 10]
    assert outlet.sparse


def test_two_tasks_of_one_number_are_two_tasks():
    outlet = Outlet("box", "box")
    pair = entries(1, 2)
    for entry in pair:
        entry.sink_seq = 5
    outlet.give(pair)
    assert list(outlet.open.values()) == pair
    pair[0].state = SUCCEEDED
    outlet.settle(pair[0])
    assert list(outlet.open.values()) == pair[1:]


def test_the_lowest_that_is_open_is_the_floor():
    outlet = Outlet("s", "")
    assert outlet.lowest(1) == 1
    a, b, c = entries(1, 2, 3)
    outlet.give([a, b, c])
    b.state = CANCELLED
    outlet.settle(b)
    assert outlet.lowest(1) == 1
    a.state = SUCCEEDED
    outlet.settle(a)
    assert outlet.lowest(3) == 3
    outlet.settle(c)
    assert outlet.lowest(4) == 4
    assert outlet.succeeded == 1


def test_what_went_elsewhere_holds_the_floor_until_it_is_settled():
    """Its worker may not know, and deliver it here: a sink that took it for done would drop it."""
    outlet, other = Outlet("s", ""), Outlet("t", "")
    a, b, c = entries(1, 2, 3)
    outlet.give([a, b, c])
    for entry in (c, b):
        outlet.take_back(entry)
        other.give([entry])
    a.state = SUCCEEDED
    outlet.settle(a)
    assert outlet.lowest(2) == 2
    assert outlet.lowest(3) == 2, "the newest that was moved is open"
    assert outlet.lowest(4) == 4
    assert [e.sink_seq for e in (b, c)] == [2, 1]


def test_a_task_is_settled_once():
    outlet = Outlet("s", "")
    (task,) = entries(1)
    outlet.give([task])
    task.state = SUCCEEDED
    outlet.settle(task)
    outlet.settle(task)
    assert outlet.succeeded == 1


# -- inboxes --------------------------------------------------------------------------------------


def numbered(outlets, kinds, producer=None):
    made = [entries(seq, of=kind)[0] for seq, kind in enumerate(kinds, 1)]
    for entry in made:
        outlets.bind(entry)
    return [(entry.spec.inbox, entry.sink_seq) for entry in made]


def test_one_inbox_takes_all_in_the_order_of_submission(outlets):
    assert numbered(outlets, [spec(inbox="box")] * 3) == [("box", 1), ("box", 2), ("box", 3)]


def test_several_inboxes_share_and_a_second_start_numbers_alike(outlets):
    kinds = [spec(inbox=("a", "b", "c"))] * 90
    first = numbered(outlets, kinds)
    assert first == numbered(Outlets("p"), kinds)
    assert first != numbered(Outlets("q"), kinds)
    counts = Counter(inbox for inbox, _ in first)
    assert sorted(counts) == ["a", "b", "c"]
    assert min(counts.values()) > 10


def test_one_key_is_one_inbox(outlets):
    kinds = [spec(inbox=("a", "b", "c"), key=f"user-{n % 5}") for n in range(60)]
    found = numbered(outlets, kinds)
    assert (
        len({(kind.options.key, inbox) for kind, (inbox, _) in zip(kinds, found, strict=True)}) == 5
    )
    assert len({inbox for inbox, _ in found}) > 1


def test_a_kind_of_task_is_bound_to_one_inbox_once(outlets, monkeypatch):
    kind = spec(inbox="box")
    first, second = entries(1, 2, of=kind)
    outlets.bind(first)
    outlets.bind(second)
    assert first.spec is second.spec
    assert first.spec.inbox == "box"
    again = entries(3, of=first.spec)[0]
    outlets.bind(again)
    assert again.spec is first.spec
    monkeypatch.setattr(module, "SPECS_MAX", 3)
    for number in range(20):
        outlets.bind(entries(number, of=spec(inbox="box", key=f"k{number}"))[0])
    assert len(outlets._specs) <= 3


def test_the_outlet_of_an_inbox_is_one(outlets):
    assert outlets.of_inbox("box") is outlets.of_inbox("box")
    assert outlets.of_inbox("box") is admit(outlets, inbox="box")
    assert len(outlets) == 1
    assert outlets.get("box") is outlets.of_inbox("box")
    assert outlets.get("other") is None


# -- choosing -------------------------------------------------------------------------------------


def test_when_one_goes_only_what_it_had_is_moved():
    ids = ["a", "b", "c", "d"]
    before = {key: highest(ids, key) for key in map(str, range(400))}
    after = {key: highest(ids[:-1], key) for key in before}
    assert {key for key in before if before[key] != after[key]} == {
        key for key in before if before[key] == "d"
    }
    assert min(Counter(before.values()).values()) > 60


def test_tasks_of_one_key_go_to_one_sink(outlets):
    living = [admit(outlets, label) for label in "abc"]
    made = entries(*range(1, 40), of=spec(sink="out", key="k"))
    for entry in made:
        outlets.choose(entry, living)
    assert len({entry.outlet.id for entry in made}) == 1
    for entry in (free := entries(*range(1, 40), of=spec(sink="out"))):
        outlets.choose(entry, living)
    assert len({entry.outlet.id for entry in free}) == 3


def test_who_takes_results_of_a_name_now(outlets):
    one, two = admit(outlets, "one", sinks=["out", "log"]), admit(outlets, "two")
    assert outlets.living("out") == [one, two]
    assert outlets.living("log") == [one]
    assert outlets.living("other") == []
    one.server.peer.state = "suspect"
    outlets.changed()
    assert outlets.living("out") == [two]
    two.server.draining = True
    outlets.changed()
    assert outlets.living("out") == []


def test_which_lanes_are_served(outlets):
    lanes = Lanes()
    back, out = lanes.of(spec()), lanes.of(spec(sink="out"))
    (task,) = entries(1, of=spec(inbox="box"))
    box_first = lanes.of(module.replace(spec(inbox="box"), inbox="box"))
    assert [outlets.serves(lane) for lane in (back, out, box_first)] == [True, False, False]
    outlets.bind(task)
    box = lanes.of(task.spec)
    assert not outlets.serves(box)
    admit(outlets, "s")
    assert [outlets.serves(lane) for lane in (back, out, box)] == [True, True, False]
    admit(outlets, "t", sinks=(), inbox="box")
    assert outlets.serves(box)


# -- who serves -----------------------------------------------------------------------------------


def test_an_outlet_that_was_never_met():
    outlet = Outlet("box", "box")
    assert (outlet.state, outlet.usable, outlet.gone, outlet.session) == (
        "unknown",
        False,
        False,
        None,
    )
    assert (outlet.names, outlet.label) == ([], "(inbox box)")
    assert outlet.destination("p").node_id == ""
    assert Outlet("s", "").label == ""


def test_what_workers_are_told_of_an_outlet(outlets):
    peer = peer_of("s")
    peer.endpoints = tuple(f"tcp://10.0.0.{n}:1" for n in range(1, 9))
    peer.fingerprint = "0f1e2d3c4b5a6978"
    outlet = outlets.admit(peer, sink_welcome("s", inbox="box"))
    to = outlet.destination("p")
    assert (to.node_id, to.inbox, to.producer_id) == (node_id("s"), "box", "p")
    assert (len(to.endpoints), to.sink_seqs) == (4, [])
    assert to.fingerprint == "0f1e2d3c4b5a6978"
    assert outlet.label == "sink-s#0000 (inbox box)"


def test_a_peer_that_is_another_node_by_now_serves_the_old_outlet_no_more(outlets):
    peer = peer_of("s")
    old = outlets.admit(peer, sink_welcome("s"))
    assert outlets.of_peer(peer) == (old, old.server)
    peer.state, peer.stage = "lost", "resting"
    outlets.dismiss(old, old.server)
    peer.state, peer.stage, peer.node_id = "alive", OPEN, node_id("t")
    assert outlets.of_peer(peer) is None
    assert (old.session, old.usable, old.gone, old.state) == (None, False, True, "lost")
    new = outlets.admit(peer, sink_welcome("t"))
    assert outlets.of_peer(peer) == (new, new.server)
    assert new is not old
    assert (new.session, old.session) == (peer, None)


def test_a_node_that_changes_its_inbox_serves_the_last_one(outlets):
    peer = peer_of("s")
    first = outlets.admit(peer, sink_welcome("s", inbox="a"))
    second = outlets.admit(peer, sink_welcome("s", inbox="b"))
    assert outlets.of_peer(peer) == (second, second.server)
    assert (first.session, first.gone, first.servers) == (None, True, {})


def test_one_node_under_two_peers_is_served_by_the_newer(outlets):
    first, second = peer_of("s"), peer_of("other", node="s")
    outlet = outlets.admit(first, sink_welcome("s"))
    assert outlets.admit(second, sink_welcome("s")) is outlet
    assert outlets.of_peer(first) is None
    assert outlets.of_peer(second) == (outlet, outlet.server)
    assert outlets.of_peer(peer_of("nobody")) is None


def test_a_draining_sink_is_said_to_drain_as_long_as_it_is_there(outlets):
    outlet = admit(outlets)
    outlet.server.draining = True
    assert (outlet.state, outlet.usable, outlet.gone) == ("draining", False, False)
    outlets.dismiss(outlet, outlet.server, "left")
    assert (outlet.state, outlet.gone) == ("left", True)


# -- forgetting -----------------------------------------------------------------------------------


def leave(outlets, outlet):
    outlet.server.peer.state, outlet.server.peer.stage = "lost", "resting"
    outlets.dismiss(outlet, outlet.server)


def test_the_oldest_that_are_gone_and_owe_nothing_are_forgotten(outlets, monkeypatch):
    monkeypatch.setattr(module, "OUTLETS_MAX", 3)
    (task,) = entries(1)
    busy = admit(outlets, "busy")
    busy.give([task])
    here, idle, empty = (
        admit(outlets, "here"),
        admit(outlets, "idle"),
        admit(outlets, "e", inbox="e"),
    )
    for outlet in (busy, idle, empty):
        leave(outlets, outlet)
    assert len(outlets) == 4, "none was gone when the last one came"
    admit(outlets, "new")
    assert list(outlets) == [busy, here, outlets.get(node_id("new"))]


def test_the_numbers_of_an_inbox_are_never_given_again(outlets, monkeypatch):
    monkeypatch.setattr(module, "OUTLETS_MAX", 1)
    box = admit(outlets, "s", inbox="box")
    (task,) = entries(1, of=spec(inbox="box"))
    outlets.bind(task)
    task.state = SUCCEEDED
    box.settle(task)
    leave(outlets, box)
    admit(outlets, "other")
    assert outlets.get("box") is box


@pytest.mark.parametrize(("taken", "following"), [([[1, 2]], 4), ([[1, 6]], 7), ([], 4)])
def test_a_sink_that_was_forgotten_and_is_back_is_given_no_number_again(
    outlets, monkeypatch, taken, following
):
    monkeypatch.setattr(module, "OUTLETS_MAX", 0)
    old = admit(outlets, "s")
    given = entries(1, 2, 3)
    old.give(given)
    for entry in given:
        entry.state = SUCCEEDED
        old.settle(entry)
    leave(outlets, old)
    admit(outlets, "other")
    assert outlets.get(node_id("s")) is None
    assert admit(outlets, "s", taken=taken).next == following


def test_an_inbox_says_what_it_has_and_its_numbers_begin_at_one(outlets):
    assert admit(outlets, "s", inbox="box", taken=[[1, 5]]).next == 1


def test_the_producer_id_is_that_of_the_run():
    assert ProducerDesk().machine._books.outlets.producer_id == PRODUCER_ID
    desk = ProducerDesk(producer_id="run-7")
    assert desk.machine._books.outlets.producer_id == "run-7"


def test_outlets_do_not_pile_up_among_the_usable(monkeypatch):
    monkeypatch.setattr(module, "OUTLETS_MAX", 2)
    desk = ProducerDesk()
    desk.open_sink("s", node="s0")
    for count in range(1, 6):
        desk.turn(LinkDown(desk.link_of("s")))
        desk.greet_sink("s", node=f"s{count}")
    assert len(desk.machine._books.outlets) == 2
