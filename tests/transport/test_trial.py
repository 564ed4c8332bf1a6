from __future__ import annotations

import pytest

from zmqwork.transport.trial import library, trial


@pytest.mark.parametrize("endpoint", ["tcp://127.0.0.1:*", "ipc://{}/socket"])
def test_all_is_well(tmp_path, endpoint):
    assert trial(endpoint.format(tmp_path), 30.0) == ""
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_bound_says_why(tmp_path):
    assert trial(f"ipc://{tmp_path}/none/socket", 1.0).startswith("cannot bind: ")


def test_what_is_bound_and_closed_to_all(monkeypatch):
    """As behind a firewall: the ROUTER is never looked at, so it never greets."""
    import zmq

    monkeypatch.setattr(zmq, "PROBE_ROUTER", zmq.ROUTER_HANDOVER)
    monkeypatch.setattr("zmqwork.transport.options.zmq.PROBE_ROUTER", zmq.ROUTER_HANDOVER)
    assert trial("tcp://127.0.0.1:*", 0.2) == "bound, but nothing came through within 0.2 s"


def test_the_library_has_what_is_needed():
    built = library()
    assert built["ipc"] is True
    assert str(built["version"]).startswith("4.")
