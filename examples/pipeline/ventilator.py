"""The ventilator of the pipeline: ``python ventilator.py``. It ends when the sink has it all."""

from __future__ import annotations

import sys

from worker import app, collatz

import zmqwork

if __name__ == "__main__":
    run = zmqwork.ventilate(app, collatz, range(1, 20_001))
    print(run)
    for sink in run.sinks:
        print(f"sink {sink['sink']} has {sink['succeeded']:,} results")
    sys.exit(run.lost > 0)
