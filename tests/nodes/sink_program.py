"""Sinks as a user starts them: ``python sink_program.py WHICH REALM PATH [OPTION=VALUE...]``.

Each prints its endpoint, and writes results to the file, or database, at PATH.
"""

import os
import sqlite3
import sys
import threading
from pathlib import Path

import zmqwork

app = zmqwork.App("sink-program")
WHICH, REALM, PATH, *OPTIONS = sys.argv[1:]


def say(text):
    print(text, flush=True)


@app.sink(name="append", batch=100)
def append(results):
    """Lines in a file."""
    with Path(PATH).open("a") as file:
        file.writelines(f"{result}\n" for result in results)
        file.flush()
        os.fsync(file.fileno())


@app.sink(name="block")
def block(results):
    """Wait for a character from outside, before anything is stored."""
    say(f"got {len(results)}")
    os.read(0, 1)  # (sys.stdin has a lock, which its program's end would wait for.)
    append(results)


@app.sink(name="hang")
def hang(results):
    """Store, and never return."""
    append(results)
    say("stored")
    threading.Event().wait()


@app.sink(name="fail", retries=0)
def fail(results):
    """Raise, at the third batch."""
    if results[0] >= 3:
        raise ValueError("no more")


class Inbox:
    """An inbox of twenty lines; the transaction is the connection."""

    def __init__(self, path):
        self.id = "box"
        self.path = path

    def store(self, function):
        return InboxStore(self, function)


class InboxStore:
    inbox = "box"

    def __init__(self, inbox, function):
        self.path, self.function = inbox.path, function

    def open(self):
        self.db = sqlite3.connect(self.path)
        self.db.execute("CREATE TABLE IF NOT EXISTS taken (producer_id, first, last)")
        self.db.execute("CREATE TABLE IF NOT EXISTS effects (value)")
        taken = {}
        for producer_id, first, last in self.db.execute("SELECT * FROM taken"):
            taken.setdefault(producer_id, []).append((first, last))
        return taken

    def store(self, batch):
        with self.db:
            self.db.executemany("INSERT INTO taken VALUES (?, ?, ?)", batch.taken)
            self.function(batch.results, self.db)
        say("stored")
        if WHICH == "inbox-hangs":
            threading.Event().wait()

    def close(self):
        self.db.close()


@app.sink(name="once", inbox=Inbox(PATH))
def once(results, tx):
    """Rows, in the transaction of the inbox."""
    tx.executemany("INSERT INTO effects VALUES (?)", [(result,) for result in results])


def main():
    options = dict(option.split("=") for option in OPTIONS)
    name = "once" if WHICH.startswith("inbox") else WHICH
    node = app.sinks[name]._make(
        {
            "realm": REALM,
            "once": "once" in options,
            "expect": int(options.get("expect", 0)),
            "drain_timeout": float(options.get("drain_timeout", 30)),
        }
    )
    threading.Thread(target=announce, args=(node,), daemon=True).start()
    code = node.run()
    say(f"stored {node.stored}")
    sys.exit(code)


def announce(node):
    pause = threading.Event()
    while not node.endpoints:
        pause.wait(0.01)
    say(node.endpoints[0])


if __name__ == "__main__":
    main()
