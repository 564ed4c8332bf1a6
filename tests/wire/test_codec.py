"""Messages: every one comes back, and bytes that are none raise `DecodeError` and nothing else."""

from __future__ import annotations

import resource
import struct
from contextlib import suppress
from pathlib import Path
from typing import get_args

import msgpack
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from wire_messages import BY_KIND, any_message, numbers

from zmqwork.core import delivery as d
from zmqwork.core import messages as m
from zmqwork.errors import DecodeError, EncodeError
from zmqwork.wire import limits, verbs
from zmqwork.wire.codec import Decoder, encode

NUMBERS = st.integers(1, 2**64 - 1)
KIB = 1024


def decoded(multiparts, decoder=None):
    """What the multipart messages are; all but the last must be PARTs."""
    decoder = decoder or Decoder()
    *ahead, last = multiparts
    for frames in ahead:
        assert decoder.decode(frames) is None
    return decoder.decode(last)


def head(message, number=1):
    """Frame 0 as a list."""
    return msgpack.unpackb(encode(number, message)[-1][0])


def refused(frames, decoder=None):
    with pytest.raises(DecodeError) as caught:
        (decoder or Decoder()).decode(frames)
    return str(caught.value)


def test_every_message_has_a_strategy():
    assert set(BY_KIND) == set(get_args(m.Message))


@pytest.mark.parametrize("kind", BY_KIND, ids=lambda kind: kind.__name__)
def test_every_message_comes_back(kind):
    @given(NUMBERS, BY_KIND[kind])
    def comes_back(number, message):
        assert decoded(encode(number, message)) == (number, message)

    comes_back()


# What is left out at the end of a message when it says nothing: all items of frame 0, and the
# defaults of the last ones.
LEFT_OUT = {
    m.Cancel: (4, [False]),
    m.Hello: (12, ["", []]),
    m.Welcome: (24, [[], [], "", [[], []], [], [], False, []]),
    m.Ping: (5, [[]]),
    m.Recall: (4, [""]),
    m.Tasks: (4, [0]),
}


def in_full(message):
    """Frame 0 as a list, with nothing left out."""
    fields = head(message)
    count, defaults = LEFT_OUT.get(type(message), (len(fields), []))
    return fields + defaults[len(defaults) - (count - len(fields)) :]


@given(any_message)
def test_fields_of_a_newer_minor_version_are_ignored(message):
    fields = in_full(message)
    fields += [{"new": [1, None]}, b"later"]
    assert Decoder().decode([msgpack.packb(fields)]) == (1, message)


@given(any_message, st.data())
def test_missing_fields_are_a_default_or_a_decode_error(message, data):
    fields = head(message)
    cut = fields[: data.draw(st.integers(0, len(fields) - 1))]
    with suppress(DecodeError):
        number, shorter = Decoder().decode([msgpack.packb(cut)])
        assert (number, type(shorter)) == (1, type(message))


# -- payloads ----------------------------------------------------------------------------------

SIZES = [
    0,
    limits.FRAME_OWN_BYTES - 1,
    limits.FRAME_OWN_BYTES,
    limits.PART_BYTES_MAX,
    limits.PART_BYTES_MAX + 1,
    3 * limits.PART_BYTES_MAX,
]


def payload(index, size):
    return (b"%d." % index).ljust(size, b"x")[:size]


def tasks(sizes, name="t"):
    args = [payload(index, size) for index, size in enumerate(sizes)]
    return m.Tasks([m.Run(name, {}, 1, list(range(len(args))), args)])


@given(st.lists(st.sampled_from(SIZES), max_size=6), st.lists(st.sampled_from(SIZES), max_size=3))
def test_payloads_of_all_sizes_come_back_in_their_places(sizes, more):
    both = m.Tasks([*tasks(sizes).runs, *tasks(more, "u").runs])
    assert decoded(encode(7, both)) == (7, both)
    values = [payload(index, size) for index, size in enumerate(sizes)]
    seqs = list(range(len(values)))
    done = m.Done(1, seqs, seqs, values, [], {})
    assert decoded(encode(7, done)) == (7, done)


def test_payloads_go_where_the_specification_says():
    small, beside, parts = (
        encode(1, tasks([10])),
        encode(1, tasks([70_000])),
        encode(3, tasks([10, 1_300_000, 70_000])),
    )
    assert [len(frames) for frames in small] == [1]
    assert [len(frames) for frames in beside] == [2]
    assert [len(frames) for frames in parts] == [2, 2, 2]
    assert msgpack.unpackb(parts[0][0])[0] == verbs.PART
    assert [len(frames[1]) for frames in parts[:2]] == [1_088 * KIB, 1_300_000 - 1_088 * KIB]
    assert max(len(frame) for frames in parts for frame in frames) <= limits.PART_BYTES_MAX


def test_large_payloads_are_not_copied_on_their_way_out():
    message = tasks([100_000])
    assert encode(1, message)[0][1] is message.runs[0].args[0]


def test_more_payloads_than_frames_hold_travel_in_parts():
    fit = limits.FRAMES_BYTES_MAX // limits.FRAME_OWN_BYTES
    message = tasks([limits.FRAME_OWN_BYTES] * (fit + 3))
    multiparts = encode(1, message)
    assert [len(frames) for frames in multiparts] == [2, 2, 2, fit + 1]
    assert decoded(multiparts) == (1, message)


def test_a_message_that_cannot_be_reassembled_is_not_sent():
    with pytest.raises(EncodeError):
        encode(1, tasks([limits.PART_BYTES_MAX + 1] * (limits.TRANSFERS_MAX + 1)))


@pytest.mark.parametrize("number", [0, -1, True, "1", None, 1.0, []])
def test_a_number_is_a_whole_one_from_1(number):
    refused([msgpack.packb([verbs.BYE, number])])


# -- hostile bytes -----------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=60), max_size=4))
@example([])
@example([b""])
@example([b"\xc1"])
def test_any_frames_are_a_message_or_a_decode_error(frames):
    with suppress(DecodeError):
        Decoder().decode(frames)


@given(any_message, st.data())
def test_changed_bytes_are_a_message_or_a_decode_error(message, data):
    frame = bytearray(encode(1, message)[0][0])
    for _ in range(data.draw(st.integers(1, 3))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    length = data.draw(st.integers(0, len(frame)))
    for hostile in (bytes(frame), bytes(frame[:length]), bytes(frame) + b"\0"):
        with suppress(DecodeError):
            Decoder().decode([hostile])


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=5)
    | st.sampled_from(["\n", "x" * 5000, "UPPER", b"x" * 100_000]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=3) | st.integers(0, 3) | st.binary(max_size=2), inner)
    ),
    max_leaves=6,
)


def spots(value, path=()):
    """Every place in nested lists and maps."""
    yield path
    steps = (
        enumerate(value) if type(value) is list else value.items() if type(value) is dict else ()
    )
    for step, inner in steps:
        yield from spots(inner, (*path, step))


def replaced(value, path, new):
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


@given(any_message, anything, st.data())
def test_any_field_may_be_anything(message, new, data):
    fields = head(message)
    places = list(spots(fields))[1:]
    path = places[data.draw(st.integers(0, len(places) - 1))]
    hostile = replaced(fields, path, new)
    with suppress(DecodeError):
        number, read = Decoder().decode([msgpack.packb(hostile)])
        # What comes out can be relied on: it is a message like any other.
        assert decoded(encode(number, read)) == (number, read)


H = head(m.Hello(1, "0" * 32, "producer", "n", "r", (1, 1)))
W = head(m.Welcome(1, "0" * 32, "worker", "n", "r", 1, held=[[1, 1, 0]]))
T = head(m.Tasks([m.Run("t", {}, 1, [1], [b""])]))
D = head(m.Done(1, [1], [1], [b""], [m.Failure(2, 1, "failed", {"type": "E", "text": ""})], {}))
E = {"type": "E", "text": ""}
S = head(
    m.Welcome(1, "0" * 32, "sink", "n", "r", 1, sinks=["s"], inbox="i", taken=[[1, 2], [4, 4]])
)
C = head(m.Welcome(1, "0" * 32, "worker", "n", "r", 1, can=["deliver"]))
Q = head(m.Welcome(1, "0" * 32, "worker", "n", "r", 1, queues=["a"], weights=[3], without=["b"]))
TO = d.Destination("0" * 32, "i", ["tcp://10.0.0.7:1"], "p", [1], "f" * 16)
N = head(m.Ping(1, neighbours=[m.Neighbour("0" * 32, "worker", ["tcp://10.0.0.7:1"], "f" * 16)]))
R = head(m.Tasks([m.Run("t", {}, 1, [1], [b""], TO)]))
P = head(d.Results(1, [d.Parcel("p", "t", [1], [1], [b""])]))
MANY = list(range(m.BATCH_COUNT_MAX))
NAN = float("nan")

HOSTILE = {
    "no array": {},
    "an empty array": [],
    "a verb that is no number": ["HELLO", 1],
    "an unknown verb": [15, 1],
    "a verb that is a boolean": [True, 1, *H[2:]],
    "a session below 0": replaced(H, (2,), -1),
    "a short node id": replaced(H, (3,), "0" * 31),
    "an upper-case node id": replaced(H, (3,), "A" * 32),
    "a node id with a newline": replaced(H, (3,), "0" * 31 + "\n"),
    "a role that is no word": replaced(H, (4,), "Pro ducer"),
    "no name": replaced(H, (5,), ""),
    "a name with control characters": replaced(H, (5,), "a\x1b[2J"),
    "a long name": replaced(H, (5,), "ä" * 65),
    "an endless realm": replaced(H, (6,), "r" * 10_000),
    "one protocol": replaced(H, (7,), [1]),
    "protocol 0": replaced(H, (7,), [0, 1]),
    "protocols the wrong way round": replaced(H, (7,), [2, 1]),
    "no interval": replaced(H, (9,), 0.0),
    "NaN as an interval": replaced(H, (9,), NAN),
    "infinity as an interval": replaced(H, (9,), float("inf")),
    "two thirds of an inventory": replaced(W, (15,), [[1], [1]]),
    "an inventory of two lengths": replaced(W, (15,), [[1], [1, 2], [0]]),
    "an unknown state": replaced(W, (15,), [[1], [1], [3]]),
    "queues as a text": replaced(W, (13,), "all"),
    "a weight for no queue": replaced(Q, (21,), [3, 1]),
    "a weight of 0": replaced(Q, (21, 0), 0),
    "an order that is a number": replaced(Q, (22,), 1),
    "an excluded queue that is a number": replaced(Q, (23, 0), 1),
    "tasks as a list": replaced(W, (14,), ["t"]),
    "a fingerprint that is a number": replaced(W, (14,), {"t": 1}),
    "arguments that lack": replaced(T, (2, 0, 4), []),
    "arguments that are text": replaced(T, (2, 0, 4), [""]),
    "a payload without its frame": replaced(T, (2, 0, 4), [None]),
    "a transfer that never came": replaced(T, (2, 0, 4), [1]),
    "a transfer below 0": replaced(T, (2, 0, 4), [-1]),
    "a queue that is a number": replaced(T, (2, 0, 1), {"queue": 1}),
    "a queue of RECALL that is no text": [*head(m.Recall(1)), 7],
    "a priority beyond 100": replaced(T, (2, 0, 1), {"priority": 101}),
    "a priority between two": replaced(T, (2, 0, 1), {"priority": 0.5}),
    "a time-out below 0": replaced(T, (2, 0, 1), {"timeout": -1.0}),
    "a time-out without end": replaced(T, (2, 0, 1), {"soft_timeout": float("inf")}),
    "an exception that is a number": replaced(T, (2, 0, 1), {"retry_for": [1]}),
    "exceptions that are a text": replaced(T, (2, 0, 1), {"no_retry_for": "OSError"}),
    "exceptions without end": replaced(T, (2, 0, 1), {"retry_for": ["E"] * 33}),
    "NaN as a deadline": replaced(T, (2, 0, 1), {"deadline": NAN}),
    "an endless deadline": replaced(T, (2, 0, 1), {"deadline": 1e300}),
    "options with a number as key": replaced(T, (2, 0, 1), {1: 1}),
    "too many tasks": replaced(T, (2, 0, 3), list(range(5000))),
    "a task below 0": replaced(T, (2, 0, 3), [-1]),
    "a task that is a boolean": replaced(T, (2, 0, 3), [True]),
    "a task that is a fraction": replaced(T, (2, 0, 3), [1.0]),
    "a run of four": replaced(T, (2, 0), ["t", {}, 1, []]),
    "attempts that lack": replaced(D, (4,), []),
    "values that lack": replaced(D, (5,), []),
    "an unknown outcome": replaced(D, (6, 0, 2), "dead"),
    "an outcome that cannot be hashed": replaced(D, (6, 0, 2), []),
    "an error without a type": replaced(D, (6, 0, 3), {"text": ""}),
    "an error whose text is bytes": replaced(D, (6, 0, 3), {"type": "E", "text": b""}),
    "an error that comes back before now": replaced(D, (6, 0, 3), {**E, "after": -1.0}),
    "an error that comes back some time": replaced(D, (6, 0, 3), {**E, "after": NAN}),
    "an error that timed out some time": replaced(D, (6, 0, 3), {**E, "timeout": "1"}),
    "a snooze without end": replaced(D, (6, 0, 3), {**E, "snooze": True}),
    "a snooze that is a number": replaced(D, (6, 0, 3), {**E, "after": 1.0, "snooze": 1}),
    "times of one number": replaced(D, (7,), {"t": [1.0]}),
    "times below 0": replaced(D, (7,), {"t": [1, -1.0]}),
    "a backlog of 4": [verbs.DEMAND, 1, 4],
    "a cancellation that is harder": [verbs.CANCEL, 1, [1], 2],
    "a credit below 0": [verbs.CREDIT, 1, -1, 0],
    "more extra than credit": [verbs.CREDIT, 1, 3, 0, 4],
    "a producer id that is a number": [*H, 7],
    "a producer id with control characters": [*H, "p\n"],
    "words as a text": replaced(C, (20,), "deliver"),
    "a word in capitals": replaced(C, (20,), ["Deliver"]),
    "too many words": replaced(C, (20,), ["deliver"] * (limits.WORDS_MAX + 1)),
    "sinks as a text": replaced(S, (17,), "s"),
    "a sink without a name": replaced(S, (17,), [""]),
    "too many sinks": replaced(S, (17,), ["s"] * (limits.QUEUES_MAX + 1)),
    "an inbox with control characters": replaced(S, (18,), "i\x1b[2J"),
    "an inbox that is nil": replaced(S, (18,), None),
    "a long inbox": replaced(S, (18,), "ä" * 65),
    "ranges out of order": replaced(S, (19,), [[4, 1], [4, 2]]),
    "ranges that overlap": replaced(S, (19,), [[1, 2], [2, 4]]),
    "ranges that touch": replaced(S, (19,), [[1, 3], [2, 4]]),
    "a range that ends before it begins": replaced(S, (19,), [[2], [1]]),
    "a range without an end": replaced(S, (19,), [[1, 4], [2]]),
    "ranges in pairs": replaced(S, (19,), [[1, 2], [4, 4], [6, 6]]),
    "ranges that are no arrays": replaced(S, (19,), [1, 2]),
    "a range of fractions": replaced(S, (19,), [[1.0], [2.0]]),
    "too many ranges": replaced(S, (19,), [list(range(1, 2 * d.RANGES_MAX + 2, 2))] * 2),
    "a destination of four": replaced(R, (2, 0, 5), ["0" * 32, "", [], "p"]),
    "a destination that is a text": replaced(R, (2, 0, 5), "0" * 32),
    "a destination that is false": replaced(R, (2, 0, 5), False),
    "a destination that is nowhere": replaced(replaced(R, (2, 0, 5, 0), ""), (2, 0, 5, 1), ""),
    "a destination's node that is nil": replaced(R, (2, 0, 5, 0), None),
    "a destination's node that is no id": replaced(R, (2, 0, 5, 0), "0" * 31),
    "a destination's inbox that is nil": replaced(R, (2, 0, 5, 1), None),
    "a destination's inbox with control characters": replaced(R, (2, 0, 5, 1), "i\r"),
    "a destination with five endpoints": replaced(R, (2, 0, 5, 2), ["tcp://10.0.0.7:1"] * 5),
    "a destination with an empty endpoint": replaced(R, (2, 0, 5, 2), [""]),
    "a destination with a long endpoint": replaced(R, (2, 0, 5, 2), ["t" * 129]),
    "a destination without a producer": replaced(R, (2, 0, 5, 3), ""),
    "a destination with a short fingerprint": replaced(R, (2, 0, 5, 5), "f" * 15),
    "a destination with a fingerprint that is nil": replaced(R, (2, 0, 5, 5), None),
    "a neighbour with a fingerprint in upper case": replaced(N, (4, 0, 3), "F" * 16),
    "a neighbour with a key for a fingerprint": replaced(N, (4, 0, 3), b"f" * 16),
    "a task without a number": replaced(R, (2, 0, 5, 4), []),
    "a number without a task": replaced(R, (2, 0, 5, 4), [1, 2]),
    "a number below 0": replaced(R, (2, 0, 5, 4), [-1]),
    "a parcel of four": replaced(P, (3, 0), ["p", "t", [], []]),
    "a parcel without a producer": replaced(P, (3, 0, 0), ""),
    "a parcel of a task with control characters": replaced(P, (3, 0, 1), "t\0"),
    "a parcel without numbers": replaced(P, (3, 0, 2), []),
    "a parcel without tasks": replaced(P, (3, 0, 3), []),
    "a parcel without values": replaced(P, (3, 0, 4), []),
    "a parcel of text": replaced(P, (3, 0, 4), [""]),
    "a parcel without its frame": replaced(P, (3, 0, 4), [None]),
    "too many results in one parcel": replaced(
        P, (3, 0), ["p", "t", [*MANY, 0], [*MANY, 0], [b""] * (len(MANY) + 1)]
    ),
    "too many results in two parcels": replaced(
        P, (3,), [["p", "t", MANY, MANY, [b""] * len(MANY)], ["p", "t", [1], [1], [b""]]]
    ),
    "too many parcels": replaced(P, (3,), [["p", "t", [], [], []]] * (len(MANY) + 1)),
    "a question about a text": [verbs.HAVE, 1, 1, "all"],
    "a question about too much": [verbs.HAVE, 1, 1, [1] * (limits.HELD_MAX + 1)],
    "an unknown state of a number": [verbs.HAS, 1, 1, [0, 1, 2, 3]],
    "a state that is a boolean": [verbs.HAS, 1, 1, [True]],
    "a floor below 0": [verbs.FLOOR, 1, -1],
    "more successes than numbers": [verbs.END, 1, 3, 4],
    "missing numbers out of order": [verbs.ENDED, 1, 1, [[4, 1], [4, 1]]],
    "missing numbers in pairs": [verbs.ENDED, 1, 1, [[1, 2], [4, 5], [7, 8]]],
    "a route without a destination": [verbs.ROUTE, 1, [], None],
    "a route of two lengths": [verbs.ROUTE, 1, [1, 2], R[2][0][5]],
    "a status that is no map": [verbs.STATUS, 1, 1, []],
    "a status of NaN": [verbs.STATUS, 1, 1, {"x": [NAN]}],
    "a status with numbers as keys": [verbs.STATUS, 1, 1, {"x": {1: 1}}],
}


@pytest.mark.parametrize("fields", HOSTILE.values(), ids=HOSTILE)
def test_a_field_that_cannot_be_so_is_a_decode_error(fields):
    why = refused([msgpack.packb(fields)])
    assert why.isprintable()
    assert len(why) < 300


def deep(levels):
    value = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("levels", [20, 500, 1000])
def test_deep_fields_are_a_decode_error(levels):
    refused([msgpack.packb([verbs.STATUS, 1, 1, {"x": deep(levels)}])])
    refused([msgpack.packb(replaced(T, (2, 0, 1), {"new": deep(levels)}))])
    refused([msgpack.packb(replaced(D, (6, 0, 3), {"type": "", "text": "", "x": deep(levels)}))])


@pytest.mark.parametrize("code", [-1, 0, 1, 32])
def test_extension_types_stay_inside_payloads(code):
    extension = struct.pack(">BBb", 0xC7, 4, code) + b"\0" * 4
    refused([b"\x94\x31\x01\x01\x81\xa1x" + extension])


def test_frames_that_belong_to_nothing_are_a_decode_error():
    bye = encode(1, m.Bye())[0]
    refused([*bye, b""])
    refused([*encode(1, tasks([70_000]))[0], b"x"])
    refused([bye[0]] * (limits.FRAMES_MAX + 1))
    refused([msgpack.packb(replaced(T, (2, 0, 4), [None])), bytes(limits.PART_BYTES_MAX + 1)])


# -- PARTs -------------------------------------------------------------------------------------


def part(transfer, index, count, size=limits.PART_BYTES_MAX, *more):
    return [msgpack.packb([verbs.PART, transfer, index, count, *more]), bytes(size)]


@given(st.permutations(range(3)), st.data())
def test_transfers_may_be_interleaved(order, data):
    """Parts of one transfer in order, those of several in any."""
    messages = [tasks([300_000 + index]) for index in range(3)]
    sent = [encode(number, message) for number, message in enumerate(messages, 1)]
    waiting = [frames[:-1] for frames in sent]
    decoder = Decoder()
    while any(waiting):
        queue = data.draw(st.sampled_from([queue for queue in waiting if queue]))
        assert decoder.decode(queue.pop(0)) is None
    for index in order:
        assert decoder.decode(sent[index][-1]) == (index + 1, messages[index])
    assert decoder.reassembly_bytes == 0


@pytest.mark.parametrize(
    "frames",
    [
        part(1, 1, 3),
        part(1, 0, 0),
        part(1, 3, 3),
        part(-1, 0, 3),
        part(1, -1, 3),
        part(1, True, 3),
        part(1, 0, 2**40),
        part(1, 0, 3, 0),
        part(1, 0, 3, limits.PART_BYTES_MAX + 1),
        part(1, 0, 3, limits.PART_BYTES_MIN - 1),
        part(1, 0, 1, 0),
        part(1, 0, 3)[:1],
        [*part(1, 0, 3), b""],
        [msgpack.packb([verbs.PART, 1, 0]), bytes(5000)],
    ],
)
def test_a_part_that_cannot_be_so_is_a_decode_error(frames):
    refused(frames)


def test_parts_come_once_and_in_order():
    for second in (part(1, 0, 3), part(1, 2, 3), part(1, 1, 4)):
        decoder = Decoder()
        assert decoder.decode(part(1, 0, 3)) is None
        refused(second, decoder)


def test_a_finished_transfer_takes_no_more_and_is_claimed_once():
    decoder = Decoder()
    assert decoder.decode(part(5, 0, 1)) is None
    refused(part(5, 1, 2), decoder)
    frame = [msgpack.packb(replaced(T, (2, 0, 4), [5]))]
    assert decoder.decode(frame)[1].runs[0].args == [bytes(limits.PART_BYTES_MAX)]
    assert decoder.reassembly_bytes == 0
    refused(frame, decoder)


def test_an_unfinished_transfer_cannot_be_claimed():
    decoder = Decoder()
    assert decoder.decode(part(5, 0, 2)) is None
    refused([msgpack.packb(replaced(T, (2, 0, 4), [5]))], decoder)


def test_parts_of_a_newer_minor_version_are_taken():
    assert Decoder().decode(part(1, 0, 1, 5000, "new")) is None


def test_the_bytes_of_unclaimed_parts_are_bounded():
    decoder = Decoder(3 * limits.PART_BYTES_MAX)
    for transfer in (1, 2, 3):
        assert decoder.decode(part(transfer, 0, 2)) is None
    assert decoder.reassembly_bytes == 3 * limits.PART_BYTES_MAX
    assert "bytes in parts" in refused(part(4, 0, 2, 5000), decoder)


def test_the_number_of_unclaimed_transfers_is_bounded():
    decoder = Decoder()
    for transfer in range(limits.TRANSFERS_MAX):
        assert decoder.decode(part(transfer, 0, 1, 1)) is None
    assert "transfers" in refused(part(limits.TRANSFERS_MAX, 0, 1, 1), decoder)


@given(st.lists(st.tuples(numbers, numbers, numbers, st.sampled_from([1, 5000])), max_size=20))
def test_any_parts_are_taken_or_a_decode_error(parts):
    decoder = Decoder(20_000)
    for each in parts:
        with suppress(DecodeError):
            assert decoder.decode(part(*each)) is None
        assert decoder.reassembly_bytes <= 20_000


# -- bombs -------------------------------------------------------------------------------------

BOMBS = {
    "promises": (struct.pack(">BI", 0xDD, 2**31) * 1000).ljust(4_000_000, b"\xc0"),
    "small promises": (struct.pack(">BH", 0xDC, 3_900) * 1000).ljust(3_900, b"\xc0"),
    "maps": struct.pack(">BI", 0xDF, 2**31).ljust(4_000_000, b"\xc0"),
    "a text": struct.pack(">BI", 0xDB, 2**31).ljust(1000, b"x"),
    "empty arrays": struct.pack(">BI", 0xDD, 3_900_000) + b"\x90" * 3_900_000,
    "empty maps": b"\x92\x31" + struct.pack(">BI", 0xDD, 3_900_000) + b"\x80" * 3_900_000,
    "too long": bytes(limits.HEADER_BYTES_MAX + 1),
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_bombs_go_off_without_harm(bomb):
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    # Believed, these would take from 0.3 to 16,000 GB.
    limit = pages * resource.getpagesize() + 128 * KIB * KIB
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    try:
        why = refused([bomb])
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert "Memory" not in why


# -- what we send ------------------------------------------------------------------------------


def failure(seq, **error):
    return m.Failure(seq, 1, m.FAILED, {"type": "E", "text": "", **error})


def test_a_lone_surrogate_in_a_traceback_does_not_keep_a_failure_from_being_told():
    done = m.Done(1, [], [], [], [failure(1, text="no file b\udcff")], {})
    _, read = decoded(encode(1, done))
    assert read.failures[0].error["text"] == "no file b\\udcff"


def test_what_only_producers_say_of_a_failure_is_left_out():
    done = m.Done(1, [], [], [], [failure(1, evidence=5, journal="full", final=True)], {})
    _, read = decoded(encode(1, done))
    assert read.failures[0].error == {"type": "E", "text": "", "final": True}


def test_a_full_batch_fits():
    seqs = list(range(2**63, 2**63 + m.BATCH_COUNT_MAX))
    values = [bytes(m.BATCH_BYTES_MAX // m.BATCH_COUNT_MAX)] * m.BATCH_COUNT_MAX
    done = m.Done(2**63, seqs, seqs, values, [], {"t": [1.0, 1.0]})
    assert decoded(encode(1, done)) == (1, done)
    runs = [
        m.Run("t" * 128, {"queue": "q" * 128, "headers": {"traceparent": "0" * 55}}, 1, [s], [b""])
        for s in seqs
    ]
    assert decoded(encode(1, m.Tasks(runs))) == (1, m.Tasks(runs))


def longest_destination(sink_seqs):
    return d.Destination("0" * 32, "i" * 128, ["e" * 128] * 4, "p" * 128, sink_seqs, "f" * 16)


def longest_runs(count, destination):
    """Tasks of which each is a run of its own, with a full batch's arguments in all."""
    options = {"queue": "q" * 128, "deadline": 1.5, "headers": {"traceparent": "0" * 55}}
    args = bytes(m.BATCH_BYTES_MAX // count)
    return [
        m.Run("t" * 130, options, 2**63, [seq], [args], destination([seq]))
        for seq in range(2**63, 2**63 + count)
    ]


def test_as_many_tasks_with_a_destination_of_their_own_as_are_allowed_fit():
    runs = longest_runs(d.DESTINATIONS_MAX, longest_destination)
    runs[-1].args = [bytes(limits.FRAME_OWN_BYTES - 1)]
    message = m.Tasks(runs, 2**63)
    assert decoded(encode(1, message)) == (1, message)
    with pytest.raises(EncodeError):  # which is why it is cut before
        encode(1, m.Tasks(longest_runs(m.BATCH_COUNT_MAX, longest_destination)))


def test_as_many_destinations_as_tasks_are_not_too_many_containers():
    runs = longest_runs(
        m.BATCH_COUNT_MAX,
        lambda sink_seqs: d.Destination("0" * 32, "", ["e" * 27] * 4, "p" * 32, sink_seqs),
    )
    for run in runs:
        run.name = "t"
    message = m.Tasks(runs)
    assert decoded(encode(1, message)) == (1, message)


def test_a_full_batch_of_results_fits():
    value = bytes(m.BATCH_BYTES_MAX // m.BATCH_COUNT_MAX)
    seqs = range(2**63, 2**63 + m.BATCH_COUNT_MAX)
    parcels = [d.Parcel("p" * 128, "t" * 130, [seq], [seq], [value]) for seq in seqs]
    parcels[-1].values = [bytes(limits.FRAME_OWN_BYTES - 1)]
    message = d.Results(2**63, parcels)
    assert decoded(encode(1, message)) == (1, message)
    large = d.Results(1, [d.Parcel("p", "t", [1], [1], [bytes(300 * KIB)])] * 3)
    assert decoded(encode(1, large)) == (1, large)


def test_all_that_is_said_of_many_numbers_fits():
    held = list(range(2**63, 2**63 + limits.HELD_MAX))
    taken = [[2**63 + 2 * index] * 2 for index in range(d.RANGES_MAX)]
    sinks = ["s" * 128] * limits.QUEUES_MAX
    for message in (
        d.Have(2**63, held),
        d.Has(2**63, [d.HAS_TAKEN] * limits.HELD_MAX),
        d.Route(held, longest_destination(held)),
        d.Ended(2**63, taken),
        m.Welcome(1, "0" * 32, "sink", "n", "r", 1, sinks=sinks, inbox="i" * 128, taken=taken),
    ):
        assert decoded(encode(1, message)) == (1, message)


def test_a_destination_may_be_nil():
    fields = replaced(R, (2, 0, 5), None)
    assert Decoder().decode([msgpack.packb(fields)])[1].runs[0].to is None


def test_thousands_of_long_tracebacks_are_shortened_to_fit():
    long = "\udcff" * (32 * KIB)
    failures = [failure(s, text="t" * 100, traceback=long) for s in range(m.BATCH_COUNT_MAX)]
    multiparts = encode(1, m.Done(1, [], [], [], failures, {}))
    assert len(multiparts[0][0]) <= limits.HEADER_BYTES_MAX
    _, read = decoded(multiparts)
    assert [f.seq for f in read.failures] == list(range(m.BATCH_COUNT_MAX))


def test_a_long_refusal_is_shortened_to_fit():
    _, read = decoded(encode(1, m.Refused("realm", "ä" * 100_000)))
    assert read.text.startswith("äää")


def test_a_message_that_is_too_large_is_not_sent():
    with pytest.raises(EncodeError):
        encode(1, m.Status(1, {"x": "x" * limits.HEADER_BYTES_MAX}))
    with pytest.raises(EncodeError):
        encode(1, m.Status(1, {"x": object()}))
    assert decoded(encode(1, m.Bye())) == (1, m.Bye())
