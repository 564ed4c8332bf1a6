"""A program with keys that fails in every way that it can: where are its secrets seen? KEYS.

It says all that it has of itself: what it logs, its status, stacks and tracebacks. Started by
test_secrets.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import sys
import threading
import traceback
from dataclasses import replace
from pathlib import Path

from zmqwork import App
from zmqwork.errors import KeysError
from zmqwork.execution import stacks
from zmqwork.nodes.auditing import audit_of
from zmqwork.security import keyring
from zmqwork.security.kinds import AUTH_DENY, ROSTER_REFUSED

app = App("secretive")


@app.task(max_retries=0)
def fail(text):
    raise ValueError(text)


def spoil(place, name, text):
    """What is said of a keyring with this file in it."""
    path = place / name
    before = path.read_bytes()
    path.write_bytes(text)
    try:
        keyring.load(place)
    except KeysError as error:
        logging.getLogger("zmqwork").exception("the keys cannot be used")
        traceback.print_exc()
        return str(error)
    finally:
        path.write_bytes(before)
    raise AssertionError(f"{name} was taken with {text[:20]!r}")


def main(place):
    logging.basicConfig(level=logging.DEBUG)
    keys = keyring.load(place)
    print(keys, repr(keys.pair), [keys], {"keys": keys}, f"{keys.pair!s}")
    node = (place / "node.toml").read_bytes()
    reasons = [
        spoil(place, "node.toml", node + b"\xff\xfe"),
        spoil(place, "node.toml", node + b"]["),
        spoil(place, "node.toml", node.replace(b"secret", b"public").replace(b"public", b"x", 1)),
        spoil(place, "node.toml", node.replace(keys.pair.public.encode(), b"0" * 40)),
        spoil(place, "node.toml", node.replace(b'secret = "', b'secret = "x')),
        spoil(place, "discovery.key", keys.discovery_key.hex().encode() + b"00"),
        spoil(place, "discovery.key", b"x" + keys.discovery_key.hex().encode()),
    ]
    watched = keyring.Watched(place)
    try:
        replace(keys, no_such_field=1)
    except TypeError:
        logging.getLogger("zmqwork").exception("a bug with %r at hand", keys)
    with app.worker(1, "thread") as worker, app.producer() as producer:
        worker.auditing.audit = audit_of(worker.node_id, "gpu-1", "worker")
        worker.auditing.audit.note(AUTH_DENY, fingerprint=keys.fingerprint, reason=repr(keys.pair))
        worker.auditing.audit.note(ROSTER_REFUSED, reason="; ".join(reasons))
        print(repr(fail.submit("boom").exception(60)), watched.trouble)
        print(json.dumps([worker.status(), producer.status()], default=repr))
        print(stacks.of_threads())
        faulthandler.dump_traceback(sys.stderr)
    print(Path(f"/proc/{os.getpid()}/cmdline").read_text())
    print([thread.name for thread in threading.enumerate()], worker.config, keys.fingerprint)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
