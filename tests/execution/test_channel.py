from __future__ import annotations

import contextlib
import random

import pytest
from pool_bench import Held

from zmqwork.errors import DecodeError
from zmqwork.execution.frames import FrameReader
from zmqwork.wire import channel


def read(data, sizes):
    """The frames of a stream that arrives in pieces."""
    reader, frames, position = FrameReader(), [], 0
    for size in sizes:
        room = reader.room()
        piece = data[position : position + min(size, len(room))]
        if not piece:
            break
        room[: len(piece)] = piece
        position += len(piece)
        frames += reader.received(len(piece))
    assert position == len(data), "sizes were too few"
    return frames


def attempts(*sizes, name="t"):
    return [Held(name, bytes([n % 251]) * size, seq=n) for n, size in enumerate(sizes)]


def flat(frames):
    return [
        (run[0], seq, args)
        for frame in frames
        for run in channel.unpack_runs(frame)
        for seq, args in zip(run[4], run[6], strict=True)
    ]


@pytest.mark.parametrize("seed", range(8))
def test_a_stream_may_be_cut_anywhere(seed):
    rng = random.Random(seed)
    given = attempts(*(rng.choice([0, 1, 50, 5_000, 70_000, 300_000]) for _ in range(40)))
    data = b"".join(channel.RunPacker().pack(given))
    sizes = iter(lambda: rng.choice([1, 3, 13, 4_000, 200_000]), None)
    assert flat(read(data, sizes)) == [(h.name, h.seq, h.args) for h in given]


def test_byte_by_byte():
    data = channel.pack_message(channel.READY) + channel.pack_message(channel.TROUBLE, "why")
    frames = read(data, [1] * len(data))
    assert [frame[0] for frame in frames] == [channel.READY, channel.TROUBLE]
    assert channel.unpack_message(frames[1]) == "why"


def test_attempts_keep_their_order_and_kind():
    options = {"queue": "q", "deadline": 3.0}
    given = [
        Held("a", b"1", seq=1),
        Held("a", b"2", seq=2, options=options),
        Held("b", b"3", seq=3, options=options, deadline_at=5.5),
        Held("b", b"4", seq=4, options=options, producer_id="other", attempt=3),
    ]
    [frame] = read(b"".join(channel.RunPacker().pack(given)), [10_000])
    runs = channel.unpack_runs(frame)
    assert [run[0] for run in runs] == ["a", "a", "b", "b"]
    assert runs[2] == ["b", given[2].producer_id, options, [1], [3], [5.5], [b"3"]]
    assert runs[3][1] == "other"
    assert runs[3][3] == [3]


def test_large_arguments_are_not_copied():
    given = attempts(100_000)
    assert channel.RunPacker().pack(given)[1] is given[0].args


def test_many_arguments_are_cut_into_frames():
    buffers = channel.RunPacker().pack(attempts(*[50_000] * 30))
    assert len(buffers) > 3
    assert max(map(len, buffers)) < 400_000


def outcomes_frame(*outcomes, base=0, seconds=1.5):
    packer = channel.OutcomePacker()
    entries = b"".join(map(packer.entry, outcomes))
    data = channel.outcomes_head(base, seconds, len(outcomes), len(entries)) + entries
    [frame] = read(data, iter(lambda: 1_000_000, None))
    return frame


def test_outcomes_come_back():
    outcomes = [(True, b"value"), (False, {"type": "E", "text": "t\udcff"}), (True, b"")]
    base, seconds, back = channel.unpack_outcomes(outcomes_frame(*outcomes, base=2**40))
    assert (base, seconds) == (2**40, 1.5)
    assert back == [(True, b"value"), (False, {"type": "E", "text": "t\\udcff"}), (True, b"")]


def test_a_large_outcome_comes_back():
    value = random.Random(1).randbytes(5_000_000)
    assert channel.unpack_outcomes(outcomes_frame((True, value)))[2] == [(True, value)]


@pytest.mark.parametrize("seed", range(20))
def test_garbage_is_a_decode_error_and_nothing_else(seed):
    rng = random.Random(seed)
    for size in (0, 5, 13, 17, 40, 300):
        body = rng.randbytes(size)
        for judge in (channel.unpack_outcomes, channel.unpack_message):
            with contextlib.suppress(DecodeError):
                judge((channel.OUTCOMES, body, size))
    reader = FrameReader()
    reader.room()[:64] = b"\xff" * 64
    assert reader.received(64) == []
    assert reader.is_broken


def test_what_comes_before_garbage_counts():
    reader = FrameReader()
    data = channel.pack_message(channel.READY) + b"\xff" * 20
    reader.room()[: len(data)] = data
    assert [frame[0] for frame in reader.received(len(data))] == [channel.READY]
    assert reader.is_broken
    reader.room()[: len(data)] = data
    assert reader.received(len(data)) == []


@pytest.mark.parametrize("entries", [b"\x01", b"\xa1x", b"\xc0"])
def test_outcomes_are_bytes_or_maps(entries):
    with pytest.raises(DecodeError):
        channel.unpack_entries(entries, 1)
    with pytest.raises(DecodeError):
        channel.unpack_entries(b"\xc4\x01x", 2)
