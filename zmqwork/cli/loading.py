"""While a command loads what it needs, the garbage collector rests."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collecting() -> Iterator[None]:
    """Collect no garbage in this block, and never again what is there at its end.

    All that modules make stays: to look through it again and again took a tenth of a command's
    start, and each full collection of a node at work 10 ms.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
