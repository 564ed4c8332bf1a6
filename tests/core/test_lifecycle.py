"""The tables are total where they must be, and their pictures are those of the documents."""

from __future__ import annotations

from pathlib import Path

import pytest

from zmqwork.core.lifecycle import (
    ALIVE,
    LOST,
    NEW,
    PEER,
    SETTLED,
    STARTED,
    TASK,
    UNSETTLED,
    WAITING,
    picture,
)

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "lifecycle.md"


def reachable(table, start):
    found, fresh = [start], [start]
    while fresh:
        state = fresh.pop()
        for moves in table.values():
            if state in moves and moves[state] not in found:
                found.append(moves[state])
                fresh.append(moves[state])
    return sorted(found)


def test_every_state_of_a_task_can_be_reached():
    assert reachable(TASK, WAITING) == sorted([*UNSETTLED, *SETTLED])


def test_settled_states_are_absorbing():
    for cause, moves in TASK.items():
        assert not [state for state in moves if state in SETTLED], cause


@pytest.mark.parametrize("cause", ["succeeded", "cancelled"])
def test_what_can_happen_at_any_time_is_total(cause):
    assert sorted(TASK[cause]) == sorted(UNSETTLED)


def test_only_what_runs_cannot_expire():
    assert sorted(TASK["expired"]) == sorted(set(UNSETTLED) - {STARTED})


def test_each_unsettled_state_can_be_left_for_a_settled_one():
    for state in UNSETTLED:
        assert [c for c, moves in TASK.items() if moves.get(state) in SETTLED], state


@pytest.mark.parametrize("cause", ["welcomed", "refused"])
def test_a_peer_may_answer_in_any_state(cause):
    assert sorted(PEER[cause]) == reachable(PEER, NEW)


def test_only_a_suspect_is_given_up():
    assert [(cause, moves) for cause, moves in PEER.items() if LOST in moves.values()] == [
        ("given_up", {"suspect": LOST})
    ]
    assert PEER["heard"] == {"suspect": ALIVE}


def test_a_missing_row_is_a_bug_that_shows():
    with pytest.raises(KeyError):
        TASK["started"]["resting"]


@pytest.mark.parametrize(("table", "start"), [(TASK, WAITING), (PEER, NEW)])
def test_the_pictures_in_the_documents_are_drawn_from_the_tables(table, start):
    assert picture(table, start) in DOCUMENT.read_text("utf-8")


def test_a_picture():
    table = {"go": {"a": "b"}, "hop": {"a": "b", "b": "b"}, "end": {"b": "c"}}
    assert picture(table, "a").splitlines() == [
        "```mermaid",
        "stateDiagram-v2",
        "    [*] --> a",
        "    a --> b: go, hop",
        "    b --> c: end",
        "    c --> [*]",
        "```",
    ]
