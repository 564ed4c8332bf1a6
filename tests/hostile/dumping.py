"""A packet dump: ``python dumping.py FILE``, in a network namespace, until its input ends.

Every frame of every interface is written, one behind the other, as it is on the cable. Says
"ready" when it listens, and at its end how many frames were seen and how many were missed.
"""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
from pathlib import Path

ETH_P_ALL = 3
SOL_PACKET, PACKET_STATISTICS = 263, 6
SO_RCVBUFFORCE = 33  # for root: beyond the system's limit
BUFFER_BYTES = 64 * 1024 * 1024
# The kernel joins segments before it hands them on; none gets larger.
FRAME_BYTES_MAX = 1 << 18


def main():
    with (
        Path(sys.argv[1]).open("wb") as dump,
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as ear,
    ):
        ear.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        ear.setblocking(False)
        print("ready", flush=True)
        ended = False
        while not ended:
            ready, _, _ = select.select([ear, sys.stdin], [], [])
            ended = sys.stdin in ready
            try:
                while True:
                    dump.write(ear.recv(FRAME_BYTES_MAX))
            except BlockingIOError:
                pass
        told = ear.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
    seen, missed = struct.unpack("II", told)
    print(json.dumps({"seen": seen, "missed": missed}), flush=True)


if __name__ == "__main__":
    main()
