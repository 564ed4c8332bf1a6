"""Each limit of `wire.limits`: what has exactly that much is taken, and one more is not."""

from __future__ import annotations

import struct
import tracemalloc

import msgpack
import pytest

from zmqwork.errors import DecodeError
from zmqwork.wire import limits, verbs
from zmqwork.wire.codec import Decoder
from zmqwork.wire.values import decode_value, encode_value

ID = "0" * 32
HELLO = [verbs.HELLO, 1, 1, ID, "producer", "n", "r", [1, 1]]
WELCOME = [
    verbs.WELCOME, 1, 1, ID, "worker", "n", "r", 1, 1.0, 1.0, "", 0, 1, [], {}, [[], [], []], [],
    [], "", [[], []], [], [], False, [],
]  # fmt: skip
HOST, TASKS, QUEUES, HELD, NEIGHBOURS, CAN, WEIGHTS = 10, 14, 13, 15, 16, 20, 21


def decode(*frames):
    return Decoder().decode(
        [frame if type(frame) is bytes else msgpack.packb(frame) for frame in frames]
    )


def welcome(**fields):
    message = list(WELCOME)
    for name, value in fields.items():
        message[globals()[name]] = value
    return decode(message)


def nested(levels, inner=1):
    for _ in range(levels):
        inner = [inner]
    return inner


def header(size):
    """A PING of so many bytes: a field of a newer minor version fills it."""
    head = msgpack.packb([verbs.PING, 1, 1, 0.0, [], b""])[:-2]
    return decode(
        head + struct.pack(">BI", 0xC6, size - len(head) - 5) + bytes(size - len(head) - 5)
    )


def part(size, index=0, count=1):
    return [msgpack.packb([verbs.PART, 7, index, count]), bytes(size)]


def transfers(count):
    decoder = Decoder()
    for number in range(count):
        decoder.decode([msgpack.packb([verbs.PART, number, 0, 1]), b"x"])


def reassembly(size):
    decoder, index = Decoder(), 0
    count = -(-size // limits.PART_BYTES_MAX)
    while size:
        piece = min(size, limits.PART_BYTES_MAX)
        decoder.decode(part(piece, index, count))
        index, size = index + 1, size - piece


def frames(count):
    """TASKS whose arguments are the frames behind the first one."""
    rest = count - 1
    run = ["t", {}, 1, list(range(rest)), [None] * rest]
    return decode([verbs.TASKS, 1, [run]], *[b"x"] * rest)


def frames_bytes(size):
    """TASKS whose two payloads have so many bytes together."""
    run = ["t", {}, 1, [1, 2], [None, None]]
    return decode([verbs.TASKS, 1, [run]], bytes(size // 2), bytes(size - size // 2))


def containers(count):
    """A STATUS with so many arrays and maps, two of which are its own."""
    return decode([verbs.STATUS, 1, 1, {"x": [[] for _ in range(count - 3)]}])


def extensions(levels):
    value = 1
    for _ in range(levels):
        value = (value,)
    return decode_value(packed(levels))


def packed(levels):
    """Tuples in tuples, packed by hand: an encoder of ours would refuse one too many."""
    data = b"\x01"
    for _ in range(levels):
        payload = b"\x91" + data
        data = msgpack.packb(msgpack.ExtType(1, payload))
    return data


def payload(size):
    head = struct.pack(">BI", 0xC6, size - 5)
    return decode_value(head + bytes(size - 5))


# Name -> what makes something with so much of it, and is refused if that is too much.
AT = {
    "HEADER_BYTES_MAX": header,
    "PART_BYTES_MAX": lambda n: Decoder().decode(part(n)),
    "FRAMES_MAX": frames,
    "FRAMES_BYTES_MAX": frames_bytes,
    "PAYLOAD_BYTES_MAX": payload,
    "REASSEMBLY_BYTES_MAX": reassembly,
    "TRANSFERS_MAX": transfers,
    "CONTAINERS_MAX": containers,
    "PLAIN_DEPTH_MAX": lambda n: decode([verbs.STATUS, 1, 1, {"x": nested(n - 1)}]),
    "VALUE_DEPTH_MAX": lambda n: decode_value(b"\x91" * n + b"\x01"),
    "EXTENSION_DEPTH_MAX": extensions,
    "COUNT_MAX": lambda n: decode([verbs.CREDIT, 1, n, 0]),
    "HELD_MAX": lambda n: decode([verbs.CANCEL, 1, [1] * n]),
    "TASK_NAME_BYTES_MAX": lambda n: decode([verbs.TASKS, 1, [["t" * n, {}, 1, [], []]]]),
    "NAME_BYTES_MAX": lambda n: welcome(QUEUES=["q" * n]),
    "QUEUES_MAX": lambda n: welcome(QUEUES=["q"] * n),
    "WEIGHT_MAX": lambda n: welcome(QUEUES=["q"], WEIGHTS=[n]),
    "TASKS_MAX": lambda n: welcome(TASKS={str(i): "" for i in range(n)}),
    "REFUSAL_BYTES_MAX": lambda n: decode([verbs.REFUSED, 1, "gap", "x" * n]),
    "HOST_BYTES_MAX": lambda n: welcome(HOST="h" * n),
    "FINGERPRINT_BYTES_MAX": lambda n: welcome(TASKS={"t": "f" * n}),
    "WORDS_MAX": lambda n: welcome(CAN=["deliver"] * n),
    "ENDPOINTS_MAX": lambda n: welcome(NEIGHBOURS=[[ID, "worker", ["tcp://a:1"] * n]]),
    "ENDPOINT_BYTES_MAX": lambda n: welcome(NEIGHBOURS=[[ID, "worker", ["t" * n]]]),
    "SECONDS_MAX": lambda n: decode([*HELLO, 0, float(n)]),
    "SUM_MAX": lambda n: decode([verbs.PING, 1, 1, float(n)]),
}
LEAST = {"PART_BYTES_MIN": lambda n: Decoder().decode(part(n, 0, 2))}
# Not of what a receiver takes.
NONE = {
    "BATCH_BYTES_MAX": "what a sender puts into one message: a receiver bounds its frames",
    "FRAME_OWN_BYTES": "from where on a sender gives a payload a frame of its own",
    "UNCHECKED_BYTES": "from where on a document is walked through before it is decoded",
    "FAILURE_CHARACTERS_MAX": "to what a sender shortens texts: test_codec.py",
    "NUMBER_MAX": "msgpack has no larger number; below 0: test_codec.py",
}


def test_every_limit_is_here():
    names = {name for name in vars(limits) if name.isupper()}
    assert names == {*AT, *LEAST, *NONE}


@pytest.mark.parametrize("name", AT)
def test_the_most_is_taken_and_one_more_is_refused(name):
    most, take = getattr(limits, name), AT[name]
    take(most)
    with pytest.raises(DecodeError):
        take(most + 1)


@pytest.mark.parametrize("name", LEAST)
def test_the_least_is_taken_and_one_less_is_refused(name):
    least, take = getattr(limits, name), LEAST[name]
    take(least)
    with pytest.raises(DecodeError):
        take(least - 1)


# What decoding may take beside the bytes themselves: of the objects that a container is, 88 bytes
# for one on the wire, and what the reader makes of them.
DECODED_BYTES_MAX = 32 * 1024 * 1024


@pytest.mark.parametrize(
    "name", ["CONTAINERS_MAX", "HELD_MAX", "TASKS_MAX", "HEADER_BYTES_MAX", "QUEUES_MAX", "VALUE_DEPTH_MAX"]
)  # fmt: skip
def test_the_most_takes_bounded_memory(name):
    tracemalloc.start()
    try:
        AT[name](getattr(limits, name))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < DECODED_BYTES_MAX


BOMBS = {
    "claims": (struct.pack(">BI", 0xDD, 2**31) * 1024).ljust(limits.HEADER_BYTES_MAX, b"\xc0"),
    # (msgpack itself refuses a claim of more items than there are bytes.)
    "claims that could be true": (struct.pack(">BI", 0xDD, 4_000_000) * 1000).ljust(
        limits.HEADER_BYTES_MAX, b"\xc0"
    ),
    "small claims": (struct.pack(">BH", 0xDC, 4000) * 1024).ljust(limits.UNCHECKED_BYTES, b"\xc0"),
    "arrays": struct.pack(">BI", 0xDD, 4_000_000) + b"\x90" * 4_000_000,
    "deep": b"\x91" * limits.HEADER_BYTES_MAX,
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_what_is_too_much_is_refused_before_it_is_there(bomb):
    """H18. (tracemalloc sees the objects that are made; their count is what costs the time.)"""
    tracemalloc.start()
    try:
        with pytest.raises(DecodeError):
            Decoder().decode([bomb])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < DECODED_BYTES_MAX + len(bomb)


def test_a_value_of_the_largest_size_comes_back():
    value = bytes(limits.PAYLOAD_BYTES_MAX - 5)
    assert decode_value(encode_value(value)) == value
