"""Between a worker and its children: frames over a socketpair, outcomes also in shared memory.

A frame is a head (`HEAD`: bytes that follow, kind, bytes of the body), a body, and raw payloads.

To the child: SETUP (what to import), RUN (attempts), NUDGE (look at the flags in shared memory),
GRANTED (index and count: all parts of that attempt below were read).
From the child: READY, TROUBLE (a text: why it cannot serve), OUTCOMES, SPENT (it begins nothing
more, and ends), SAID (index, what `progress.Progress` has), YIELDED (index, first, parts). An index
counts attempts from the child's start.

Both ends are one program of one user on one machine: nothing here is versioned, and bytes that are
no frame mean that user code wrote to our descriptor, which costs the child its life.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgpack

from zmqwork.errors import DecodeError

SETUP, RUN, NUDGE, GRANTED = 1, 2, 3, 4
READY, TROUBLE, OUTCOMES, SPENT, SAID, YIELDED = 17, 18, 19, 20, 21, 22

HEAD = struct.Struct(">QBI")

# A frame of outcomes begins with the head, then: how many outcomes the child had sent before,
# seconds that these ran in all, and msgpack's head of an array with a 32-bit length.
OUTCOMES_HEAD = struct.Struct(">QBIQdBI")
_OUTCOMES_BODY = struct.Struct(">QdBI")
_BATCH = struct.Struct(">Qd")
_ARRAY32 = 0xDD

# Arguments from this size on follow the body as they are, uncopied.
_OWN_BYTES = 64 * 1024

# A RUN frame is cut at this size, so that the child begins while the rest is on its way.
_FRAME_BYTES = 256 * 1024

Frame = tuple[int, bytes | bytearray, int]  # kind, body and payloads, bytes of the body
Outcome = tuple[bool, Any]  # (True, encoded value) or (False, error)


class Attempt(Protocol):
    """What a child must know of an attempt; `core.clients.Held` is one."""

    @property
    def name(self) -> str:
        """The task's name."""

    @property
    def args(self) -> bytes:
        """Its encoded arguments."""

    @property
    def seq(self) -> int:
        """The task's number at its producer."""

    @property
    def attempt(self) -> int:
        """Counts from 1."""

    @property
    def options(self) -> dict[str, Any]:
        """As in `messages.Run`."""

    @property
    def deadline_at(self) -> float | None:
        """The instant when it expires, or None."""

    @property
    def producer_id(self) -> str:
        """The node id of its producer."""


# Consecutive attempts of one kind:
# name, producer id, options, attempt numbers, seqs, deadlines, arguments.
Run = tuple[str, str, dict[str, Any], list[int], list[int], list[float | None], list[bytes]]


class RunPacker:
    """Makes RUN frames. Not for several threads at once."""

    __slots__ = ("_packer",)

    def __init__(self) -> None:
        self._packer = _packer()

    def pack(self, attempts: Sequence[Attempt]) -> list[bytes]:
        """The frames that carry these attempts, as buffers to write in order."""
        buffers: list[bytes] = []
        runs: list[list[Any]] = []
        own: list[bytes] = []
        size_bytes = 0
        name: str | None = None
        options: dict[str, Any] | None = None
        producer_id = ""
        for item in attempts:
            if size_bytes >= _FRAME_BYTES:
                buffers += self._frame(runs, own)
                runs, own, size_bytes, name = [], [], 0, None
            owner_id = item.producer_id
            if item.name != name or item.options is not options or owner_id != producer_id:
                name, options, producer_id = item.name, item.options, owner_id
                numbers: list[int] = []
                seqs: list[int] = []
                deadlines: list[float | None] = []
                args: list[bytes | int] = []
                runs.append([name, producer_id, options, numbers, seqs, deadlines, args])
            numbers.append(item.attempt)
            seqs.append(item.seq)
            deadlines.append(item.deadline_at)
            data = item.args
            size_bytes += len(data)
            if len(data) < _OWN_BYTES:
                args.append(data)
            else:
                args.append(len(data))
                own.append(data)
        if runs:
            buffers += self._frame(runs, own)
        return buffers

    def _frame(self, runs: list[list[Any]], own: list[bytes]) -> list[bytes]:
        body: bytes = self._packer.pack(runs)
        total = len(body) + sum(map(len, own))
        return [HEAD.pack(total, RUN, len(body)) + body, *own]


def unpack_runs(frame: Frame) -> list[Run]:
    """The attempts of a RUN frame."""
    _, data, end = frame
    view = memoryview(data)
    runs: list[Run] = msgpack.unpackb(view[:end])
    for run in runs:
        args: list[Any] = run[6]
        for index, item in enumerate(args):
            if type(item) is int:
                args[index] = bytes(view[end : end + item])
                end += item
    return runs


def pack_message(kind: int, content: Any = None) -> bytes:
    """A frame of a kind that has nothing but a message."""
    body: bytes = msgpack.packb(content)
    return HEAD.pack(len(body), kind, len(body)) + body


def unpack_message(frame: Frame) -> Any:
    """Its content.

    Raises:
        DecodeError: the bytes are nothing that `pack_message` made.
    """
    return _unpack(frame[1])


class OutcomePacker:
    """Makes the entries of OUTCOMES. Not for several threads at once."""

    __slots__ = ("_pack",)

    def __init__(self) -> None:
        self._pack: Callable[[Any], bytes] = _packer().pack

    def entry(self, outcome: Outcome) -> bytes:
        """One outcome: a value is bytes, an error a map, which tells them apart."""
        return self._pack(outcome[1])


def outcomes_head(base: int, seconds: float, count: int, size_bytes: int) -> bytes:
    """The head of an OUTCOMES frame: its entries follow.

    Args:
        base: how many outcomes came before.
        seconds: how long these ran, together.
        count: how many they are.
        size_bytes: of the entries.
    """
    body = size_bytes + _OUTCOMES_BODY.size
    return OUTCOMES_HEAD.pack(body, OUTCOMES, body, base, seconds, _ARRAY32, count)


def unpack_outcomes(frame: Frame) -> tuple[int, float, list[Outcome]]:
    """How many came before, seconds, and the outcomes of an OUTCOMES frame.

    Raises:
        DecodeError: the bytes are no such frame.
    """
    data = frame[1]
    if len(data) < _OUTCOMES_BODY.size:
        raise DecodeError("a child's outcomes are cut short")
    base, seconds = _BATCH.unpack_from(data)
    return base, seconds, _outcomes(_unpack(memoryview(data)[_BATCH.size :]))


def unpack_entries(entries: bytes, count: int) -> list[Outcome]:
    """The outcomes whose entries these are.

    Raises:
        DecodeError: they are not.
    """
    return _outcomes(_unpack(struct.pack(">BI", _ARRAY32, count) + entries))


def _outcomes(entries: Any) -> list[Outcome]:
    if not isinstance(entries, list) or not set(map(type, entries)) <= {bytes, dict}:
        raise DecodeError("a child's outcomes are none")
    return [(type(entry) is bytes, entry) for entry in entries]


def _unpack(data: bytes | bytearray | memoryview) -> Any:
    try:
        return msgpack.unpackb(data)
    # msgpack raises its own errors, ValueError, and what decoding UTF-8 raises.
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException) as error:
        raise DecodeError(f"no frame of a child: {error}") from None


def _packer() -> Any:
    # The default is to allocate 256 KiB at once; it grows when it must. An error's text may have
    # lone surrogates, from file names, which must not keep it from being told.
    return msgpack.Packer(buf_size=16 * 1024, unicode_errors="backslashreplace")
