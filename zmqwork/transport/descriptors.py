"""The descriptors of this process: how many there may be, and whose socket a number is."""

from __future__ import annotations

import contextlib
import os
import socket as sockets
import struct
import sys
from collections.abc import Iterator
from typing import NamedTuple

# The soft limit stays below the hard one by this: room for the moment when a crowd has taken all
# the others. An eighth of what there is, if that is less.
RESERVE_MAX = 2048

# A number that the kernel gives to one socket, and to no other ever after (Linux).
_SO_COOKIE = 57
_COOKIE_BYTES = 8

# struct tcp_info: tcpi_bytes_acked and tcpi_bytes_received, since Linux 4.1.
_COUNTS = struct.Struct("=QQ")
_COUNTS_AT = 120


class Traffic(NamedTuple):
    """What went over a tcp connection since it was opened, in bytes.

    Attributes:
        taken: this process has read so many.
        taken_in: the other side's kernel has so many of ours.
        waiting: so many of ours wait in this kernel.
    """

    taken: int
    taken_in: int
    waiting: int


def reserve_of(hard: int) -> int:
    """How much of a hard limit is kept back."""
    return min(RESERVE_MAX, hard // 8)


def descriptor_limits() -> tuple[int, int]:
    """How many descriptors a node uses, and how many it might: the second has the reserve."""
    try:
        import resource  # noqa: PLC0415  # not on Windows
    except ImportError:
        few = 1024 if os.name == "nt" else 256
        return few, few
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard == resource.RLIM_INFINITY:
        hard = sys.maxsize
    return hard - reserve_of(hard), hard


def set_limit(count: int) -> None:
    """Let this process open so many; what is open stays open."""
    try:
        import resource  # noqa: PLC0415  # not on Windows
    except ImportError:
        return
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def raise_descriptor_limit() -> int:
    """Raise the soft limit of open files to the hard one, less the reserve; the limit then.

    A node has two descriptors per peer, and libzmq stops accepting when they are used up.
    """
    usual, _ = descriptor_limits()
    set_limit(usual)
    return usual


def count_open() -> int:
    """How many descriptors are open now; 0 where the system does not tell."""
    try:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names, and no objects
    except OSError:
        return 0


def cookie_of(descriptor: int) -> bytes | None:
    """What tells a socket from all others, also from a later one with its number.

    None: this is no socket any more, or the system has no such thing.
    """
    with _lent(descriptor) as found:
        return _cookie(found) if found is not None else None


@contextlib.contextmanager
def borrow(descriptor: int, cookie: bytes) -> Iterator[sockets.socket | None]:
    """The socket of that cookie, under a number of ours; None: it is gone.

    libzmq's thread closes its sockets at any time, and somebody else's may have the number at once.
    """
    try:
        number = os.dup(descriptor)
    except OSError:
        yield None
        return
    try:
        copy = sockets.socket(fileno=number)
    except OSError:
        os.close(number)  # it is no socket any more
        yield None
        return
    with copy:
        yield copy if _cookie(copy) == cookie else None


def traffic_of(descriptor: int) -> Traffic | None:
    """What went over a tcp connection; None: it is gone, or the system does not tell."""
    with _lent(descriptor) as found:
        if found is None:
            return None
        try:
            info = found.getsockopt(sockets.IPPROTO_TCP, sockets.TCP_INFO, 256)
            acked, received = _COUNTS.unpack_from(info, _COUNTS_AT)
        except (OSError, AttributeError, struct.error):
            return None  # no connection, or no Linux
        unread, waiting = _queues(descriptor)
        return Traffic(int(received) - unread, int(acked), waiting)


def _queues(descriptor: int) -> tuple[int, int]:
    """Bytes in the kernel that came and were not read, and that are not taken in yet."""
    import fcntl  # noqa: PLC0415  # not on Windows
    import termios  # noqa: PLC0415

    try:
        unread = fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4))
        waiting = fcntl.ioctl(descriptor, termios.TIOCOUTQ, bytes(4))
    except OSError:
        return 0, 0
    return struct.unpack("i", unread)[0], struct.unpack("i", waiting)[0]


@contextlib.contextmanager
def _lent(descriptor: int) -> Iterator[sockets.socket | None]:
    """Somebody else's descriptor as a socket object that does not close it."""
    try:
        found = sockets.socket(fileno=descriptor)
    except OSError:
        yield None
        return
    try:
        yield found
    finally:
        found.detach()


def _cookie(found: sockets.socket) -> bytes | None:
    try:
        return found.getsockopt(sockets.SOL_SOCKET, _SO_COOKIE, _COOKIE_BYTES)
    except OSError:
        return None
