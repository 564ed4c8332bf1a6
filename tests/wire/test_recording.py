"""What journals write down: every part comes back, and bytes that are none raise `DecodeError`."""

from __future__ import annotations

import contextlib
import json
import pathlib

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmqwork.core.ledger import TaskSpec
from zmqwork.core.records import Batch, Filed, Letter, Trial
from zmqwork.errors import DecodeError
from zmqwork.options import TaskOptions
from zmqwork.wire import recording
from zmqwork.wire.recording import decode, encode, split

GOLDEN = json.loads((pathlib.Path(__file__).parent / "golden_records.json").read_text("utf-8"))
PLAIN = TaskSpec("f", "a1", TaskOptions())
FULL = TaskSpec(
    "g[]", "",
    TaskOptions(
        queue="images", max_retries=0, retry_backoff=2.0, retry_backoff_max=9.0, retry_jitter=False,
        retry_for=(ValueError, "x.Y"), no_retry_for=KeyError, countdown=1.5, timeout=3.0,
        soft_timeout=2.0, expires=60.0, inbox=("a", "b"), key="k",
    ),
    64, "a", "ab" * 16,
)  # fmt: skip
SINCE_THEN = TaskSpec("h", "", TaskOptions(priority=-5))
ERROR = {"type": "ValueError", "text": "no", "traceback": None, "attempts": 3, "raw": b"\0"}
# By the names of the golden vectors.
THEN = TaskSpec(
    "f",
    "1",
    TaskOptions(result_ttl=60.0, ignore_result=True, headers={"traceparent": "00-1", "b": "2"}),
)

PARTS = {
    "filed, numbers in a row": Batch(filed=[Filed(PLAIN, [7, 8, 9], [b"a", b"", b"c"])]),
    "filed, with gaps, for an inbox": Batch(
        filed=[Filed(FULL, [1, 3, 2**64 - 1], [b"a", b"b", b"c"], [5, 6, 7])]
    ),
    "filed, options that came later": Batch(filed=[Filed(SINCE_THEN, [1], [b""])]),
    "filed, options that came then": Batch(filed=[Filed(THEN, [1], [b""])]),
    "a trial": Batch(trials=[Trial(7, 1, 2, 3, 4.5, [{"cause": "child died", "attempt": 2}])]),
    "a letter": Batch(letters=[Letter(8, "dead", ERROR)]),
    "settled": Batch(settled={"succeeded": [1, 2, 3, 5]}),
    "settled, in a row": Batch(settled={"expired": [4, 5, 6]}),
    "removed": Batch(removed=[4]),
    "workers": Batch(workers=("ab" * 16, "cd" * 16)),
    "no workers": Batch(workers=()),
}


def parts(body):
    return [(at, part) for _, at, part in decode(body)]


@pytest.mark.parametrize("about", PARTS)
def test_a_part_is_these_bytes_and_back(about):
    """A vector that is there never changes as long as the schema has this number."""
    data = encode(PARTS[about], 1000.5)
    assert data.hex() == GOLDEN[str(recording.SCHEMA)].get(about)
    assert parts(data) == [(1000.5, PARTS[about])]


def test_every_option_has_a_place():
    """A new option is written down like all others, unless it is a sequence: say so there."""
    told = set()
    filed = ("with gaps, for an inbox", "options that came later", "options that came then")
    for about in (f"filed, {what}" for what in filed):
        told |= set(msgpack.unpackb(msgpack.unpackb(encode(PARTS[about], 0.0))[2])[2])
    assert told == {name for name in recording._DEFAULTS if name != "sink"}


def test_a_body_is_parts_one_after_the_other():
    encoded = [encode(part, 1.0) for part in PARTS.values()]
    found = list(decode(b"".join(encoded)))
    assert [part for _, _, part in found] == list(PARTS.values())
    assert [size for size, _, _ in found] == [len(data) for data in encoded]
    assert parts(b"") == []


def test_a_batch_is_split_in_the_order_in_which_its_parts_count():
    whole = Batch(
        filed=[Filed(PLAIN, [1], [b""]), Filed(FULL, [], []), Filed(FULL, [2], [b""], [1])],
        settled={"succeeded": [2], "dead": []},
        letters=[Letter(1, "dead", ERROR)],
        trials=[Trial(1)],
        removed=[1],
        workers=(),
    )
    assert list(split(whole)) == [
        Batch(filed=[Filed(PLAIN, [1], [b""])]),
        Batch(filed=[Filed(FULL, [2], [b""], [1])]),
        Batch(trials=[Trial(1)]),
        Batch(letters=[Letter(1, "dead", ERROR)]),
        Batch(settled={"succeeded": [2]}),
        Batch(removed=[1]),
        Batch(workers=()),
    ]


def test_what_is_large_is_split():
    mib = recording.DOCUMENT_BYTES_MAX
    sizes = [mib // 2, mib // 2, 1, 3 * mib, 5, 5]
    seqs = [10, 11, 12, 13, 14, 15]
    filed = Filed(PLAIN, seqs, [b"x" * size for size in sizes], [seq * 2 for seq in seqs])
    found = [part.filed[0] for part in split(Batch(filed=[filed]))]
    assert [piece.seqs for piece in found] == [[10, 11], [12], [13], [14, 15]]
    assert [piece.sink_seqs for piece in found] == [[20, 22], [24], [26], [28, 30]]
    assert [arg for piece in found for arg in piece.args] == filed.args
    many = list(range(150_000))
    for batch in (Batch(settled={"dead": many}), Batch(removed=many)):
        assert len(list(split(batch))) == 3
    pieces = list(split(Batch(filed=[Filed(PLAIN, many, [b""] * 150_000)])))
    assert [len(piece.filed[0].seqs) for piece in pieces] == [65_536, 65_536, 18_928]


def test_what_no_unicode_is_becomes_an_escape():
    back = parts(encode(Batch(letters=[Letter(1, "dead", {"text": "\ud800"})]), 1.0))
    assert back[0][1].letters[0].error == {"text": "\\ud800"}


def test_specs_are_kept_up_to_a_bound():
    for number in range(2_500):
        spec = TaskSpec(f"t{number}", "", TaskOptions())
        assert (
            parts(encode(Batch(filed=[Filed(spec, [1], [b""])]), 0.0))[0][1].filed[0].spec == spec
        )
    assert len(recording._packed) <= 1_000
    assert len(recording._unpacked) <= 1_000


def spec(*changes):
    told = ["f", "", {}, 1, "", ""]
    for at, value in changes:
        told[at] = value
    return msgpack.packb(told)


def filing(**changed):
    fields = {"kind": 1, "at": 1.0, "spec": spec(), "seqs": [1, 2], "args": [b"", b""], "sinks": []}
    return [*(fields | changed).values()]


BAD = {
    "no array": {"a": 1},
    "too short": [1, 1.0],
    "kind": [7, 1.0, []],
    "kind no number": [[], 1.0, []],
    "items": [6, 1.0, [], 0],
    "time": filing(at=1),
    "time not finite": filing(at=float("nan")),
    "no arguments": filing(args=[], seqs=[]),
    "arguments no bytes": filing(args=["", ""]),
    "fewer numbers": filing(seqs=[1]),
    "numbers not in order": filing(seqs=[2, 2]),
    "numbers below 0": filing(seqs=[-1, 2]),
    "first number too large": filing(seqs=2**64 - 1),
    "numbers at the inbox": filing(sinks=[1]),
    "spec no bytes": filing(spec="f"),
    "spec no array": filing(spec=msgpack.packb(1)),
    "spec no msgpack": filing(spec=b"\xc1"),
    "spec's name": filing(spec=spec((0, ""))),
    "spec's fingerprint": filing(spec=spec((1, 5))),
    "spec's items": filing(spec=spec((3, 0))),
    "spec's inbox": filing(spec=spec((4, "\n"))),
    "spec's node": filing(spec=spec((5, "x"))),
    "an option that is none": filing(spec=spec((2, {"queues": "q"}))),
    "a value that is none": filing(spec=spec((2, {"max_retries": -1}))),
    "an option no array": filing(spec=spec((2, {"retry_for": "x"}))),
    "an extension": filing(args=[msgpack.ExtType(5, b"")] * 2),
    "a trial's count": [2, 1.0, 1, -1, 0, 0, 0.0, []],
    "a trial's delay": [2, 1.0, 1, 0, 0, 0, -1.0, []],
    "a trial's evidence": [2, 1.0, 1, 0, 0, 0, 0.0, [1]],
    "a trial's number": [2, 1.0, "1", 0, 0, 0, 0.0, []],
    "a letter's state": [3, 1.0, 1, "waiting", {}],
    "a letter's error": [3, 1.0, 1, "dead", []],
    "settled as": [4, 1.0, [], 1, [1]],
    "settled how many": [4, 1.0, "dead", 2**20, 1],
    "removed": [5, 1.0, 1, None],
    "workers": [6, 1.0, [""]],
}


@pytest.mark.parametrize("about", BAD)
def test_no_record(about):
    with pytest.raises(DecodeError):
        list(decode(msgpack.packb(BAD[about])))


def test_an_option_of_a_newer_version_is_named():
    body = msgpack.packb(filing(spec=spec((2, {"colour": "red"}))))
    with pytest.raises(DecodeError, match="option 'colour', which this zmqwork does not know: use"):
        list(decode(body))


@pytest.mark.parametrize(
    "body", [b"\xc1", encode(PARTS["settled"], 1.0)[:-1], b"\xdd\xff\xff\xff\xff", b"\x91" * 3000]
)
def test_no_msgpack(body):
    with pytest.raises(DecodeError):
        list(decode(body))


@given(st.binary(max_size=64))
def test_any_bytes(body):
    with contextlib.suppress(DecodeError):
        list(decode(body))


@given(st.sampled_from([*PARTS]), st.data())
def test_one_byte_of_a_record_is_another(about, data):
    body = bytearray(encode(PARTS[about], 1.0))
    body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(DecodeError):
        list(decode(bytes(body)))
