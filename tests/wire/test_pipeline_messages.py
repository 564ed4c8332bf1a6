"""The messages of the classic pipeline: there and back, and what is none of them."""

import msgpack
import pytest

from zmqwork.errors import EncodeError
from zmqwork.wire import pipeline
from zmqwork.wire.pipeline import (
    MAGIC,
    End,
    Items,
    Results,
    Start,
    decode,
    encode_end,
    encode_items,
    encode_results,
    encode_start,
)

NOTHING = type("Nothing", (), {"__repr__": lambda _: "nothing"})()


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (encode_start(Start("v", 7, "name")), Start("v", 7, "name")),
        (encode_end(End("v", 2**40, 3)), End("v", 2**40, 3)),
        (encode_items("v", 5, [1, (2, "x"), None]), Items("v", 5, [1, (2, "x"), None])),
        (
            encode_results("v", 5, [1, None], [(1, "no")], "w"),
            Results("v", 5, [1, None], [(1, "no")], "w"),
        ),
        (encode_results("v", 5, [{2}], [], "w"), Results("v", 5, [{2}], [], "w")),
    ],
)
def test_there_and_back(frame, message):
    assert decode(frame) == message
    assert type(decode(frame)) is type(message)


def test_failures_are_shortened():
    (_, _, _, [(_, text)], _) = decode(encode_results("v", 0, [None], [(0, "x" * 5000)], "w"))
    assert text == "x" * 1000


@pytest.mark.parametrize("value", [NOTHING, [NOTHING], "\ud800"])
def test_what_cannot_travel(value):
    with pytest.raises(EncodeError):
        encode_items("v", 0, [value])


def test_what_is_too_large(monkeypatch):
    monkeypatch.setattr(pipeline, "PAYLOAD_BYTES_MAX", 1000)
    monkeypatch.setattr("zmqwork.wire.values.PAYLOAD_BYTES_MAX", 1000)
    with pytest.raises(EncodeError, match="1,000 is the limit"):
        encode_items("v", 0, [bytes(1001)])


GOOD = [MAGIC, 4, "v", 0, [1], [[0, "x"]], "w"]


@pytest.mark.parametrize(
    "fields",
    [
        [MAGIC],
        [MAGIC, 3],
        [MAGIC, 3, "v", 0],
        [MAGIC, 3, "v", 0, []],
        [MAGIC, 3, "v", -1, [1]],
        [MAGIC, 3, "v", 1.0, [1]],
        [MAGIC, 3, "v", True, [1]],
        [MAGIC, 3, "", 0, [1]],
        [MAGIC, 3, "v\n", 0, [1]],
        [MAGIC, 3, "v" * 65, 0, [1]],
        [MAGIC, 3, b"v", 0, [1]],
        [MAGIC, 3, "v", 0, {}],
        [MAGIC, 3, "v", 0, [1], 2],
        [MAGIC, 9, "v", 0, [1]],
        [MAGIC, [], "v", 0, [1]],
        [MAGIC, {}, "v", 0, [1]],
        [MAGIC + "0", 3, "v", 0, [1]],
        [MAGIC, 1, "v", 0, "a\x1b[31m"],
        [MAGIC, 1, "v", 0, 1],
        [MAGIC, "1", "v", 0, "w"],
        {MAGIC: 0, 2: 0, "v": 0, 3: 0, 4: 0},
        [MAGIC, 2, "v", None, 1],
        [MAGIC, 2, "v", 1, -1],
        [*GOOD[:5], [[1, "x"]], "w"],
        [*GOOD[:5], [[-1, "x"]], "w"],
        [*GOOD[:5], [[True, "x"]], "w"],
        [*GOOD[:5], [[0, b"x"]], "w"],
        [*GOOD[:5], [[0]], "w"],
        [*GOOD[:5], [0], "w"],
        [*GOOD[:5], {}, "w"],
        [*GOOD[:6], None],
        [*GOOD[:4], [], [], "w"],
        {MAGIC: 3},
        MAGIC,
        None,
    ],
)
def test_what_is_none_of_ours(fields):
    assert decode(msgpack.packb(fields)) is None


@pytest.mark.parametrize("frame", [b"", b"0", b"KILL", b"\x95", bytes(range(64, 128))])
def test_other_bytes(frame):
    assert decode(frame) is None


def test_a_batch_has_a_limit():
    assert decode(msgpack.packb([MAGIC, 3, "v", 0, [0] * 65_536])) is not None
    assert decode(msgpack.packb([MAGIC, 3, "v", 0, [0] * 65_537])) is None


def test_half_a_message_is_none():
    frame = encode_items("v", 0, list(range(5000)))
    assert [decode(frame[:end]) for end in range(0, len(frame), 97)] == [None] * (
        len(range(0, len(frame), 97))
    )
    assert decode(frame + b"x") is None


def test_the_good_one_is_good():
    assert decode(msgpack.packb(GOOD)) == Results("v", 0, [1], [(0, "x")], "w")
