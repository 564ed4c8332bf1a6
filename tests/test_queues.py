from __future__ import annotations

import pytest

import zmqwork
from zmqwork.queues import ALL_QUEUES, Queues


@pytest.fixture
def app():
    made = zmqwork.App("queues")
    made.task(len)
    return made


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"queues": "a"}, r"queues is a list of names: \['a'\]"),
        ({"exclude_queues": "a"}, r"exclude_queues is a list of names: \['a'\]"),
        ({"queues": {"a": 0}}, "the weight of queue 'a' must be a number from 1 to 1000000, not 0"),
        ({"queues": {"a": 1.5}}, "the weight of queue 'a' must be whole, not 1.5"),
        ({"queues": {"a": 1, "b": 2}, "strict": True}, "strict .*: these have weights"),
        ({"queues": ["a"], "strict": True}, "strict .*: name two or more"),
        ({"strict": True}, "strict .*: name two or more"),
        ({"strict": 1}, "strict must be True or False, not 1"),
        ({"queues": ["a"], "exclude_queues": ["b"]}, "name one or the other"),
        ({"exclude_queues": [""]}, "an excluded queue must be a non-empty string"),
        ({"queues": [f"q{number}" for number in range(1025)]}, "1025 queues were named"),
    ],
)
def test_what_contradicts_itself_is_refused(app, options, text):
    with pytest.raises(zmqwork.ConfigError, match=text):
        app.worker(pool="inline", **options)


def test_what_is_said_is_told(app):
    with app.worker(pool="inline", queues={"a": 6, "b": 1}) as worker:
        assert worker.status()["queues"] == ["a", "b"]
        assert worker.status()["weights"] == [6, 1]
    with app.worker(pool="inline", queues=["b", "a", "b"], strict=True) as worker:
        assert (worker.status()["queues"], worker.status()["strict"]) == (["b", "a"], True)
    with app.worker(pool="inline", exclude_queues=["low"]) as worker:
        assert worker.status()["exclude_queues"] == ["low"]
    with app.worker(pool="inline") as worker:
        assert not {"weights", "strict", "exclude_queues"} & set(worker.status())


def test_which_queues_are_served():
    assert "anything" in ALL_QUEUES
    assert "low" not in Queues.of((), exclude=["low"])
    assert "high" in Queues.of((), exclude=["low"])
    assert "a" in Queues.of({"a": 1})
    assert "b" not in Queues.of({"a": 1})
