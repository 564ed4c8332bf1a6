"""The verbs' numbers on the wire. A number, once given, never means anything else."""

from __future__ import annotations

from typing import Final

# Any link. HELLO, WELCOME and REFUSED keep their layout in all majors: they say which it is.
HELLO: Final = 1
WELCOME: Final = 2
REFUSED: Final = 3
PING: Final = 4
PONG: Final = 5
DRAINING: Final = 6
BYE: Final = 7
PART: Final = 8

# Producer and worker.
DEMAND: Final = 16
CREDIT: Final = 17
TASKS: Final = 18
STARTED: Final = 19
DONE: Final = 20
DONE_ACK: Final = 21
RETURN: Final = 22
RECALL: Final = 23
CANCEL: Final = 24
PROGRESS: Final = 25
PARTS: Final = 26
PARTS_ACK: Final = 27

# Sinks: with workers, with producers, and between those two about sinks.
RESULTS: Final = 32
RESULTS_ACK: Final = 33
HAVE: Final = 34
HAS: Final = 35
FLOOR: Final = 36
END: Final = 37
ENDED: Final = 38
ROUTE: Final = 39

# Observers.
INFO: Final = 48
STATUS: Final = 49
ORDER: Final = 50
ORDERED: Final = 51
