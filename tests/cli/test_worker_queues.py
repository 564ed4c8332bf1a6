from __future__ import annotations

import pytest

from zmqwork.cli import worker
from zmqwork.cli.parser import Parser
from zmqwork.cli.queues import queue_options, queues_text


def parsed(*words):
    parser = Parser(prog="zmqwork worker")
    worker.configure(parser)
    return queue_options(parser.parse_args(["app:app", *words]))


@pytest.mark.parametrize(
    ("words", "queues"),
    [
        ([], ()),
        (["-Q", "a, b,a"], ("a", "b")),
        (["-Q", "high=6,default=3,low=1"], {"high": 6, "default": 3, "low": 1}),
        (["-Q", "high=6,low"], {"high": 6, "low": 1}),
    ],
)
def test_queues_and_their_weights(words, queues):
    assert parsed(*words) == {"queues": queues, "strict": False, "exclude_queues": ()}


def test_order_and_exclusion():
    assert parsed("-Q", "a,b", "--strict")["strict"] is True
    assert parsed("-X", "low,slow")["exclude_queues"] == ("low", "slow")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["-Q", "a=x"], "'x' is not a whole number"),
        (["-Q", "a=0"], "0 is not between 1 and 1000000"),
        (["-Q", "a=1,a=2"], "queue 'a' is named twice"),
        (["-Q", ","], "name at least one queue"),
        (["-X", ""], "name at least one queue"),
    ],
)
def test_what_is_no_queue_is_refused(words, text, capsys):
    with pytest.raises(SystemExit):
        parsed(*words)
    assert text in capsys.readouterr().err


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ({}, "all"),
        ({"queues": ["a", "b"]}, "a, b"),
        ({"queues": ["a", "b"], "weights": [6, 1]}, "a=6, b=1"),
        ({"queues": ["a", "b"], "strict": True}, "a, b (in this order)"),
        ({"queues": [], "exclude_queues": ["low"]}, "all but low"),
    ],
)
def test_what_people_see(status, text):
    assert queues_text(status) == text


def test_what_does_not_go_together_is_said(zmqwork):
    done = zmqwork("worker", "nowhere:app", "-Q", "a", "-X", "b")
    assert done.returncode != 0
    done = zmqwork("worker", "--realm", "r", "--exec", "true", "--strict", "-Q", "a")
    assert "strict is the order of queues in which they are named: name two or more" in done.stderr
