"""A process that notes as fast as it can: PATH COUNT [BYTES_MAX].

It tells on standard output that it is ready, begins when it gets a line, and tells how it is
at the end. Started by test_audit.
"""

from __future__ import annotations

import json
import os
import sys
from itertools import count
from pathlib import Path

from zmqwork.security import audit
from zmqwork.security.audit import Audit
from zmqwork.security.kinds import AUTH_DENY
from zmqwork.security.rotation import Log


def main(path, amount, bytes_max="1000000000"):
    ticks = count()
    audit.QUEUE_MAX = 1_000_000
    audit._CLOSE_TIMEOUT = 60.0
    origin = {"id": f"{os.getpid():032x}", "name": "writer", "role": "worker", "pid": os.getpid()}
    # A second passes between two notes, so that none is one too many.
    noting = Audit(origin, clock=lambda: float(next(ticks)), log=Log(Path(path), int(bytes_max)))
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(int(amount)):
        noting.note(AUTH_DENY, peer="10.0.0.7", reason="unknown key", number=number)
    noting.close(60.0)
    print(json.dumps(noting.describe()), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
