"""Who may connect: real handshakes of libzmq, and questions that libzmq would not ask."""

from __future__ import annotations

import logging

import pytest
import zmq
from zmq.utils import z85

from zmqwork.core.link_events import Received
from zmqwork.core.messages import Hello, Ping
from zmqwork.security.pairs import fingerprint, new_pair
from zmqwork.transport import zap
from zmqwork.transport.curve import DENIED, DOMAIN, GREETED
from zmqwork.wire.codec import encode


@pytest.fixture
def door(house):
    return house.router.bind("tcp://127.0.0.1:*")


def said(events):
    return [
        (message, event.fingerprint)
        for event in events
        if isinstance(event, Received)
        for _, message in event.messages
    ]


def say(visitor, number, message):
    for frames in encode(number, message):
        visitor.socket.send_multipart(frames)


# -- libzmq asks ------------------------------------------------------------------------------


def test_who_is_let_in_is_named_in_each_message(house, visit, door):
    one, two = house.member(), house.member()
    first, second = visit(door, one), visit(door, two)
    house.serve(lambda _: first.is_connected and second.is_connected, "both are connected")
    assert sorted(house.asked) == sorted([(one.public, "127.0.0.1"), (two.public, "127.0.0.1")])
    for number in range(1, 4):
        say(first, number, Ping(number))
        say(second, number, Ping(number + 10))
    events = house.serve(lambda events: len(said(events)) == 6, "all is read")
    names = {fingerprint(one.public): range(1, 4), fingerprint(two.public): range(11, 14)}
    assert {(m.sequence, whose) for m, whose in said(events)} == {
        (sequence, whose) for whose, sequences in names.items() for sequence in sequences
    }


def test_who_is_not_let_in_says_nothing(house, visit, door):
    stranger, plain, member = visit(door, new_pair()), visit(door), visit(door, house.member())
    hello = Hello(1, "1" * 32, "producer", "p", "r", (1, 1))
    for visitor in (stranger, plain):
        with pytest.raises(zmq.Again):
            visitor.socket.send_multipart(encode(1, hello)[0], zmq.DONTWAIT)
    house.serve(lambda _: stranger.result and plain.result and member.is_connected, "all tried")
    say(member, 1, hello)
    events = house.serve(said, "the member is heard")
    assert [whose for _, whose in said(events)] == [fingerprint(next(iter(house.admitted)))]


def test_a_fault_means_no_and_the_next_question_is_answered(house, visit, door, caplog):
    pair = house.member()
    house.fault = RuntimeError("a bug")
    first = visit(door, pair)
    house.serve(lambda _: first.result, "it is judged")
    assert first.result == DENIED
    assert "could not be judged" in caplog.text
    house.fault = None
    second = visit(door, house.member())
    house.serve(lambda _: second.result, "the next one is judged")
    assert second.result == GREETED


def test_without_a_gatekeeper_nobody_gets_in(house, visit, door):
    """libzmq fails open there by itself; ZAP_ENFORCE_DOMAIN is what it is set for."""
    house.keeper.close()
    visitor = visit(door, house.member())
    for _ in range(2000):
        house.router.receive([])
        if visitor.result:
            break
        visitor.socket.poll(5)
    assert visitor.result not in ("", GREETED)
    assert not visitor.is_connected


# -- and others ask ---------------------------------------------------------------------------


@pytest.fixture
def ask(context, house):
    """Ask over a DEALER of our own; the answer, or None: there is none."""
    raw = context.socket(zmq.DEALER)
    raw.connect("inproc://zeromq.zap.01")

    def ask_it(*frames, bare=False):
        raw.send_multipart(frames if bare else [b"", *frames])
        house.keeper.receive([])
        return raw.recv_multipart(zmq.DONTWAIT)

    yield ask_it
    raw.close(0)


def question(pair=None, **changed):
    key = z85.decode(pair.public.encode()) if pair else b"k" * 32
    parts = {
        "version": b"1.0", "request": b"7", "domain": DOMAIN, "address": b"10.0.0.1",
        "identity": b"", "mechanism": b"CURVE", "key": key,
    } | changed  # fmt: skip
    return list(parts.values())


def test_a_good_question(house, ask):
    pair = house.member()
    name = fingerprint(pair.public).encode()
    assert ask(*question(pair)) == [b"", b"1.0", b"7", b"200", b"OK", name, b""]
    assert house.asked == [(pair.public, "10.0.0.1")]


NO = [b"", b"1.0", b"7", b"400", b"denied", b"", b""]


@pytest.mark.parametrize(
    "changed",
    [
        {"version": b"2.0"},
        {"version": b""},
        {"domain": b""},
        {"domain": b"global"},
        {"domain": DOMAIN + b"2"},
        {"mechanism": b"NULL"},
        {"mechanism": b"PLAIN"},
        {"mechanism": b"curve"},
        {"mechanism": b""},
    ],
)
def test_another_version_domain_or_mechanism(house, ask, changed):
    pair = house.member()
    assert ask(*question(pair, **changed)) == NO
    assert house.asked == []
    assert ask(*question(pair))[3] == b"200", "and the next one is answered"


@pytest.mark.parametrize(
    "changed",
    [{"key": b""}, {"key": b"short"}, {"key": b"k" * 33}, {"address": b"\xff\xfe"}],
)
def test_a_key_or_an_address_that_is_none(house, ask, changed, caplog):
    caplog.set_level(logging.CRITICAL)
    assert ask(*question(**changed)) == NO
    assert ask(*question(house.member()))[3] == b"200"


@pytest.mark.parametrize("count", [0, 1, 2, 3, 6, 8, 100])
def test_too_few_or_too_many_frames(house, ask, count):
    frames = (question(house.member()) * 20)[:count]
    answer = ask(*frames)
    assert answer[3:] == [b"400", b"denied", b"", b""]
    assert house.asked == []
    assert ask(*question(house.member()))[3] == b"200"


@pytest.mark.parametrize("frames", [[b"x"], [b"x"] * 7, [b"x"] * 300, [b"\0" * 100_000]])
def test_what_is_no_question_at_all(house, ask, frames):
    ask(*frames, bare=True)
    assert house.asked == []
    assert ask(*question(house.member()))[3] == b"200"


def test_many_questions_are_answered_in_turns(context, house, monkeypatch):
    monkeypatch.setattr(zap, "_BUDGET", 10)
    raw = context.socket(zmq.DEALER)
    raw.connect("inproc://zeromq.zap.01")
    for _ in range(25):
        raw.send_multipart([b"", *question()])
    turns = 1
    while house.keeper.receive([]):
        turns += 1
    assert turns == 3
    assert sum(1 for _ in iter(lambda: raw.poll(0) and raw.recv_multipart(), 0)) == 25
    raw.close(0)
