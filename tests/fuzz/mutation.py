"""New inputs from old ones: bytes turned over, msgpack and text changed where it means something.

All of it from one seeded generator, so that a seed is all that it takes to see a failure again.
"""

from __future__ import annotations

import re
import struct
from random import Random
from typing import Any

import msgpack

BYTES_MAX = 8 * 1024

# Bytes that mean something to one decoder or another.
TOKENS = [
    b"\x00", b"\xff", b"\xc0", b"\xc1", b"\x90", b"\x80", b"\xdd\xff\xff\xff\xff", b"\xdc\xff\xff",
    b"\xdf\x7f\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff", b"\xc7\x0c\xff",
    b"\xd4\x01\x90", b"\xd8\x20", b"\xcf" + b"\xff" * 8, b"\xd3\x80" + bytes(7),
    b"\xcb\x7f\xf8" + bytes(6), b"\xcb\x7f\xf0" + bytes(6), b"\xa1\xff", b"\xed\xa0\x80",
    b"\x80\x04\x95", b"\xef\xbb\xbf", b"\xff\xfe",
    b"\n", b"\r\n", b"\r", b"\t", b",", b";", b'"', b'""', b"'", b"'''", b"[", b"]", b"{", b"}",
    b"[[", b"=", b"#", b"\\", b"\\u0000", b"\\ud800", b"{}", b"{/}", b"{a.b}", b"-", b":", b"/",
    b"0", b"1", b"-1", b"1e999", b"1e-999", b"NaN", b"Infinity", b"nan", b"inf", b"true", b"null",
    b"18446744073709551616", b"9" * 40, b"9" * 5000, b"0x10", b"1_000", b"\xd9\xa3", b"\xc2\xb2",
    b"tcp://", b"ipc:///", b"dns://", b"dns+srv://", b"[::1]", b"*", b"@", b"..", b"%s", b"\x1b[2J",
    b"id", b"task", b"payload", b"member", b"serial", b"name", b"key", b"roles", b"until", b"version",
    "\u202e".encode(), "\u0661".encode(), "\xe9".encode(), b"[" * 2000, b'{"a":' * 1500,
]  # fmt: skip

_WORD = re.compile(rb'[0-9.]+|[A-Za-z_]+|"[^"\n]*"')

ODD_VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2**31, 2**32, 2**63, 2**64 - 1, -(2**63), 0.0, -0.5, 1e300, 1e-300,
    float("nan"), float("inf"), float("-inf"), "", "x", "\n", "\0", "\x1b[2J", "\u202e", "a" * 300,
    b"", b"x", b"\xff" * 20, b"\x91" * 50, [], [[]], [1, 2], {}, {"": {}}, {1: 1}, {"type": "E"},
    [None] * 20, "0" * 32, "worker", msgpack.ExtType(1, b"\x91\x01"), msgpack.ExtType(32, b"\x90"),
    msgpack.ExtType(99, b""), msgpack.Timestamp(1),
]  # fmt: skip


class Mutator:
    """Makes inputs.

    Args:
        random: seeded.
        pool: inputs so far, to begin with and to cross.
    """

    def __init__(self, random: Random, pool: list[bytes]) -> None:
        self._random = random
        self._pool = pool

    def next(self) -> bytes:
        """Another input."""
        random = self._random
        data = random.choice(self._pool) if self._pool and random.random() < 0.97 else b""
        kind = random.random()
        if kind < 0.4:
            data = self._structured(data)
        elif kind < 0.7:
            data = self._another_word(data)
        for _ in range(random.choice((0, 1, 1, 2, 4, 8))):
            data = self._changed(data)
        return data[:BYTES_MAX] if random.random() < 0.99 else data

    def _changed(self, data: bytes) -> bytes:
        random = self._random
        at = random.randint(0, len(data))
        end = min(len(data), at + random.choice((1, 1, 2, 4, 16)))
        match random.randrange(9):
            case 0 if data:
                at = min(at, len(data) - 1)
                return data[:at] + bytes([data[at] ^ (1 << random.randrange(8))]) + data[at + 1 :]
            case 1:
                return data[:at] + bytes([random.randrange(256)]) + data[at + 1 :]
            case 2:
                return data[:at] + data[end:]
            case 3:
                return data[:at] + data[at:end] * random.choice((2, 3, 50)) + data[end:]
            case 4 | 5:
                return data[:at] + random.choice(TOKENS) + data[at:]
            case 6:
                return data[:at] + random.choice(TOKENS) + data[end:]
            case 7 if self._pool:
                other = random.choice(self._pool)
                return data[:at] + other[random.randint(0, len(other)) :]
            case _:
                return data[:at]

    def _another_word(self, data: bytes) -> bytes:
        """Something else in the place of a number, a word, or a text between quotes."""
        words = list(_WORD.finditer(data))
        if not words:
            return data
        word = self._random.choice(words)
        return data[: word.start()] + self._random.choice(TOKENS) + data[word.end() :]

    def _structured(self, data: bytes) -> bytes:
        """Another value somewhere in a msgpack document, if it is one; of several, in the last."""
        try:
            unpacker = msgpack.Unpacker(raw=False, strict_map_key=False, ext_hook=msgpack.ExtType)
            unpacker.feed(data)
            documents = list(unpacker)
        except Exception:
            return data
        if not any(isinstance(document, list | dict) for document in documents):
            return data  # a text, which looks like a row of numbers
        index = self._random.randrange(len(documents))
        documents[index] = self._elsewhere(documents[index], 0)
        try:
            return b"".join(map(msgpack.packb, documents))
        except Exception:
            return data

    def _elsewhere(self, value: Any, depth: int) -> Any:
        random = self._random
        stays = depth < 8 and random.random() < 0.85
        if stays and type(value) is list and value:
            copy = list(value)
            at = random.randrange(len(copy))
            match random.randrange(12):
                case 0:
                    del copy[at]
                case 1:
                    copy.insert(at, copy[at])
                case 2:
                    copy.append(random.choice(ODD_VALUES))
                case _:
                    copy[at] = self._elsewhere(copy[at], depth + 1)
            return copy
        if stays and type(value) is dict and value:
            copy = dict(value)
            key = random.choice(list(copy))
            if random.random() < 0.2:
                copy[random.choice(("x", 1, b"k", "final", "after", "queue"))] = copy.pop(key)
            else:
                copy[key] = self._elsewhere(copy[key], depth + 1)
            return copy
        if type(value) is int and random.random() < 0.3:
            return value + random.choice((-1, 1, 255, 2**32))
        if type(value) is bytes and random.random() < 0.5:
            return self._changed(self._structured(value))
        return random.choice(ODD_VALUES)


def split_frames(data: bytes) -> list[list[bytes]]:
    """Bytes as messages of frames: each frame with two bytes of length; 0xFFFF: the next message."""
    messages: list[list[bytes]] = [[]]
    at = 0
    while at + 2 <= len(data):
        (length,) = struct.unpack_from(">H", data, at)
        at += 2
        if length == 0xFFFF:
            messages.append([])
            continue
        messages[-1].append(data[at : at + length])
        at += length
    return messages


def join_frames(messages: list[list[bytes]]) -> bytes:
    """The other way."""
    return b"\xff\xff".join(
        b"".join(struct.pack(">H", len(frame)) + bytes(frame) for frame in frames)
        for frames in messages
    )
