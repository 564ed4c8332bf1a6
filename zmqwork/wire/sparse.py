"""Documents of a few large things: most of what is large, and what copies cost most."""

from __future__ import annotations

# Steps after which a document is not sparse. They cost 10 us, and one that is large and has more
# takes 500 to open.
_STEPS_MAX = 64

_PLAIN = {0xC0, 0xC2, 0xC3}

# Bytes behind the first: floats, integers, extension types of a fixed length.
_FIXED = {
    0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8,
    0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17,
}  # fmt: skip

# Bytes of the length that follows; what stands between it and the bytes that it counts; or the
# things that each of what it counts has.
_COUNTED = {
    0xC4: (1, 0, 0), 0xC5: (2, 0, 0), 0xC6: (4, 0, 0), 0xC7: (1, 1, 0), 0xC8: (2, 1, 0),
    0xC9: (4, 1, 0), 0xD9: (1, 0, 0), 0xDA: (2, 0, 0), 0xDB: (4, 0, 0),
    0xDC: (2, 0, 1), 0xDD: (4, 0, 1), 0xDE: (2, 0, 2), 0xDF: (4, 0, 2),
}  # fmt: skip


def is_sparse(data: bytes | memoryview) -> bool:
    """Whether this is one whole document of a few things: then no length in it is a lie."""
    size, at, due = len(data), 0, 1
    for _ in range(_STEPS_MAX):
        if at >= size:
            return False
        first = data[at]
        at += 1
        due -= 1
        if first < 0x80 or first >= 0xE0 or first in _PLAIN:  # an integer, None, True, False
            pass
        elif first < 0x90:
            due += 2 * (first & 0x0F)
        elif first < 0xA0:
            due += first & 0x0F
        elif first < 0xC0:
            at += first & 0x1F
        elif first in _FIXED:
            at += _FIXED[first]
        elif first in _COUNTED:
            length, behind, items = _COUNTED[first]
            count = int.from_bytes(data[at : at + length], "big")
            at += length
            due += count * items
            at += behind + (0 if items else count)
        else:
            return False  # 0xc1, which msgpack never uses
        if not due:
            return at == size
    return False
