"""``python -m benchmarks.peers.probe MODULE WORKLOAD RUN``: one run, in a peer's environment.

RUN is a JSON object: the fields of `workloads.Run`. Prints a JSON object: the figures, and the
number of tasks. The harness starts this and reads that.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import cast

from benchmarks.peers.driver import Driver
from benchmarks.peers.workloads import WORKLOADS, Run


def main() -> None:
    module, name, words = sys.argv[1:]
    run = Run(**json.loads(words))
    workload = WORKLOADS[name]
    driver = cast("Driver", importlib.import_module(module))
    with driver.connected(Path(run.place), workload.slots) as client:
        client.call("noop", 0)  # somebody is there
        measured = workload.measure(client, run)
        print(json.dumps({"figures": measured.figures, "count": measured.count}), flush=True)
        if name == "memory":
            # Thousands of tasks still wait. Nobody does for them: the harness ends the processes.
            os._exit(0)


if __name__ == "__main__":
    main()
