"""What large values cost the allocator."""

from __future__ import annotations

import functools

# glibc keeps freed memory up to twice the largest block that it has mapped and freed, 128 KiB at
# first, and gives the rest back: then every megabyte that is freed and allocated again costs 256
# page faults, which is more than all copies of it (P4: 25 % of the worker's time). This is half of
# the most that it would keep by itself (mallopt(3), M_MMAP_THRESHOLD).
_BLOCK_BYTES = 16 * 1024 * 1024


@functools.cache
def keep_freed() -> None:
    """Have the allocator keep what is freed, up to 32 MiB, once large values are about.

    That is what it does by itself after the first value of 16 MiB. It costs 20 us, once: the block
    is mapped, and not touched. Other allocators than glibc's are not impressed.
    """
    bytes(_BLOCK_BYTES)
