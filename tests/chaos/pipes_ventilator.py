"""A ventilator: ``python pipes_ventilator.py PLACE REALM OPTIONS``, the options as JSON.

Its records are the numbers from 0 to `count` - 1. It says on standard output that it begins, and at
the end what came of it: the `Run`.
"""

import json
import logging
import os
import sys
import threading
from dataclasses import asdict
from pathlib import Path

import pipes_app
from pipes_oracle import PipelineOracle

import zmqwork
from zmqwork.ventilating import Call


class Records:
    """The input; it tells the test how far it is pulled, and waits for what is not released yet."""

    def __init__(self, place, count, *, task, gated=False, skip_done=False):
        self.place = Path(place)
        self.count = count
        self.gated = gated
        self.task = task
        # Without an inbox nobody else remembers: as a user would, look at what is there.
        self.done = PipelineOracle(place).stored() if skip_done else {}

    def __iter__(self):
        pulled = os.open(self.place / "pulled", os.O_WRONLY | os.O_CREAT, 0o600)
        released = 0 if self.gated else self.count
        pause = threading.Event()
        for number in range(self.count):
            while number >= released:
                released = int((self.place / "released").read_text())
                if number >= released:
                    pause.wait(0.01)
            if number in self.done:
                continue
            os.pwrite(pulled, b"%9d" % (number + 1), 0)
            yield Call(number, (str(self.place), number), self.task, number)


def main():
    place, realm, text = sys.argv[1:]
    options = json.loads(text)
    logging.basicConfig(level="INFO", format="%(asctime)s ventilator %(levelname)s %(message)s")
    records = Records(place, **options.pop("records"))
    parts = options.pop("keys", 0)
    if parts:
        options["key"] = lambda number: f"key-{number % parts}"
    tasks = [getattr(pipes_app, name) for name in options.pop("tasks", ["work"])]
    print(json.dumps("begun"), flush=True)
    run = zmqwork.ventilate(pipes_app.app, tasks, records, realm=realm, **options)
    print(json.dumps(asdict(run)), flush=True)


if __name__ == "__main__":
    main()
