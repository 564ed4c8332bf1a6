"""H14: too few frames, and too many."""

import pytest
from zmtp import frame

from zmqwork.wire import verbs as v
from zmqwork.wire.limits import FRAMES_MAX


def test_h14_an_empty_frame_is_no_message(speaker):
    someone = speaker()
    someone.expect(v.WELCOME)
    for _ in range(100):
        someone.peer.send(b"")
    someone.settle()


@pytest.mark.parametrize(
    "frames",
    [
        [b"", b""],
        [b"", b"", b"", b"", b""],
        [b""] * FRAMES_MAX,
        [b""] * (FRAMES_MAX + 1),
        [b""] * 10_000,
        [b"x" * 200] * 10_000,
    ],
    ids=lambda frames: str(len(frames)),
)
def test_h14_frames_that_are_no_message_end_the_session(speaker, frames):
    someone = speaker()
    someone.expect(v.WELCOME)
    someone.peer.send(*frames)
    code, text = someone.refusal()
    assert code == "order"
    assert "frame" in text


def test_h14_a_message_in_pieces_is_one(speaker, node):
    """Byte by byte, and with its end in the same segment as the beginning of the next one."""
    someone = speaker()
    someone.expect(v.WELCOME)
    ping = frame(bytes([0x94, v.PING, 2, 5, 0]))  # [PING, 2, 5, 0]
    for byte in ping:
        someone.peer.write(bytes([byte]))
    assert someone.expect(v.PONG)[0] == 5
    someone.number = 2
    someone.settle()
