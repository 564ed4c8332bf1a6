"""The app of these pipelines: one task that says that it runs, and gives a result of some size."""

import json
import os
import threading

import pipes_oracle
import teeth

import zmqwork
from zmqwork.config import Health, SinkConfig, WorkerConfig

# Other defaults for all nodes of a scenario: {"Health": {"lost_timeout": 2.0}, ...}.
for _kind in (Health, SinkConfig, WorkerConfig):
    _changed = json.loads(os.environ.get("CHAOS_CONFIG", "{}")).get(_kind.__name__, {})
    _kind.__init__.__kwdefaults__.update(_changed)

teeth.plant()
app = zmqwork.App("pipeline")


@app.task(max_retries=0)
def work(place, number, seconds=0.0, size=0, bad_every=0):
    """A run; it takes so long, and its result has so many bytes. Some records may be bad."""
    attempt = zmqwork.current().attempt
    pipes_oracle.write_run(place, number, attempt)
    if bad_every and number % bad_every == 0:
        raise ValueError(number)
    if seconds:
        threading.Event().wait(seconds)
    return [number, attempt, os.getpid(), *([bytes(size)] if size else [])]


@app.task
def prepare(place, number, **options):
    """The first of two stages."""
    return {"place": place, "number": number, **options}


@app.task(max_retries=0)
def finish(prepared):
    """The second one: a run."""
    return work(**prepared)
