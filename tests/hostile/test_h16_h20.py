"""H16 to H20: frame 0 that is too large, is no msgpack, or is a trap.

What the decoder says of each is tested in `tests/wire/test_codec.py`; here it comes over a link.
The peer is told why in one line, its session ends, and it may begin another one.
"""

import struct

import msgpack
import pytest
from hostile_node import Speaker, speak
from zmtp import Peer

from zmqwork.wire import verbs as v
from zmqwork.wire.limits import CONTAINERS_MAX, HEADER_BYTES_MAX

PING = [v.PING, 2, 1, 0.0]
KIB = 1024


def array(count):
    return struct.pack(">BI", 0xDD, count)


H16 = {
    "one byte too many": msgpack.packb([*PING, []]).ljust(HEADER_BYTES_MAX + 1, b"\0"),
    "eight MiB": bytes(8 * KIB * KIB),
}
H17 = {
    "truncated": msgpack.packb(PING)[:-1],
    "one byte": b"\x94",
    "trailing bytes": msgpack.packb(PING) + b"\0",
    "no array": msgpack.packb({"verb": 4}),
    "a text": msgpack.packb("PING"),
    "bin in place of str": msgpack.packb([v.REFUSED, 2, b"gap", "x"]),
    "missing fields": msgpack.packb([v.PING, 2]),
    "NaN": msgpack.packb([v.PING, 2, 1, float("nan")]),
    "infinity": msgpack.packb([v.PONG, 2, 1, float("inf")]),
    "a number below 0": msgpack.packb([v.PING, 2, -1, 0.0]),
    "a message's number below 0": msgpack.packb([v.PING, -2, 1, 0.0]),
    "a key twice": b"\x94" + bytes([v.STATUS, 2, 1]) + b"\x82\xa1a\x01\xa1a",
    "invalid UTF-8": msgpack.packb([v.REFUSED, 2]) [:-1] + b"\xa3\xff\xfe\xfd",
    "a reserved byte": b"\xc1",
}  # fmt: skip
H18 = {
    "1,024 nested arrays that claim 2^31 items": (array(2**31) * 1024).ljust(600 * KIB, b"\xc0"),
    "1,024 nested arrays": b"\x91" * 1024 + b"\xc0",
    "100,000 nested arrays": b"\x91" * 100_000 + b"\xc0",
    "as many empty arrays as fit": array(3_900_000) + b"\x90" * 3_900_000,
    "a claim of 4 GiB of text": struct.pack(">BI", 0xDB, 2**32 - 1) + b"x",
}
H19 = {
    "a timestamp": msgpack.packb([v.STATUS, 2, 1, {"x": msgpack.Timestamp(1)}]),
    "a timestamp of another age": b"\x94" + bytes([v.STATUS, 2, 1]) + b"\x81\xa1x\xc7\x0c\xff"
    + b"\xff" * 4 + b"\x7f" + b"\xff" * 7,
    "an unknown extension": msgpack.packb([v.STATUS, 2, 1, {"x": msgpack.ExtType(99, b"x")}]),
    "a tuple": msgpack.packb([v.STATUS, 2, 1, {"x": msgpack.ExtType(1, b"\x90")}]),
}  # fmt: skip
H20 = {
    "100,000 keys": msgpack.packb([v.STATUS, 2, 1, {str(n): 0 for n in range(100_000)}]),
    "numbers as keys": msgpack.packb([v.STATUS, 2, 1, {1: 1}]),
    "nil as a key": msgpack.packb([v.STATUS, 2, 1, {None: 1}]),
    "a key of 1 MiB": msgpack.packb([v.TASKS, 2, [["x" * KIB * KIB, {}, 1, [1], [b""]]]]),
    "too many maps": msgpack.packb([v.STATUS, 2, 1, {"x": [{}] * (CONTAINERS_MAX + 1)}]),
}
CASES = {
    f"{case} {name}": frame
    for case, frames in {"h16": H16, "h17": H17, "h18": H18, "h19": H19, "h20": H20}.items()
    for name, frame in frames.items()
}


@pytest.mark.parametrize("frame", CASES.values(), ids=CASES)
def test_h16_to_h20_the_session_ends_with_a_reason(speaker, frame):
    someone = speaker()
    someone.expect(v.WELCOME)
    someone.peer.send(frame)
    code, text = someone.refusal()
    assert code == "order"
    assert text
    assert text.isprintable()
    assert len(text.encode()) < 1000
    assert "Error:" not in text.replace("DecodeError:", "") or "msgpack" in text


def test_h17_a_peer_that_was_refused_may_greet_again(connect, node):
    peer = connect().open()
    for _ in range(50):
        someone = Speaker(peer, node.realm)
        someone.expect(v.WELCOME)
        peer.send(b"\xc1")
        assert someone.refusal()[0] == "order"


def test_h17_first_of_all(connect):
    """Without a HELLO: refused, and nothing of it is kept."""
    peer = connect().open()
    for frame in H17.values():
        peer.send(frame)
    refusals = [peer.receive() for _ in range(1 + len(H17))]
    assert refusals[0] == [b""]
    assert {msgpack.unpackb(frames[0])[2] for frames in refusals[1:]} == {"order"}


def test_h18_bombs_one_after_the_other_take_no_memory(node):
    """A hundred times 4 MiB (`node` checks its memory)."""
    for _ in range(20):
        for frame in H18.values():
            someone = speak(node)
            someone.peer.send(frame)
            assert someone.refusal()[0] == "order"
            someone.peer.close()


def test_h17_bytes_that_were_one_message_once(connect, node):
    """All that the peer sends, one byte after the other turned over."""
    good = msgpack.packb([v.HELLO, 1, 1, "ab" * 16, "producer", "n", node.realm, [1, 1], 0, 1.0])
    peer = Peer(node.endpoint).open()
    for index in range(len(good)):
        peer.send(good[:index] + bytes([good[index] ^ 0xFF]) + good[index + 1 :])
    Speaker(peer, node.realm).expect(v.WELCOME)
    peer.close()
