"""How much memory an object takes, with all that it refers to and nobody else needs."""

from __future__ import annotations

import gc
import sys
import types
from collections.abc import Iterable

# Shared by all that there is, whoever refers to them. (A method leads to its object.)
_SHARED = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType)


def footprint(root: object, *, without: Iterable[object] = ()) -> int:
    """Bytes of `root` and of everything that can be reached from it.

    Args:
        root: where to begin.
        without: what is not counted, nor followed: what it shares with others.
    """
    seen = {id(it) for it in without}
    waiting = [root]
    size_bytes = 0
    while waiting:
        it = waiting.pop()
        if id(it) in seen or isinstance(it, _SHARED):
            continue
        seen.add(id(it))
        size_bytes += sys.getsizeof(it)
        waiting += gc.get_referents(it)
    return size_bytes
