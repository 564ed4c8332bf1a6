"""The app that is measured, for workers and for submitting processes alike."""

from __future__ import annotations

import zmqwork
from benchmarks import work

# (With keys a node would look for others on the network as well.)
app = zmqwork.App("zmqwork-benchmarks", discovery="local")
noop = app.task(work.noop)
burn = app.task(work.burn)
stay = app.task(work.stay)
