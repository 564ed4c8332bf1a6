"""What the commands that ask everybody say of a sink."""

from __future__ import annotations

import json

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
