"""What a worker makes of signals; real ones, at times that the test says."""

from __future__ import annotations

import os
import signal

import pytest

from zmqwork.cli.signals import terminable
from zmqwork.nodes import signals
from zmqwork.nodes.signals import ECHO_INTERVAL, StopSignals


class Asked:
    """Where a worker would stand: what it was asked for."""

    def __init__(self):
        self.words = []

    def request_drain(self):
        self.words.append("drain")

    def request_stop(self):
        self.words.append("stop")


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(signals.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def asked():
    return Asked()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_echo_of_a_signal_is_not_a_second_one(asked, clock, number):
    """GNU `timeout` signals its child, and then the group that the child is in."""
    with StopSignals(asked) as stopping:
        signal.raise_signal(number)
        clock[0] += ECHO_INTERVAL / 2
        signal.raise_signal(number)
        assert (asked.words, stopping.exit_code) == (["drain"], 0)
        clock[0] += ECHO_INTERVAL / 2
        signal.raise_signal(number)
        assert (asked.words, stopping.exit_code) == (["drain", "stop"], 128 + number)
        signal.raise_signal(number)  # an echo of the second: it would leave this process at once
    assert asked.words == ["drain", "stop"]


def test_another_signal_is_no_echo(asked, clock):
    with StopSignals(asked) as stopping:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
    assert asked.words == ["drain", "stop"]
    assert stopping.exit_code == 143


def test_an_echo_does_not_cut_the_unwinding_of_a_command_short(clock):
    unwound = []

    def leave(pause):
        with terminable():
            try:
                signal.raise_signal(signal.SIGTERM)
            finally:
                clock[0] += pause
                signal.raise_signal(signal.SIGTERM)
                unwound.append(pause)

    for pause in (0, ECHO_INTERVAL):
        with pytest.raises(SystemExit) as caught:
            leave(pause)
        assert caught.value.code == 143
    assert unwound == [0], "a second one is obeyed, an echo is not"


def test_a_fork_is_ended_as_if_there_were_no_node(asked):
    """It has inherited the handlers, and no node that could drain."""
    with StopSignals(asked):
        pid = os.fork()
        if not pid:
            signal.raise_signal(signal.SIGTERM)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
    assert os.WIFSIGNALED(status), status
    assert os.WTERMSIG(status) == signal.SIGTERM
    assert asked.words == []
