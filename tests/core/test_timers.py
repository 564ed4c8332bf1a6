from __future__ import annotations

from zmqwork.core.timers import Timers


def test_due_keys_come_in_the_order_of_their_instants():
    timers = Timers()
    timers.set("late", 3.0)
    timers.set("early", 1.0)
    timers.set("middle", 2.0)
    assert timers.next() == 1.0
    assert timers.due(2.0) == ["early", "middle"]
    assert timers.due(2.0) == []
    assert timers.next() == 3.0


def test_equal_instants_keep_the_order_of_setting_and_keys_are_never_compared():
    timers = Timers()
    keys = [("rest", 2), ("rest", None), object(), "text"]
    for key in keys:
        timers.set(key, 1.0)
    assert timers.due(1.0) == keys


def test_set_again_moves_a_key():
    timers = Timers()
    timers.set("key", 1.0)
    timers.set("key", 2.0)
    assert len(timers) == 1
    assert timers.due(1.5) == []
    assert timers.next() == 2.0
    assert timers.due(2.0) == ["key"]


def test_set_default_keeps_what_is_set():
    timers = Timers()
    timers.set_default("key", 2.0)
    timers.set_default("key", 1.0)
    assert timers.next() == 2.0


def test_cancelled_keys_are_neither_due_nor_next():
    timers = Timers()
    timers.set("gone", 1.0)
    timers.set("stays", 2.0)
    timers.cancel("gone")
    timers.cancel("never was")
    assert "gone" not in timers
    assert "stays" in timers
    assert timers.next() == 2.0
    assert timers.due(5.0) == ["stays"]
    assert timers.next() is None


def test_the_heap_is_bounded_by_its_live_keys():
    timers = Timers()
    for count in range(10_000):
        timers.set("one", float(count))
        assert len(timers._heap) <= 2 * len(timers) + 65
    for count in range(1_000):
        timers.set(count, float(count))
    for count in range(1_000):
        timers.cancel(count)
        assert len(timers._heap) <= 2 * len(timers) + 65
    assert timers.due(1e9) == ["one"]


def test_when_a_key_is_due():
    timers = Timers()
    timers.set("a", 3.0)
    timers.set("a", 5.0)
    assert timers.at("a") == 5.0
    assert timers.at("b") is None
    timers.cancel("a")
    assert timers.at("a") is None


def test_what_was_due_leaves_no_husks_beyond_the_bound():
    timers = Timers()
    for key in range(200):
        timers.set(key, 9.0)
        timers.set(key, 1.0)
    assert len(timers.due(1.0)) == 200
    assert len(timers._heap) <= 64
