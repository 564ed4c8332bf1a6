"""What a sink makes of producers that were lost before they said END; the test has the clock."""

from __future__ import annotations

import pytest

from zmqwork.nodes.unended import PATIENCE, Unended

NODE, OTHER = "ab" * 16, "cd" * 16


def producer(producer_id, *, connected=False, ended=False, stored=3, queued=0):
    return {
        "producer_id": producer_id,
        "name": "v#1234",
        "connected": connected,
        "ended": ended,
        "stored": stored,
        "queued": queued,
    }


@pytest.fixture
def told(caplog):
    """What was told since it was asked last."""

    def told():
        texts = [record.getMessage() for record in caplog.records]
        caplog.clear()
        return texts

    return told


def test_one_without_a_run_is_given_up_after_a_while(told):
    unended = Unended()
    assert not unended.look([], 0.0)
    assert not unended.look([producer(NODE, connected=True)], 0.0)
    assert not unended.look([producer(NODE)], 1.0)
    assert not unended.look([producer(NODE, queued=1)], PATIENCE)  # a worker brings what it had
    assert not unended.look([producer(NODE, stored=4)], PATIENCE + 1.0)
    assert told() == []
    assert unended.look([producer(NODE, stored=4)], PATIENCE * 2)
    (text,) = told()
    assert text.startswith(
        "incomplete: v#1234 was lost without saying how many results there are: 4"
    )


def test_one_that_is_heard_again_is_waited_for(told):
    unended = Unended()
    assert not unended.look([producer(NODE)], 0.0)
    assert not unended.look([producer(NODE, connected=True)], PATIENCE)
    assert not unended.look([producer(NODE)], PATIENCE)
    assert not unended.look([producer(NODE, ended=True)], PATIENCE * 2)
    assert told() == []


def test_a_run_can_be_gone_on_with(told):
    unended = Unended()
    lost = [producer(NODE, ended=True), producer("night")]
    assert not unended.look(lost, 0.0)
    assert not unended.look(lost, PATIENCE)
    (text,) = told()
    assert "run night of v#1234 was lost" in text
    assert "--run night --resume" in text
    assert not unended.look(lost, PATIENCE + 1.0)  # it is told once
    assert told() == []
    # Killed again, it is told again.
    assert not unended.look([producer("night", connected=True)], PATIENCE + 2.0)
    assert not unended.look(lost, PATIENCE + 3.0)
    assert not unended.look(lost, PATIENCE * 3)
    assert len(told()) == 1


def test_whoever_is_there_is_waited_for(told):
    unended = Unended()
    for other in (producer("night"), producer(OTHER, connected=True)):
        assert not unended.look([producer(NODE), other], 0.0)
        assert not unended.look([producer(NODE), other], PATIENCE)
        assert told()
    both = [producer(NODE), producer(OTHER, ended=True)]
    assert unended.look(both, PATIENCE * 2)
