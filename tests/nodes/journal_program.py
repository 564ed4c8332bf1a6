"""A producer with a journal in a process of its own: ``journal_program.py REALM DIR ORDER ...``.

It answers with lines of JSON, and reads a line before it goes on.
"""

import json
import sys

from work_app import app, gated, note


def say(**what):
    print(json.dumps(what), flush=True)


def submit(producer, count, path):
    """So many tasks that note their numbers in a file."""
    futures = [note.submit(path, number) for number in range(int(count))]
    producer.flush()
    say(id=producer.node_id, confirmed=[future.confirmed for future in futures])
    sys.stdin.readline()
    say(results=[future.result(30) for future in futures])


def hold(producer, *words):
    """One that runs until its gate is there."""
    future = gated.submit(*words)
    future.confirm(30)
    say(id=producer.node_id)
    sys.stdin.readline()


def resume(producer):
    """What is left is finished."""
    say(id=producer.node_id, pending=producer.status()["pending"])
    say(drained=producer.drain(60), counters=producer.status()["counters"])


if __name__ == "__main__":
    realm, directory, order, *words = sys.argv[1:]
    with app.producer(realm=realm, journal=directory) as producer:
        {"submit": submit, "hold": hold, "resume": resume}[order](producer, *words)
