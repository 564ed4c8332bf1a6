"""H23 and H24: a task that comes twice, and outcomes of tasks that nobody gave away."""

import pytest
from hostile_node import Speaker, until
from zmtp import Peer

from zmqwork.wire import verbs as v


def test_h23_a_task_that_is_held_already_runs_once(speaker, tmp_path):
    """The same number and attempt again, also with other arguments: the first one counts."""
    path, other, gate = tmp_path / "runs", tmp_path / "others", tmp_path / "gate"
    someone = speaker()
    someone.expect(v.WELCOME)
    while not path.exists():
        someone.say(v.DEMAND, 3)
        while someone.expect(v.CREDIT)[0] == 0:
            pass
        someone.submit("gated", str(path), str(gate))
        someone.settle()
        until(lambda: path.exists() or v.RETURN in someone.seen, "it began, or came back")
    for attempt in (0, 1, 2, 2**64 - 1):
        someone.submit("gated", str(other), str(gate), attempt=attempt)
    someone.submit("nothing", 1)
    someone.settle()
    gate.touch()
    done = someone.expect(v.DONE)
    assert done[1] == [1]
    assert done[4] == []
    someone.say(v.DONE_ACK, done[0])
    someone.settle()
    assert path.read_text() == "x"
    assert not other.exists()


@pytest.mark.parametrize(
    "message",
    [
        (v.DONE, 1, [1], [1], [b"\x01"], [], {}),
        (v.STARTED, [1], [1]),
        (v.RETURN, "undelivered", [1], [1]),
        (v.CREDIT, 100, 1000),
        (v.RESULTS, 1, [["f" * 32, "echo", [1], [1], [b"\x01"]]]),
        (v.RESULTS_ACK, 1),
        (v.HAS, 1, [2]),
        (v.ENDED, 1, [[], []]),
        (v.WELCOME, 1, "0" * 32, "worker", "n", "r", 1),
        (v.PARTS, 1, 0, [b""]),
        (v.PROGRESS, [1], [1], [{}]),
        (v.ORDER, 1, "drain", {}),
    ],
    ids=lambda message: str(message[0]),
)
def test_h24_verbs_that_only_the_other_side_says_change_nothing(speaker, node, message):
    """A producer that speaks as a worker, a sink or an observer does."""
    someone = speaker()
    someone.expect(v.WELCOME)
    someone.say(*message)
    newer = Speaker(Peer(node.endpoint).open(), node.realm)
    newer.expect(v.WELCOME)
    assert newer.run("echo", 1)[1] == [1]
    newer.peer.close()


def test_h24_acks_of_what_was_never_sent(speaker):
    someone = speaker()
    someone.expect(v.WELCOME)
    someone.say(v.DONE_ACK, 2**63)
    someone.say(v.CANCEL, [1, 2, 2**64 - 1])
    someone.say(v.RECALL, 2**32 - 1)
    someone.say(v.PARTS_ACK, 5, 5)
    someone.settle()
    assert someone.run("echo", 1)[1] == [1]
