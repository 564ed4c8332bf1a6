"""What the commands that ask everybody say of a sink."""

from __future__ import annotations

import json
import re
import threading

from zmqwork import App


def test_ps_shows_sinks(zmqwork, runtime):
    app = App("thumbs")
    sink = app.sink(print, name="pictures")
    with sink.start(name="the sink"):
        (node,) = json.loads(zmqwork("ps", "-o", "json").stdout)["nodes"]
        assert (node["role"], node["name"], node["sinks"]) == ("sink", "the sink", ["pictures"])
        assert (node["queued"], node["stored"], node["duplicates"]) == (0, 0, 0)
        assert (node["producers"], node["workers"], node["inbox"]) == ([], [], "")
        row = zmqwork("ps", "-o", "table").stdout.splitlines()[1]
        assert "pictures" in row
        assert "0 stored" in row
        assert "serving" in row
        explained = zmqwork("explain", "1a2b3c4d-1", "--realm", "thumbs")
        assert "no producer" in explained.stderr


def test_ps_tells_tasks_that_run_from_results_that_a_sink_has_not_taken(
    zmqwork, worker, start, until
):
    """To their producer they may as well run: it hears of them when the sink has them."""
    app = App("thumbs")
    taken = threading.Event()
    worker("--pool", "thread")
    with app.sink(lambda results: taken.wait()).start():
        start("ventilator", "thumbs:app", "double", "--array", "1-3")
        until(
            lambda: re.search(
                r"\([123] of them done, not taken by a sink yet\)", zmqwork("ps").stdout
            )
        )
        taken.set()
