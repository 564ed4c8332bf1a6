"""The program of the warden: ends what a worker has left running when it is gone.

It reads process groups from its standard input, a line each: ``17`` runs, ``-17`` has ended. At the
end of that input nobody is left who could end those that run. Started by its file, alone: it
imports nothing of this package, and stays small.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

_INTERVAL = 0.02


def main(grace: float) -> None:
    """Wait until the worker is gone; then end what runs, with so many seconds to do it by itself.

    Args:
        grace: seconds between SIGTERM and SIGKILL.
    """
    # A service's stop is sent to all of its processes. This one ends after the worker.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups = _read()
    _send(groups, signal.SIGTERM)
    give_up_at = time.monotonic() + grace
    while (groups := {group for group in groups if _is_there(group)}) and (
        time.monotonic() < give_up_at
    ):
        time.sleep(_INTERVAL)
    _send(groups, signal.SIGKILL)


def _read() -> set[int]:
    groups: set[int] = set()
    rest = b""
    while data := os.read(0, 65_536):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            number = int(line)
            if number > 0:
                groups.add(number)
            else:
                groups.discard(-number)
    return groups


def _send(groups: set[int], number: signal.Signals) -> None:
    for group in groups:
        with contextlib.suppress(OSError):
            os.killpg(group, number)


def _is_there(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


if __name__ == "__main__":
    main(float(sys.argv[1]))
