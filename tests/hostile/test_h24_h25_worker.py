"""H24 and H25 from a worker: results that nobody asked for, and credit that cannot be."""

import msgpack
import pytest
from hostile_app import gated
from hostile_node import Honest, until
from liar import Liar

from zmqwork.wire import verbs as v
from zmqwork.wire.limits import COUNT_MAX

NAN = float("nan")


@pytest.fixture
def liar(worker):
    """The honest producer is a new one, and has two workers: the honest one, and this."""
    made = Liar(worker.realm)
    worker.honest.end()
    worker.honest = Honest(worker, made.endpoint)
    made.open()
    yield made
    made.close()


@pytest.mark.parametrize(
    "fields",
    [(-1, 0), (2**63, 0), (COUNT_MAX + 1, 0), (NAN, 0), (1, NAN), (1, -1), (True, 1), (1, 1, 2)],
    ids=str,
)
def test_h25_credit_that_cannot_be_ends_the_session(liar, node, fields):
    """And nothing is dispatched there: the tasks of `node` come back from the honest one."""
    liar.say(v.CREDIT, *fields)
    assert liar.is_hung_up()


LIES = {
    "a result of a task that was never dispatched": (v.DONE, 1, [2**63], [1], [b"\x01"], [], {}),
    "of a task that was settled": (v.DONE, 1, [1], [1], [b"\x01"], [], {}),
    "a failure of it": (v.DONE, 1, [], [], [], [[1, 1, "failed", {"type": "E", "text": "t"}]], {}),
    "a death in it": (v.DONE, 1, [], [], [], [[1, 1, "lost", {"type": "E", "text": "t"}]], {}),
    "a begin of it": (v.STARTED, [1, 2**63], [1, 1]),
    "what was never given comes back": (v.RETURN, "undelivered", [1, 5], [1, 1]),
    "progress of it": (v.PROGRESS, [1], [1], [{"fraction": 0.5}]),
    "parts of it": (v.PARTS, 1, 0, [b"\x01"]),
    "run times without end": (v.DONE, 1, [], [], [], [], {"echo": [3.2e10, 3.2e10]}),
}


def test_h24_a_lie_settles_nothing(liar, node):
    """All in one session, while the honest worker has attempts all the time."""
    for lie in LIES.values():
        liar.say(*lie)
    liar.say(v.PING, 5, 0.0)
    liar.expect(v.PONG)
    node.honest.work()


def test_h24_the_result_of_an_attempt_that_somebody_else_has(liar, node, tmp_path):
    """T11: only who has, or had, an attempt may end it."""
    gate = tmp_path / "gate"
    future = gated.submit(str(tmp_path / "runs"), str(gate))
    until((tmp_path / "runs").exists, "the honest worker began")
    liar.say(v.DONE, 1, [future.seq], [1], [b"\xa3lie"], [], {})
    liar.say(v.PING, 5, 0.0)
    liar.expect(v.PONG)
    gate.touch()
    assert future.result(30) is None


@pytest.mark.parametrize(
    "frames",
    [
        [b"\xc1"],
        [b"x"] * 100,
        [msgpack.packb([99, 2])],
        [msgpack.packb([v.DONE, 2, 1, [1], [1], [None], [], {}])],
        [msgpack.packb([v.DONE, 2, 1, [1], [1], [b""], [[1, 1, "settled", {}]], {}])],
        [b"\x91" * 5000],
    ],
    ids=["no msgpack", "100 frames", "no verb", "no frame", "an outcome", "deep"],
)
def test_h24_what_is_no_message_ends_the_session(liar, node, frames):
    liar.send(*frames)
    assert liar.is_hung_up()


def test_h24_results_of_all_tasks_that_there_may_be(liar, node):
    """While the honest worker has them: each result is the one that it has made."""
    for batch in range(1, 100):
        seqs = list(range(1, 500))
        liar.say(v.DONE, batch, seqs, [1] * len(seqs), [b"\xa3lie"] * len(seqs), [], {})
    node.honest.work(200)
