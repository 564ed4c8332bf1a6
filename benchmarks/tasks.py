"""The app that is measured, for workers and for submitting processes alike."""

from __future__ import annotations

import zmqwork
from benchmarks import work


def make_app() -> zmqwork.App:
    """One more of the same name: a process can be several producers."""
    # (With keys a node would look for others on the network as well.)
    return zmqwork.App("zmqwork-benchmarks", discovery="local")


app = make_app()
noop = app.task(work.noop)
burn = app.task(work.burn)
stay = app.task(work.stay)
