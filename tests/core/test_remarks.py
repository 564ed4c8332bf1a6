"""What people are told unasked. (Workers that are missing: test_explain, test_dispatcher.)"""

from __future__ import annotations

import pytest
from desks import ProducerDesk, spec

from zmqwork.core.effects import Notice
from zmqwork.core.events import CancelRequested
from zmqwork.core.messages import Pong

OUT = spec(sink="out")


@pytest.fixture
def desk():
    return ProducerDesk()


def told(desk, effects):
    return [
        (effect.kind, effect.text)
        for effect in effects
        if isinstance(effect, Notice) and not effect.kind.startswith("peer_")
    ]


def until(desk, instant):
    """All is well meanwhile."""
    effects = []
    while desk.now < instant:
        effects += desk.until(min(instant, desk.now + 1.0))
        for peer in list(desk.machine.dialer.peers.values()):
            effects += desk.say(peer.link, Pong(0))
    return told(desk, effects)


def test_a_missing_sink_is_spoken_of_once(desk):
    desk.open()
    desk.submit(1, 2, of=OUT)
    assert until(desk, 102.9) == []
    assert until(desk, 103.5) == [
        (
            "no_sink",
            "2 x task 'f' wait: no sink 'out' was found; start one with: zmqwork sink",
        )
    ]
    assert until(desk, 110.0) == []


def test_and_again_when_it_went_missing_again(desk):
    desk.open()
    desk.submit(1, of=OUT)
    assert len(until(desk, 104.0)) == 1
    desk.open_sink()
    assert desk.given() == [(1, 1)]
    desk.lose("s")
    desk.submit(2, of=OUT)
    ((kind, text),) = until(desk, 108.0)
    assert kind == "no_sink"
    assert "sink sink-s#0000 is lost" in text


def test_nothing_is_said_of_what_was_served_or_cancelled_meanwhile(desk):
    desk.open()
    desk.submit(1, of=OUT)
    desk.turn(CancelRequested([1], "request"))
    assert until(desk, 104.0) == []
    desk.submit(2, of=OUT)
    desk.open_sink()
    desk.submit(3, of=OUT)
    assert until(desk, 110.0) == [], "3 waits for a slot"


def test_without_a_worker_it_is_the_worker_that_is_missing(desk):
    desk.submit(1, of=OUT)
    ((kind, _),) = until(desk, 104.0)
    assert kind == "no_worker"


def test_workers_with_another_signature_are_named(desk):
    desk.submit(1)
    desk.submit(2, of=spec("g"))
    desk.open(tasks={"f": "2", "g": "1"})
    (notice,) = [n for n in desk.of(Notice) if n.kind == "other_signature"]
    assert "'f' with another signature" in notice.text
    assert notice.data["task"] == "f"
