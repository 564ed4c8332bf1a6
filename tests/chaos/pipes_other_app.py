"""The app of these pipelines in another version: its task has another signature."""

import pipes_oracle

import zmqwork

app = zmqwork.App("pipeline")


@app.task(max_retries=0)
def work(place, number, *, colour="red"):
    """It must not run what was submitted for the other version."""
    pipes_oracle.write_run(place, number, 1_000)
    return [number, 1_000, 0, colour]
