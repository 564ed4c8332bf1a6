"""When all descriptors are taken: libzmq must not spin, and who is here already stays.

Measured: libzmq's thread tries to accept for ever, at 100 % of a core and 100,000 events a second.
So the limit is raised by what was kept back for this moment, which empties the queues of those who
wait; and a filter at the listening sockets lets the kernel drop whoever knocks, as if the network
had: an honest peer knocks again. When descriptors are free again both are undone.
"""

from __future__ import annotations

import array
import errno
import logging
import socket as sockets
import struct
from collections.abc import Callable
from contextlib import suppress

from zmqwork.transport.descriptors import (
    cookie_of,
    count_open,
    descriptor_limits,
    lent,
    reserve_of,
    set_limit,
)
from zmqwork.transport.options import BACKLOG

_log = logging.getLogger("zmqwork")

_USED_UP = {errno.EMFILE, errno.ENFILE}

# How long the door is shut at least, and how often it is looked whether it can be opened.
_LOOK_INTERVAL = 1.0

_SO_ATTACH_FILTER = 26
_SO_DETACH_FILTER = 27
# A program of one instruction for the kernel's packet filter: return 0, take nothing.
_NOTHING = array.array("B", struct.pack("=HBBI", 0x06, 0, 0, 0))
# What the kernel is given: how many instructions, and where they are.
_PROGRAM = struct.pack("@HP", 1, _NOTHING.buffer_info()[0])


class Crowd:
    """The listening tcp sockets of a node, and whether anybody is let in.

    Args:
        call_later: as `errands.Errands` has it.

    Attributes:
        is_shut: whether nobody is let in.
        times: how often the descriptors were used up.
        refusals: how often libzmq tried to let somebody in, and could not.
    """

    def __init__(self, call_later: Callable[[float, Callable[[], None]], None]) -> None:
        self._call_later = call_later
        self._doors: dict[int, bytes] = {}  # bound: the endpoints of a node
        self.is_shut = False
        self.times = 0
        self.refusals = 0

    def listens(self, descriptor: int) -> None:
        """A tcp listener is there."""
        cookie = cookie_of(descriptor)
        if cookie is None:
            return
        self._doors[descriptor] = cookie
        # Two queues full of people must find room in the reserve.
        with lent(descriptor, cookie) as door, suppress(OSError):
            if door is not None:
                door.listen(max(1, min(BACKLOG, reserve_of(descriptor_limits()[1]) // 2)))
                if self.is_shut:
                    _shut(door)

    def closed(self, descriptor: int) -> None:
        """A listener is gone."""
        self._doors.pop(descriptor, None)

    def refused(self, error: int) -> None:
        """Somebody could not be let in."""
        self.refusals += 1
        if self.is_shut or error not in _USED_UP:
            return
        self.is_shut = True
        self.times += 1
        usual, most = descriptor_limits()
        # In this order: the other way round a crowd might be quicker, and take the reserve as well.
        self._each_door(_shut)
        set_limit(most)
        self._call_later(_LOOK_INTERVAL, self._look)
        if self.times == 1:
            _log.warning(
                "all %d descriptors are taken: nobody is let in until some are free; who is "
                "connected stays",
                usual,
            )

    def _look(self) -> None:
        usual, most = descriptor_limits()
        if count_open() > usual - (most - usual) // 2:
            self._call_later(_LOOK_INTERVAL, self._look)
            return
        self._each_door(_open)
        set_limit(usual)
        self.is_shut = False

    def _each_door(self, change: Callable[[sockets.socket], None]) -> None:
        for descriptor, cookie in self._doors.items():
            with lent(descriptor, cookie) as door, suppress(OSError):
                if door is not None:
                    change(door)


def _shut(door: sockets.socket) -> None:
    door.setsockopt(sockets.SOL_SOCKET, _SO_ATTACH_FILTER, _PROGRAM)


def _open(door: sockets.socket) -> None:
    door.setsockopt(sockets.SOL_SOCKET, _SO_DETACH_FILTER, 0)
