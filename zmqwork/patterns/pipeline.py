"""The classic pipeline: ventilator, workers and sink over PUSH and PULL (ZeroMQ guide, 1 and 2).

::

                      PUSH ──► PULL  worker  PUSH ──►
    items ► ventilator         (your function)          PULL  sink ► results
                 │    PUSH ──► PULL  worker  PUSH ──►     ▲
                 └──────────── START, END ────────────────┘

**Guarantee (L0):** at most once. What a worker holds when it is killed, and what lies in its pipes,
is lost. Items are numbered and the ventilator says how many there were, so the sink counts what
is missing and names it.

**Use it** for many short items that may be lost or can be sent again, and with programs that speak
plain ZeroMQ (`raw=True`). Where nothing may be lost, submit tasks to an `zmqwork.App`.

As three scripts, in any order, on one machine::

    from zmqwork.patterns.pipeline import collect, ventilate, work

    print(ventilate(range(10_000), "squares"))              # ventilator.py
    print(work(lambda number: number * number, "squares"))  # worker.py, as often as you like
    print(collect(print, "squares", kill=True))             # sink.py

or with the guide's endpoints instead of a realm::

    guide = Static(ventilator="tcp://127.0.0.1:5557", sink="tcp://127.0.0.1:5558")

What is lost, when, and how much: docs/patterns/pipeline.md.
"""

from __future__ import annotations

from zmqwork.classic.places import Realm, Static
from zmqwork.classic.report import Report, Source, VentilatorReport, WorkerReport, combined
from zmqwork.classic.sink import Sink, collect
from zmqwork.classic.ventilator import Ventilator, ventilate
from zmqwork.classic.worker import Worker, work

__all__ = [
    "Realm",
    "Report",
    "Sink",
    "Source",
    "Static",
    "Ventilator",
    "VentilatorReport",
    "Worker",
    "WorkerReport",
    "collect",
    "combined",
    "ventilate",
    "work",
]
