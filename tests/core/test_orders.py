from __future__ import annotations

import pytest

from zmqwork.core import orders
from zmqwork.core.orders import DONE, ORDER_TASKS_MAX, UNFIT, UNKNOWN_VERB, Order, refusal


def test_every_verb_is_of_a_node_that_obeys():
    assert {role for role, _ in orders.VERBS} == {"producer", "worker", "sink"}


def test_an_order_that_is_right():
    assert refusal("producer", Order(1, "cancel", {"tasks": [1, 2], "hard": True})) is None
    assert refusal("producer", Order(1, "edit", {"seq": 1}, [b""])) is None
    assert refusal("producer", Order(1, "letters", {"older_than": 1, "newer_than": 2.5})) is None
    assert refusal("worker", Order(1, "drain")) is None
    for role in ("producer", "worker", "sink"):
        assert refusal(role, Order(1, "roster", {}, [b"text"])) is None
        assert refusal(role, Order(1, "roster")).code == UNFIT


@pytest.mark.parametrize("role", ["producer", "worker", "sink"])
def test_verbs_that_nobody_knows(role):
    answer = refusal(role, Order(7, "fly"))
    assert (answer.request, answer.code) == (7, UNKNOWN_VERB)
    known = [name for owner, name in orders.VERBS if owner == role]
    assert all(name in answer.text for name in known or ["no orders"])


@pytest.mark.parametrize(
    ("verb", "arguments", "data", "text"),
    [
        ("cancel", {}, [], "cancel needs 'tasks': at most"),
        ("cancel", {"tasks": 7}, [], "'tasks' of cancel must be at most"),
        ("cancel", {"tasks": [-1]}, [], "'tasks' of cancel"),
        ("cancel", {"tasks": [True]}, [], "'tasks' of cancel"),
        ("cancel", {"tasks": [2**64]}, [], "'tasks' of cancel"),
        ("cancel", {"tasks": [1] * (ORDER_TASKS_MAX + 1)}, [], "'tasks' of cancel"),
        ("cancel", {"tasks": [], "hard": 1}, [], "'hard' of cancel must be true or false"),
        ("cancel", {"tasks": [], "x" * 100: 1}, [], f"no argument '{'x' * 40}'"),
        ("cancel", {"tasks": []}, [b""], "0 pieces of data"),
        ("pause", {"queue": "a\nb"}, [], "'queue' of pause must be a name"),
        ("pause", {"queue": 1}, [], "'queue' of pause must be a name"),
        ("letters", {"older_than": -1.0}, [], "must be a number of seconds"),
        ("letters", {"older_than": float("inf")}, [], "must be a number of seconds"),
        ("letters", {"older_than": True}, [], "must be a number of seconds"),
        ("edit", {"seq": 1}, [], "1 pieces of data"),
        ("edit", {"seq": 1}, [b"", b""], "1 pieces of data"),
    ],
)
def test_arguments_that_are_wrong(verb, arguments, data, text):
    answer = refusal("producer", Order(7, verb, arguments, data))
    assert (answer.request, answer.code) == (7, UNFIT)
    assert text in answer.text


def test_codes_are_words_of_the_document():
    assert orders.Ordered(1).code == DONE
