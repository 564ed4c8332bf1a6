"""H21 and H22: tasks that nobody has, and arguments that are code."""

import os
import pickle

import msgpack
import pytest

from zmqwork.wire import verbs as v

NAMES = {
    "unknown": "nothing",
    "a module": "os:system",
    "a dotted path": "os.system",
    "a path": "../../etc/passwd",
    "a homoglyph": "\u0435cho",  # a Cyrillic e
    "right to left": "echo\u202e",
    "blank": " echo",
    "another case": "Echo",
    "dunder": "__import__",
    "as long as can be": "x" * 128,
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_h21_an_unknown_task_is_a_rejection(speaker, node, name):
    someone = speaker()
    someone.expect(v.WELCOME)
    done = someone.run(name, "id")
    assert done[1] == []
    [[_, _, outcome, error]] = done[4]
    assert outcome == "rejected"
    assert name.strip("\u202e ")[:20] in str(error) or error["type"]
    assert "\u202e" not in node.text(), "what is shown to people is escaped"


@pytest.mark.parametrize(
    "name",
    ["", "a\0b", "a\nb", "\x1b[2J", "x" * 10_000, b"echo", 1, None, ["echo"]],
    ids=lambda name: ascii(name)[:20],
)
def test_h21_a_name_that_is_none_ends_the_session(speaker, node, name):
    someone = speaker()
    someone.expect(v.WELCOME)
    someone.submit(name)
    code, text = someone.refusal()
    assert code == "order"
    assert text.isprintable()
    assert "\x1b" not in node.text()


class Canary:
    """What a pickle of this does to whoever opens it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (self.path,))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_h22_a_pickle_is_not_opened(speaker, tmp_path, protocol):
    canary = tmp_path / "sang"
    someone = speaker()
    someone.expect(v.WELCOME)
    args = pickle.dumps(Canary(str(canary)), protocol)
    done = someone.take(["echo", {}, 1, [1], [args]])
    [[_, _, outcome, error]] = done[4]
    assert (outcome, error["type"]) == ("failed", "zmqwork.errors.DecodeError")
    assert not canary.exists()


def test_h22_the_canary_can_sing(tmp_path):
    pickle.loads(pickle.dumps(Canary(str(tmp_path / "sang"))))
    assert (tmp_path / "sang").exists()


def test_h22_nothing_of_a_payload_is_opened_by_the_node_itself(speaker):
    """An argument that is no msgpack fails its task alone, in the child."""
    someone = speaker()
    someone.expect(v.WELCOME)
    done = someone.run("echo", msgpack.ExtType(99, b"x"))
    assert done[4][0][3]["type"] == "zmqwork.errors.DecodeError"
    assert someone.run("echo", 1, seq=2)[1] == [2]
