"""The I/O thread fails by a bug: nobody waits for ever, and what was decided stands."""

import pytest
import work_app as w

import zmqwork
from zmqwork.core.effects import Notice, Settle


def test_what_was_decided_is_settled_though_the_thread_fails(producer, caplog):
    node = producer._node
    tick = node._machine.tick

    def tick_with_a_bug(now):
        effects = tick(now)
        return [Notice("a bug", ""), *effects] if any(map(is_settle, effects)) else effects

    def is_settle(effect):
        return isinstance(effect, Settle)

    def fail(effect):
        raise AssertionError(effect.kind)

    node._machine.tick = tick_with_a_bug
    node._loop._perform[Notice] = fail
    waits = w.echo.submit("without an end")
    decided = w.echo.using(expires=0.05).submit("too late")
    with pytest.raises(zmqwork.TaskExpired):
        decided.result(20)
    with pytest.raises(zmqwork.TaskCancelled, match="stopped"):
        waits.result(20)
    assert "AssertionError: a bug" in caplog.text


def test_a_sink_whose_thread_fails_is_gone_and_says_so(realm, caplog):
    def tick_with_a_bug(now):
        raise AssertionError("a bug")

    sink = zmqwork.App(realm).sink(print)
    node = sink.start()
    node._loop._machine.tick = tick_with_a_bug
    node._loop.wake()
    assert not node.wait_complete(20)
    assert node.wait(20)
    assert (node.has_left, node.has_failed, node.exit_code) == (True, True, 70)
    assert "AssertionError: a bug" in caplog.text
