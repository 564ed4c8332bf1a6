"""A sink: ``python pipes_sink.py PLACE REALM OPTIONS``, the options as JSON.

Which one, `kind` says: ``inbox`` (rows, in the database of `SqliteInbox`), ``plain`` (lines, of which
nothing remembers), ``jsonl`` (`JsonLines`). It says its endpoints on standard output, and at the
end the reports about the producers.
"""

import json
import logging
import os
import sys
import threading
from pathlib import Path

import pipes_oracle
from pipes_app import app

from zmqwork.sinks import JsonLines, SqliteInbox


class Handler:
    """Stores results; slowly, or not before a gate is opened, if the test wants that."""

    def __init__(self, place, label, pace):
        self.place = place
        self.pace = pace
        self.gate = Path(place, f"gate-{label}")
        self.entered = Path(place, f"entered-{label}")

    def wait(self, results):
        """Whatever the test wants to happen before anything is stored."""
        if self.gate.exists():
            with self.entered.open("a") as file:
                file.write(f"{len(results)}\n")
            with self.gate.open("rb", buffering=0) as fifo:
                fifo.read(1)
        if self.pace:
            threading.Event().wait(len(results) / self.pace)

    def plain(self, results):
        self.wait(results)
        pipes_oracle.write_effects(self.place, [result[:3] for result in results])

    def inbox(self, results, tx):
        self.wait(results)
        tx.execute(pipes_oracle.CREATE)
        rows = [(*result[:3], os.getpid()) for result in results]
        tx.executemany(pipes_oracle.INSERT, rows)


def main():
    place, realm, text = sys.argv[1:]
    options = json.loads(text)
    label = options.pop("label")
    logging.basicConfig(level="INFO", format=f"%(asctime)s sink {label} %(levelname)s %(message)s")
    handler = Handler(place, label, options.pop("pace", 0))
    kind = options.pop("kind")
    how = {"name": options.pop("sink", "default"), "batch": options.pop("batch", 500)}
    if kind == "inbox":
        inbox = SqliteInbox(Path(place, f"{label}.db"), id=label)
        sink = app.sink(handler.inbox, inbox=inbox, **how)
    elif kind == "jsonl":
        sink = app.sink(JsonLines(Path(place, f"{label}.jsonl"), id=label), **how)
    else:
        sink = app.sink(handler.plain, **how)
    node = sink._make({"realm": realm, **options})
    threading.Thread(target=announce, args=(node,), daemon=True).start()
    code = node.run()
    print(json.dumps({"code": code, "stored": node.stored, "reports": node.reports}), flush=True)
    sys.exit(code)


def announce(node):
    pause = threading.Event()
    while not node.endpoints:
        pause.wait(0.01)
    print(json.dumps(node.endpoints), flush=True)


if __name__ == "__main__":
    main()
