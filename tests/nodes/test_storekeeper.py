"""The handler thread of a sink, without its node."""

from __future__ import annotations

import weakref
from queue import SimpleQueue

import pytest
from node_processes import until

from zmqwork.core.delivery import Parcel
from zmqwork.core.effects import Deliver, Marks
from zmqwork.core.events import Stored
from zmqwork.nodes.function_store import FunctionStore
from zmqwork.nodes.storekeeper import Storekeeper
from zmqwork.wire.values import encode_value

PATIENCE = 20.0


class Watched(Deliver):
    """A batch of which one can be told whether it is still there."""


@pytest.fixture
def answers():
    return SimpleQueue()


@pytest.fixture
def keeper(answers):
    keeper = Storekeeper(FunctionStore(lambda results: None), retries=0, retry_delay=0.0)
    keeper.open("store")
    keeper.start(answers.put)
    yield keeper
    assert keeper.close(PATIENCE)


def test_what_is_stored_is_not_kept_while_nothing_comes(keeper, answers):
    parcel = Parcel("ab" * 16, "f", [1], [1], [encode_value(b"much")])
    load = Watched(1, [parcel], Marks([], {}))
    is_there = weakref.ref(load)
    keeper.hand_over(load)
    del load, parcel
    assert answers.get(timeout=PATIENCE) == Stored(1)
    until(lambda: is_there() is None, "it is let go", PATIENCE)
