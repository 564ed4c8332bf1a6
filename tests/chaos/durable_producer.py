"""A producer with a journal, to be killed: ``durable_producer.py PLACE REALM UP_TO [JOURNAL]``.

It submits the tasks from the first one on that is not known to be confirmed, and says in a file
(``confirmed``) how far they are; what it submitted and could not confirm is submitted again. At
the end it waits for its input to end, and then for all tasks.
"""

import os
import sys
import threading
from pathlib import Path

import chaos_app

import zmqwork

STEP = 50
# So many bytes more for each task.
PAYLOAD = [bytes(int(os.environ["CHAOS_PAYLOAD"]))] if "CHAOS_PAYLOAD" in os.environ else []


def confirmed(place):
    path = Path(place) / "confirmed"
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    return max((int(line) for line in lines[:-1]), default=0)


def submit(producer, place, keys):
    """Until all of them are confirmed; where the disk is full, again and again."""
    while True:
        try:
            for key in keys:
                chaos_app.tally.submit(place, key, *PAYLOAD)
            producer.flush()
        except zmqwork.JournalFull:
            with (Path(place) / "refused").open("ab", buffering=0) as file:
                file.write(b"%d\n" % keys[0])
            threading.Event().wait(0.1)
        else:
            return


def main(place, realm, up_to, journal=None):
    journal = journal or Path(place) / "journal"
    options = {"allow_volatile_journal": True} if "CHAOS_VOLATILE" in os.environ else {}
    with chaos_app.app.producer(realm=realm, journal=journal, **options) as producer:
        fd = os.open(Path(place) / "confirmed", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        for start in range(confirmed(place) + 1, up_to + 1, STEP):
            keys = range(start, min(start + STEP, up_to + 1))
            submit(producer, place, keys)
            os.write(fd, b"%d\n" % keys[-1])
        sys.stdin.read()
        assert producer.drain(60)
        # Left as it is, so that what it counts can be looked at.
        os._exit(0)


if __name__ == "__main__":
    try:
        main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:])
    except zmqwork.JournalError as error:
        # As the commands do; what is written is not known any more, so nothing is done about it.
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(os.EX_IOERR)
